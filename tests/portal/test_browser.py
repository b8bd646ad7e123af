"""Signing in and out in Chromium, with JavaScript and without."""

from __future__ import annotations

import re
import time

import pyotp
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from radius_mfa.store import devices
from tests.daemon.mailbox import in_directory
from tests.daemon.server import wait_for
from tests.mail.chromium import CHROMIUM
from tests.portal.chromium import (
    expect_heading,
    expect_signed_in,
    give_code,
    give_password,
    give_recovery_code,
    sign_in,
    visit,
)
from tests.portal.pages import RECOVERY
from tests.portal.site import Site

pytestmark = pytest.mark.needs(CHROMIUM, package="chromium")


def test_password_and_code(site: Site, page: Page) -> None:
    """Whoever comes is asked for both, sees the first page, and is signed out by a click."""
    user = site.user()
    page.goto("/")
    expect_heading(page, "Sign in")
    sign_in(page, user)
    expect_signed_in(page)
    expect(page.get_by_role("banner")).to_contain_text(user.name)
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect_heading(page, "Sign in")
    page.goto("/")
    expect_heading(page, "Sign in")


def test_a_wrong_password_and_a_wrong_code(site: Site, page: Page) -> None:
    """Both are said where they happened; the name stays, and the right ones let in after all."""
    user = site.user()
    give_password(page, user, "wrong horse")
    expect(page.get_by_role("alert")).to_contain_text("Sign-in failed")
    expect(page.get_by_label("User name")).to_have_value(user.name)
    expect(page.get_by_label("Password")).to_be_focused()
    give_password(page, user)
    give_code(page, "000000")
    expect(page.get_by_role("alert")).to_contain_text("That code was not accepted")
    expect(page.get_by_label("Code from")).to_have_accessible_description(re.compile("^That code was not accepted"))
    expect(page.get_by_label("Code from")).to_be_focused()
    give_code(page, user.code())
    expect_signed_in(page)


def test_what_a_phone_offers_to_type_a_code(site: Site, page: Page) -> None:
    """Digits and the code from a message for the app's, letters for a recovery code."""
    give_password(page, site.user())
    for attribute, value in (("inputmode", "numeric"), ("autocomplete", "one-time-code")):
        expect(page.get_by_label("Code from")).to_have_attribute(attribute, value)
    page.get_by_text("Use a recovery code").click()
    expect(page.get_by_label("Recovery code")).not_to_have_attribute("inputmode", "numeric")


def test_a_recovery_code(site: Site, page: Page) -> None:
    """A mistyped one is said beside its field, which stays open; as it was printed it lets in, and one less is left."""
    user = site.user(recovery=RECOVERY)
    give_password(page, user)
    give_recovery_code(page, "AAAA-BBBB-CCCC-DDDD")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Recovery code")).to_be_focused()
    page.get_by_label("Recovery code").fill("abcd-efgh-ijkl-mnoa")
    page.get_by_role("button", name="Use this recovery code").click()
    expect_signed_in(page)
    expect(page.get_by_text("9 left")).to_be_visible()


def test_enrolment_by_mail(site: Site, page: Page) -> None:
    """The first password sends the key to the masked address, and its first code is let in."""
    address = f"new{time.monotonic_ns()}@example.com"
    user = site.user(token=False, mail=address)
    give_password(page, user)
    expect_heading(page, "Set up your code app")
    expect(page.get_by_text("We have sent a mail to")).to_contain_text("n***@example.com")
    page.get_by_role("button", name="Send the mail again").click()
    expect(page.get_by_role("status")).to_contain_text("wait for that one")
    mails = wait_for(lambda: [mail for mail in in_directory(site.mails) if mail.to == address], "a mail")
    assert 1 == len(mails)
    give_code(page, "000000")
    expect(page.get_by_role("alert")).to_contain_text("That code was not accepted")
    give_code(page, pyotp.TOTP(mails[0].key).now())
    expect_signed_in(page)
    expect(page.get_by_text("You have no recovery codes.")).to_be_visible()


def test_a_trusted_browser_is_asked_for_no_code(site: Site, page: Page) -> None:
    """Nor is it after signing out everywhere; the password is asked for all the same."""
    user = site.user()
    sign_in(page, user, trust=True)
    page.get_by_role("button", name="Sign out", exact=True).click()
    for _ in range(2):
        give_password(page, user)
        expect_signed_in(page)
        expect(page.get_by_text("Let in: trusted device").first).to_be_visible()
        page.get_by_role("button", name="Just sign out everywhere").click()
        expect_heading(page, "You are signed out everywhere")


def test_signing_out_everywhere(site: Site, chromium: Chromium, page: Page) -> None:
    """The other browser is signed out as well."""
    user = site.user(mfa="off", token=False)
    with visit(chromium, site) as other:
        for one in (other, page):
            give_password(one, user)
            expect_signed_in(one)
        page.get_by_role("button", name="Just sign out everywhere").click()
        expect_heading(page, "You are signed out everywhere")
        for one in (other, page):
            one.goto("/")
            expect_heading(one, "Sign in")


def test_a_stranger_was_here(site: Site, page: Page) -> None:
    """Sessions and trusted devices end, and the next sign-in in this very browser asks for a code."""
    user = site.user()
    sign_in(page, user, trust=True)
    expect_signed_in(page)
    page.get_by_role("button", name="This was not me").click()
    expect_heading(page, "You are signed out everywhere")
    expect(page.get_by_text("Change your password now.")).to_be_visible()
    assert [] == devices.all_devices(site.server.database, user.name)
    give_password(page, user)
    expect_heading(page, "Enter your code")


def test_without_a_mouse(site: Site, page: Page) -> None:
    """Nothing but keys, from the first letter of the name to signing out."""
    user = site.user()
    page.goto("/login")
    expect(page.get_by_label("User name")).to_be_focused()
    press(page, f"{user.name}\t{user.password}\n")
    expect(page.get_by_label("Code from")).to_be_focused()
    press(page, f"{user.code()}\n")
    expect_signed_in(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect_heading(page, "Sign in")


def press(page: Page, keys: str) -> None:
    """Each of these as a key."""
    for key in keys:
        page.keyboard.press({"\t": "Tab", "\n": "Enter"}.get(key, key))


TWO_CLICKS = """() => {
  const stopped = [], button = document.querySelector("main button");
  document.addEventListener("submit", event => stopped.push(event.defaultPrevented));
  button.click();
  button.click();
  return stopped;
}"""


def test_a_second_click_sends_nothing(site: Site, chromium: Chromium) -> None:
    """While the answer is on its way, where the script runs: else it would be about a code that is used by now."""
    user = site.user()
    with visit(chromium, site) as page:
        give_password(page, user)
        page.get_by_label("Code from").fill(user.code())
        page.wait_for_load_state()  # by then the script has run
        assert [False, True] == page.evaluate(TWO_CLICKS)
        expect_signed_in(page)


def test_an_account_without_a_second_factor(site: Site, page: Page) -> None:
    """It is told so, and nothing asks it for a code."""
    user = site.user(mfa="off", token=False)
    give_password(page, user)
    expect_signed_in(page)
    expect(page.get_by_text("Your account needs no code")).to_be_visible()
