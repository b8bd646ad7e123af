"""The first page: the state of the second factor, the last logins, and the ways out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from radius_mfa.store import devices
from tests.daemon.server import User
from tests.portal.changing import notice, signed_in
from tests.portal.site import Browser, Site, heading

RECOVERY = tuple(f"ABCDEFGHIJKLMNO{letter}" for letter in "ABCDEFGHIJ")


def fact(page: httpx.Response, name: str) -> str:
    """The value beside this name, without its tags."""
    (found,) = re.findall(rf"<dt>{name}</dt><dd>(.*?)</dd>", page.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", found).split())


def logins(page: httpx.Response) -> list[list[str]]:
    """The rows of the last logins, without the time."""
    rows = re.findall(r'<tr role="row">\s*(<td.*?)</tr>', page.text, re.DOTALL)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub(r"<[^>]*>", "", cell).split()) for cell in row[1:]] for row in cells]


def test_the_state_of_the_second_factor(site: Site) -> None:
    """What there is of it, since when, and the owner's own address and language."""
    user = site.user(recovery=RECOVERY, mail="alice@example.com")
    with site.browser() as browser:
        page = browser.sign_in(user, trust="yes")
        today = time.strftime("%-d %b %Y")
        assert f"Authenticator app since {today}" == fact(page, "Authenticator")
        assert "10 left" == fact(page, "Recovery codes")
        assert "1" == fact(page, "Trusted devices")
        assert "alice@example.com" == fact(page, "Mail address")
        assert "English" == fact(page, "Language")
        assert "All is well." in page.text


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (0, "You have no recovery codes."),
        (1, "1 recovery code left."),
        (3, "3 recovery codes left."),
        (4, "All is well."),
    ],
)
def test_few_recovery_codes_are_said_first(left: int, words: str, site: Site) -> None:
    """With `mfa.recovery_codes.low` of them it is time for new ones."""
    with signed_in(site, site.user(recovery=RECOVERY[:left])) as browser:
        assert words in browser.get("/").text


def test_a_login_elsewhere_is_shown(site: Site) -> None:
    """With the client that asked, and nothing of anybody else."""
    user, other = site.user(), site.user()
    client = site.server.client()
    client.ask(client.request(other.name, "wrong"))
    client.ask(client.request(user.name, "wrong"))
    with signed_in(site, user) as browser:
        page = browser.get("/")
    assert [
        ["Let in with a code", "portal from 127.0.0.1"],
        ["Refused: wrong password", "test from 127.0.0.1"],
    ] == logins(page)
    assert other.name not in page.text


def test_without_the_audit_the_rest_is_shown(site: Site) -> None:
    """A page that lacks the logins is better than none."""
    with signed_in(site, site.user()) as browser:
        away = site.server.audit_file.rename(site.server.audit_file.with_suffix(".away"))
        try:
            page = browser.get("/")
        finally:
            away.rename(site.server.audit_file)
    assert 200 == page.status_code
    assert "They cannot be shown at the moment." in page.text
    assert "the last logins cannot be shown" in site.log()


@pytest.mark.parametrize("path", ["/", "/sign-out-everywhere", "/not-me"])
def test_it_is_for_who_is_signed_in(path: str, browser: Browser) -> None:
    """All others are asked to sign in."""
    page = browser.get(path) if path == "/" else browser.submit(path)
    assert "/login" == page.url.path


def test_signing_out_ends_the_session(site: Site) -> None:
    """Not only its cookie: whoever has stolen that is asked to sign in."""
    with signed_in(site, site.user()) as browser, site.browser() as thief:
        thief.cookies.update(browser.cookies)
        assert "/" == thief.get("/").url.path
        assert "/login" == browser.submit("/logout").url.path
        assert "__Host-session" not in browser.cookies
        assert "/login" == thief.get("/").url.path


@contextmanager
def two(site: Site, user: User) -> Iterator[tuple[Browser, Browser]]:
    """Two browsers in which the user is signed in; the second is trusted, and so is the first."""
    with site.browser() as first, site.browser() as second:
        first.sign_in(user, trust="yes")
        second.cookies.update({"__Host-device": first.cookies["__Host-device"]})
        assert "/" == second.submit("/login", name=user.name, password=user.password).url.path
        yield first, second


def test_signing_out_everywhere(site: Site) -> None:
    """Every session ends, written down and told by mail; the devices stay."""
    user = site.user(mail="alice@example.com")
    with two(site, user) as (first, second):
        assert "You are signed out everywhere" == heading(first.submit("/sign-out-everywhere"))
        assert ["/login", "/login"] == [one.get("/").url.path for one in (first, second)]
    assert 1 == len(devices.all_devices(site.server.database, user.name))
    line = site.server.audit_of(user.name)[-1]
    assert ("change", "signed-out", user.name) == (line["event"], line["reason"], line["actor"])
    assert notice(site, user, "All sessions of the portal")


def test_this_was_not_me(site: Site) -> None:
    """Sessions and devices end, the admin reads it in audit and log, and the owner is told by mail."""
    user = site.user(mail="alice@example.com")
    with two(site, user) as (first, second):
        page = first.submit("/not-me")
        assert "Change your password now." in page.text
        assert "4711" in page.text
        assert ["/login", "/login"] == [one.get("/").url.path for one in (first, second)]
        assert "/login/code" == second.submit("/login", name=user.name, password=user.password).url.path
    assert [] == devices.all_devices(site.server.database, user.name)
    (line,) = (one for one in site.server.audit_of(user.name) if one["event"] == "alert")
    assert ("not-me", user.name, "127.0.0.1") == (line["reason"], line["actor"], line["source"])
    assert f"{user.name} says that a login was not theirs" in site.log()
    assert notice(site, user, "was not theirs")
