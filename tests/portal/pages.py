"""Every page of the portal and the way there: for axe, for what has to hold on all of them, and for the pictures.

A page that is added to the portal is added here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.portal.chromium import give_code, give_password, give_recovery_code, sign_in
from tests.portal.site import Site

RECOVERY = tuple(f"ABCDEFGHIJKLMNO{letter}" for letter in "ABCDEFGHIJ")


@dataclass(frozen=True)
class Shown:
    """A page by the name of its picture, and how a fresh browser gets it on the screen."""

    name: str
    go: Callable[[Site, Page], None]


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


def overview(site: Site, page: Page) -> None:
    user = site.user(recovery=RECOVERY, mail="alice@example.com")
    give_password(page, user, "wrong horse")
    give_password(page, user)
    give_code(page, "000000")
    give_code(page, user.code(), trust=True)


def overview_without_codes(site: Site, page: Page) -> None:
    sign_in(page, site.user())


def overview_without_code(site: Site, page: Page) -> None:
    give_password(page, site.user(mfa="off", token=False))


def signed_out(site: Site, page: Page) -> None:
    sign_in(page, site.user())
    page.get_by_role("button", name="Just sign out everywhere").click()


def not_me(site: Site, page: Page) -> None:
    sign_in(page, site.user())
    page.get_by_role("button", name="This was not me").click()


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
    Shown("overview", overview),
    Shown("overview-without-codes", overview_without_codes),
    Shown("overview-without-code", overview_without_code),
    Shown("signed-out", signed_out),
    Shown("not-me", not_me),
    Shown("missing", missing),
]
