"""Every page of the portal and the way there: for axe, for what has to hold on all of them, and for the pictures.

A page that is added to the portal is added here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

from playwright.sync_api import Page, expect

from radius_mfa.audit import AuditFile
from radius_mfa.ports import AuditRecord
from tests.daemon.mailbox import in_directory
from tests.daemon.server import PASSWORD, wait_for
from tests.portal.changing import age, second, trusted
from tests.portal.chromium import SENT, arrive, give_code, give_password, give_recovery_code
from tests.portal.site import Site

_NUMBERS = count()
RECOVERY = tuple(f"ABCDEFGHIJKLMNO{letter}" for letter in "ABCDEFGHIJ")


@dataclass(frozen=True)
class Shown:
    """A page by the name of its picture, and how a fresh browser gets there. `linked`: where mails bring links."""

    name: str
    go: Callable[[Site, Page], None]
    linked: bool = False

    def show(self, site: Site, page: Page) -> None:
        """Get it on the screen."""
        self.go(site, page)
        expect(page.locator(SENT)).to_have_count(0)
        page.wait_for_load_state()


def login(site: Site, page: Page) -> None:
    page.goto("/")


def login_refused(site: Site, page: Page) -> None:
    give_password(page, site.user(), "wrong horse")


def code(site: Site, page: Page) -> None:
    give_password(page, site.user())


def code_refused(site: Site, page: Page) -> None:
    give_password(page, site.user())
    give_code(page, "000000")


def recovery_refused(site: Site, page: Page) -> None:
    give_password(page, site.user(recovery=RECOVERY))
    give_recovery_code(page, "AAAA-BBBB-CCCC-DDDD")


def first_code(site: Site, page: Page) -> None:
    give_password(page, site.user(token=False, mail="alice@example.com"))


def first_code_sent_again(site: Site, page: Page) -> None:
    first_code(site, page)
    page.get_by_role("button", name="Send the mail again").click()


def by_link(site: Site, page: Page) -> None:
    address = f"by-link{next(_NUMBERS)}@example.com"
    give_password(page, site.user(token=False, mail=address))
    (mail,) = wait_for(lambda: [mail for mail in in_directory(site.mails) if mail.to == address], "a mail")
    (path,) = re.findall(re.escape(site.url) + r"(/enroll/\S+)", mail.text)
    page.goto(path)


def by_link_refused(site: Site, page: Page) -> None:
    by_link(site, page)
    page.get_by_label("Password").fill("wrong horse")
    page.get_by_role("button", name="Continue").click()


def key_by_link(site: Site, page: Page) -> None:
    by_link(site, page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()


def dead_link(_: Site, page: Page) -> None:
    page.goto("/enroll/no-such-link")


def overview(site: Site, page: Page) -> None:
    user = site.user(recovery=RECOVERY, mail="alice@example.com")
    give_password(page, user, "wrong horse")
    give_password(page, user)
    give_code(page, "000000")
    give_code(page, user.code(), trust=True)


def overview_crowded(site: Site, page: Page) -> None:
    """Much of everything, and of what is one word."""
    long = f"{'x' * 60}{next(_NUMBERS)}"
    user = site.user(name=long, mail=f"{long}@{'y' * 60}.example.com", recovery=RECOVERY[:2])
    second(site, user)
    refused = AuditRecord(time.time(), "login", user.name, "vpn", result="reject", reason="wrong-password")
    places = ("198.51.100.7", "198.51.100.8", "Z" * 80, "198.51.100.9", "198.51.100.10", "198.51.100.7")
    AuditFile(str(site.server.audit_file)).write([replace(refused, source=place) for place in places])
    arrive(site, page, user)
    page.goto("/")


def overview_without_codes(site: Site, page: Page) -> None:
    arrive(site, page, site.user())
    page.goto("/")


def overview_without_code(site: Site, page: Page) -> None:
    give_password(page, site.user(mfa="off", token=False))


def signed_out(site: Site, page: Page) -> None:
    arrive(site, page, site.user())
    page.goto("/")
    page.get_by_role("button", name="Just sign out everywhere").click()


def not_me(site: Site, page: Page) -> None:
    arrive(site, page, site.user())
    page.goto("/")
    page.get_by_role("button", name="This was not me").click()


def confirm(site: Site, page: Page) -> None:
    user = site.user()
    arrive(site, page, user)
    age(site, user, 3600)
    page.goto("/confirm?next=codes")


def confirm_refused(site: Site, page: Page) -> None:
    confirm(site, page)
    give_code(page, "000000")


def confirm_in_vain(site: Site, page: Page) -> None:
    give_password(page, site.user(mfa="off", token=False))
    page.goto("/confirm?next=codes")


def codes(site: Site, page: Page) -> None:
    arrive(site, page, site.user(recovery=RECOVERY))
    page.goto("/codes")
    page.get_by_text("Delete my recovery codes").click()


def codes_deleted(site: Site, page: Page) -> None:
    codes(site, page)
    page.get_by_role("button", name="Delete all recovery codes").click()


def new_codes(site: Site, page: Page) -> None:
    codes_deleted(site, page)
    page.get_by_role("button", name="Make 10 new codes").click()


def no_devices(site: Site, page: Page) -> None:
    arrive(site, page, site.user())
    page.goto("/devices")


def devices(site: Site, page: Page) -> None:
    user = site.user()
    trusted(site, user, "192.0.2.17")
    trusted(site, user, "SHA256:m2zWIVoyTGZbLzPXW8rsgtzjPbmjfLOKzGiXmLOpiQs", "ssh-key", "sshd")
    trusted(site, user, "Laptop at home", "calling-station", "vpn")
    arrive(site, page, user, trust="yes")
    page.goto("/devices")


def device_renamed(site: Site, page: Page) -> None:
    devices(site, page)
    page.get_by_text("Rename").first.click()
    page.get_by_label("New name").first.fill("A name of sixty-four letters, which is as long as a name can be.")
    page.get_by_role("button", name="Save the name").first.click()


def device_misnamed(site: Site, page: Page) -> None:
    devices(site, page)
    page.get_by_text("Rename").first.click()
    page.get_by_label("New name").first.fill("a\u202eb")
    page.get_by_role("button", name="Save the name").first.click()


def authenticator(site: Site, page: Page) -> None:
    arrive(site, page, site.user())
    page.goto("/authenticator")


def authenticators(site: Site, page: Page) -> None:
    user = site.user()
    second(site, user)
    arrive(site, page, user)
    page.goto("/authenticator")
    page.get_by_text("Remove", exact=False).first.click()


def new_phone(site: Site, page: Page) -> None:
    authenticator(site, page)
    page.get_by_label("Name of the new phone").fill("Work phone")
    page.get_by_role("button", name="Show me the key").click()
    page.get_by_text("Steps for Microsoft Authenticator").click()


def new_phone_refused(site: Site, page: Page) -> None:
    new_phone(site, page)
    page.get_by_label("Code from the new phone").fill("000000")
    page.get_by_role("button", name="Add the phone").click()


def out_of_step(site: Site, page: Page) -> None:
    authenticator(site, page)
    page.get_by_text("My codes are not accepted").click()
    page.get_by_label("One code").fill("000000")
    page.get_by_label("The code after it").fill("000000")
    page.get_by_role("button", name="Bring it in step").click()


def missing(site: Site, page: Page) -> None:
    page.goto("/no-such-page")


PAGES = [
    Shown("login", login),
    Shown("login-refused", login_refused),
    Shown("code", code),
    Shown("code-refused", code_refused),
    Shown("recovery-refused", recovery_refused),
    Shown("first-code", first_code),
    Shown("first-code-sent-again", first_code_sent_again),
    Shown("by-link", by_link, linked=True),
    Shown("by-link-refused", by_link_refused, linked=True),
    Shown("key-by-link", key_by_link, linked=True),
    Shown("dead-link", dead_link),
    Shown("overview", overview),
    Shown("overview-crowded", overview_crowded),
    Shown("overview-without-codes", overview_without_codes),
    Shown("overview-without-code", overview_without_code),
    Shown("signed-out", signed_out),
    Shown("not-me", not_me),
    Shown("confirm", confirm),
    Shown("confirm-refused", confirm_refused),
    Shown("confirm-in-vain", confirm_in_vain),
    Shown("codes", codes),
    Shown("codes-deleted", codes_deleted),
    Shown("new-codes", new_codes),
    Shown("no-devices", no_devices),
    Shown("devices", devices),
    Shown("device-renamed", device_renamed),
    Shown("device-misnamed", device_misnamed),
    Shown("authenticator", authenticator),
    Shown("authenticators", authenticators),
    Shown("new-phone", new_phone),
    Shown("new-phone-refused", new_phone_refused),
    Shown("out-of-step", out_of_step),
    Shown("missing", missing),
]
