"""Signing in to the portal: the rounds of a login, before a browser."""

from __future__ import annotations

import re
import time

import httpx

from radius_mfa.store import tokens
from tests.portal.site import Browser, Site, heading

RECOVERY = ("ABCDEFGHIJKLMNOA", "ABCDEFGHIJKLMNOB")


def said(page: httpx.Response) -> str:
    """What a page says is wrong."""
    return " ".join(re.findall(r'role="alert"[^>]*>\s*(?:<p>)?([^<]*)<', page.text))


def test_password_and_code_sign_in(site: Site, browser: Browser) -> None:
    """Both are asked, one after the other, and then the visitor is in."""
    user = site.user()
    page = browser.sign_in(user)
    assert "/" == page.url.path
    assert user.name in page.text


def test_who_is_signed_in_is_not_asked_again(site: Site, browser: Browser) -> None:
    """The sign-in leads on."""
    browser.sign_in(site.user())
    assert "/" == browser.get("/login").url.path


def test_a_wrong_code_is_asked_again_three_times(site: Site, browser: Browser) -> None:
    """Then the login begins anew."""
    user = site.user()
    page = browser.sign_in(user, "000000")
    for _ in range(2):
        assert 403 == page.status_code
        assert "Enter your code" == heading(page)
        assert "That code was not accepted" in said(page)
        page = browser.submit("/login/code", code="000000")
    assert "Sign in" == heading(page)
    assert "Sign-in failed" in said(page)
    assert "/login" == browser.submit("/login/code", code=user.code()).url.path


def test_a_wrong_password_is_refused(site: Site, browser: Browser) -> None:
    """And an unknown name in the same way: but for the name itself the two pages are the same."""
    user = site.user()
    unknown_name = "nobody-of-that-name"
    wrong = browser.submit("/login", name=user.name, password="wrong")
    unknown = browser.submit("/login", name=unknown_name, password="wrong")
    assert (403, 403) == (wrong.status_code, unknown.status_code)
    assert wrong.text.replace(f'value="{user.name}"', "") == unknown.text.replace(f'value="{unknown_name}"', "")


def test_what_was_typed_is_text(browser: Browser) -> None:
    """A name comes back as it was, and never as a piece of the page."""
    page = browser.submit("/login", name='"><script>alert(1)</script>', password="wrong")
    assert "<script>alert" not in page.text
    assert 'value="&#34;&gt;&lt;script&gt;' in page.text


def test_a_recovery_code_has_a_field_of_its_own(site: Site, browser: Browser) -> None:
    """What is wrong with it is said there; one code of the app after another recovery code is still a try."""
    user = site.user(recovery=RECOVERY)
    page = browser.submit("/login", name=user.name, password=user.password)
    assert "<details>" in page.text
    page = browser.submit("/login/code", recovery="AAAA-BBBB-CCCC-DDDD")
    assert "<details open>" in page.text
    assert 'id="recovery-error" role="alert"' in page.text
    assert "/" == browser.submit("/login/code", recovery=RECOVERY[0]).url.path


def test_a_recovery_code_trusts_no_browser(site: Site, browser: Browser) -> None:
    """Whatever a form says."""
    user = site.user(recovery=RECOVERY)
    browser.submit("/login", name=user.name, password=user.password)
    browser.submit("/login/code", recovery=RECOVERY[0], trust="yes")
    browser.submit("/logout")
    assert "/login/code" == browser.submit("/login", name=user.name, password=user.password).url.path


def test_who_was_never_asked_has_nothing_to_answer(site: Site, browser: Browser) -> None:
    """Without the first page there is no second one."""
    assert "/login" == browser.get("/login/code").url.path
    assert "/login" == browser.submit("/login/code", code=site.user().code()).url.path


def test_a_first_code_without_a_mail(site: Site, browser: Browser) -> None:
    """Who was given the key by hand is asked for its first code, and offered no mail."""
    user = site.user(token=False)
    key = tokens.NewToken(user.totp.byte_secret())
    tokens.enroll(site.server.database, user.name, key, expires=time.time() + 3600)
    page = browser.submit("/login", name=user.name, password=user.password)
    assert "Set up your code app" == heading(page)
    assert "the mail" not in page.text
    assert "/" == browser.submit("/login/code", code=user.code()).url.path


def test_the_mail_can_be_sent_again(site: Site, browser: Browser) -> None:
    """The word is no code: it is not counted, and the answer does not tell whether a mail has left."""
    user = site.user(token=False, mail="alice@example.com")
    page = browser.submit("/login", name=user.name, password=user.password)
    assert "a***@example.com" in page.text
    assert "alice@example.com" not in page.text
    page = browser.submit("/login/code", code="mail")
    assert (200, "done=mail") == (page.status_code, page.url.query.decode())
    assert "Another mail is on its way, unless" in page.text
    assert ["invited", "invitation-waits"] == [line["reason"] for line in site.server.audit_of(user.name)]
