"""Signing in to the portal: the rounds of a login, before a browser."""

from __future__ import annotations

from tests.portal.site import Browser, Site, heading


def test_password_and_code_sign_in(site: Site, browser: Browser) -> None:
    """Both are asked, one after the other, and then the visitor is in."""
    user = site.user()
    page = browser.sign_in(user)
    assert "/" == page.url.path
    assert user.name in page.text


def test_a_wrong_code_is_asked_again_three_times(site: Site, browser: Browser) -> None:
    """Then the login begins anew."""
    user = site.user()
    page = browser.sign_in(user, "000000")
    for _ in range(2):
        assert 403 == page.status_code
        assert "Your code" == heading(page)
        page = browser.submit("/login/code", code="000000")
    assert "Sign in" == heading(page)


def test_a_wrong_password_is_refused(site: Site, browser: Browser) -> None:
    """And an unknown name in the same way."""
    user = site.user()
    wrong = browser.submit("/login", name=user.name, password="wrong")
    unknown = browser.submit("/login", name="nobody-of-that-name", password="wrong")
    assert (403, 403) == (wrong.status_code, unknown.status_code)
    assert wrong.text == unknown.text
