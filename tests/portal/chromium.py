"""Chromium at the portal: somebody's browser, and what people do with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Browser, Page, expect, sync_playwright

from radius_mfa.portal.cookies import SESSION
from tests.conftest import find
from tests.daemon.server import User
from tests.mail.chromium import CHROMIUM
from tests.portal.site import Site

SENT = "form[under-way]"
"""A form whose answer is not there yet, where scripts run."""
MARK_SENT = "addEventListener('submit', event => event.target.setAttribute('under-way', ''), true)"


@contextlib.contextmanager
def launched() -> Iterator[Browser]:
    """A browser process for many visits. No asyncio in this thread until it ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(CHROMIUM))
        yield browser
        browser.close()


@contextlib.contextmanager
def visit(
    chromium: Browser, site: Site, *, script: bool = True, width: int = 1280, scheme: str = "light"
) -> Iterator[Page]:
    """Somebody who was never here before, at no page yet. Nothing that a page loads may be refused by its policy."""
    context = chromium.new_context(
        base_url=site.url,
        ignore_https_errors=True,
        java_script_enabled=script,
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-GB",
    )
    context.add_init_script(MARK_SENT)
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    yield page
    context.close()
    assert [] == refused


def forgotten(page: Page) -> Page:
    """The same window, in which nobody was before."""
    page.goto("about:blank")
    page.context.clear_cookies()
    return page


def give_password(page: Page, user: User, password: str = "") -> None:
    """The first page of a sign-in."""
    page.goto("/login")
    page.get_by_label("User name").fill(user.name)
    page.get_by_label("Password").fill(password or user.password)
    page.get_by_role("button", name="Sign in").click()


def give_code(page: Page, code: str, *, trust: bool = False) -> None:
    """The second page of a sign-in, or the first code of an enrolment."""
    page.get_by_label("code from").fill(code)
    if trust:
        page.get_by_label("Trust this browser").check()
    page.get_by_role("button", name="Continue", exact=True).click()


def give_recovery_code(page: Page, code: str) -> None:
    """The second page of a sign-in, for who has no phone at hand."""
    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill(code)
    page.get_by_role("button", name="Use this recovery code").click()


def sign_in(page: Page, user: User, *, trust: bool = False) -> None:
    """Both, with the code of now."""
    give_password(page, user)
    give_code(page, user.code(), trust=trust)


def arrive(site: Site, page: Page, user: User, **fields: str) -> None:
    """Be signed in as this user, without the pages that lead there: they cost a second."""
    with site.browser() as browser:
        browser.sign_in(user, **fields)
        cookie = {"name": SESSION, "value": browser.cookies[SESSION], "url": site.url}
    page.context.add_cookies([{**cookie, "secure": True, "httpOnly": True}])  # type: ignore[typeddict-item]


def expect_heading(page: Page, text: str) -> None:
    """Which page it is."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def expect_signed_in(page: Page) -> None:
    """The first page of who is signed in."""
    expect_heading(page, "Your second factor")
