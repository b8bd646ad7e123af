"""Changes of the second factor in Chromium, with JavaScript and without."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.daemon.server import PASSWORD
from tests.mail.chromium import CHROMIUM
from tests.portal.changing import age
from tests.portal.chromium import expect_heading, expect_signed_in, give_code, give_password, sign_in, visit
from tests.portal.pages import by_link
from tests.portal.site import Site

pytestmark = pytest.mark.needs(CHROMIUM, package="chromium")
KEY = re.compile("((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def go(page: Page, name: str) -> None:
    """By a link at the top of the page."""
    page.get_by_role("navigation").get_by_role("link", name=name).click()


def shown_key(page: Page) -> pyotp.TOTP:
    """The authenticator of the key on the page, groups of four as they stand there."""
    return pyotp.TOTP(page.get_by_text(KEY).inner_text().replace(" ", ""))


def shown_codes(page: Page) -> list[str]:
    expect_heading(page, "Your new recovery codes")
    return page.get_by_role("listitem").filter(has_text=re.compile(r"^[A-Z2-7]{4}-")).all_inner_texts()


def test_recovery_codes_are_made_saved_used_and_deleted(site: Site, page: Page) -> None:
    """They are shown once, as a file too; one of them lets in; deleted, there are none."""
    user = site.user()
    sign_in(page, user)
    page.get_by_role("link", name="Make recovery codes").click()
    press(page, "Make 10 new codes")
    codes = shown_codes(page)
    assert 10 == len(codes)
    with page.expect_download() as download:
        press(page, "Download as text")
    assert codes == re.findall("(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", Path(download.value.path()).read_text())
    page.get_by_role("link", name="I have saved them").click()
    expect(page.get_by_text("You have 10 recovery codes left")).to_be_visible()
    press(page, "Sign out")
    give_password(page, user)
    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0])
    press(page, "Use this recovery code")
    expect_signed_in(page)
    go(page, "Recovery codes")
    expect(page.get_by_text("You have 9 recovery codes left")).to_be_visible()
    page.get_by_text("Delete my recovery codes").click()
    press(page, "Delete all recovery codes")
    expect(page.get_by_role("status")).to_contain_text("deleted")
    expect(page.get_by_text("You have no recovery codes")).to_be_visible()


def test_recovery_codes_are_copied_and_printed(site: Site, chromium: Chromium) -> None:
    """The script adds both; without it their buttons are not there."""
    user = site.user()
    with visit(chromium, site) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.add_init_script("window.print = () => { window.printed = true; }")
        sign_in(page, user)
        page.goto("/codes")
        press(page, "Make 10 new codes")
        codes = shown_codes(page)
        press(page, "Copy")
        expect(page.get_by_role("status")).to_have_text("Copied")
        assert codes == page.evaluate("navigator.clipboard.readText()").split()
        press(page, "Print")
        assert page.evaluate("window.printed")
        page.emulate_media(media="print")
        expect(page.get_by_text(f"Recovery codes of {user.name}")).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)


def test_without_the_script_there_is_nothing_to_copy_with(site: Site, chromium: Chromium) -> None:
    """A button that does nothing is worse than none."""
    with visit(chromium, site, script=False) as page:
        sign_in(page, site.user())
        page.goto("/codes")
        press(page, "Make 10 new codes")
        expect_heading(page, "Your new recovery codes")
        expect(page.get_by_role("button", name="Download as text")).to_be_visible()
        for name in ("Copy", "Print"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)


def test_a_change_asks_for_a_code_once_more(site: Site, page: Page) -> None:
    """Some time after the sign-in; the code leads back to what was to be changed."""
    user = site.user()
    code = user.code()
    give_password(page, user)
    give_code(page, code)
    expect_signed_in(page)
    age(site, user, 3600)
    go(page, "Recovery codes")
    press(page, "Make 10 new codes")
    expect_heading(page, "One more code")
    give_code(page, code)
    expect(page.get_by_role("alert")).to_contain_text("Each code works once")
    give_code(page, user.code(1))
    press(page, "Make 10 new codes")
    expect_heading(page, "Your new recovery codes")


def test_a_trusted_device_is_renamed_and_revoked(site: Site, page: Page) -> None:
    """Until then it needs no code, afterwards it does."""
    user = site.user()
    sign_in(page, user, trust=True)
    go(page, "Devices")
    page.get_by_text("Rename").click()
    page.get_by_label("New name").fill("The old laptop")
    press(page, "Save the name")
    expect(page.get_by_role("heading", name="The old laptop")).to_be_visible()
    press(page, "Revoke")
    expect(page.get_by_text("You trust no device")).to_be_visible()
    press(page, "Sign out")
    give_password(page, user)
    expect_heading(page, "Enter your code")


def test_a_new_phone_takes_the_place_of_the_old_one(site: Site, page: Page) -> None:
    """Its first code adds it; then the old one can go, and only the new one lets in."""
    user = site.user()
    sign_in(page, user)
    go(page, "Authenticator")
    page.get_by_label("Name of the new phone").fill("The new phone")
    press(page, "Show me the key")
    phone = shown_key(page)
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    page.get_by_label("Code from the new phone").fill(phone.now())
    press(page, "Add the phone")
    expect(page.get_by_role("status")).to_contain_text("The new phone is added")
    page.get_by_text("Remove", exact=False).first.click()
    press(page, "Remove it")
    expect(page.get_by_role("status")).to_contain_text("The phone is removed")
    expect(page.get_by_role("heading", name="The new phone")).to_be_visible()
    press(page, "Sign out")
    give_password(page, user)
    give_code(page, user.code(1))
    expect(page.get_by_role("alert")).to_be_visible()
    give_code(page, phone.at(time.time() + 30))
    expect_signed_in(page)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_enrolment_by_link(script: bool, linked: Site, chromium: Chromium) -> None:
    """Mail, password, key, code: then the visitor is in."""
    with visit(chromium, linked, script=script) as page:
        by_link(linked, page)
        page.get_by_label("Password").fill(PASSWORD)
        press(page, "Continue")
        phone = shown_key(page)
        page.get_by_label("Code from the app").fill(phone.now())
        press(page, "Set up and sign in")
        expect_signed_in(page)
