"""The page of authenticators: a new phone, the end of an old one, and one that is out of step."""

from __future__ import annotations

import html
import re

import pyotp
import pytest

from radius_mfa.auth.model import TokenKind
from radius_mfa.store import devices, tokens
from radius_mfa.store.tokens import NewToken
from tests.daemon.server import User
from tests.portal.changing import (
    ADDRESS,
    add,
    age,
    failures,
    is_locked,
    key_on,
    notice,
    second,
    signed_in,
    told,
    words,
    written,
    wrong_code,
)
from tests.portal.site import Site, heading

RECOVERY = "ABCDEFGHIJKLMNOP"


def statuses(site: Site, user: User) -> list[str]:
    return [row.status.value for row in tokens.all_tokens(site.server.database, user.name)]


def test_the_page_lists_what_there_is(site: Site) -> None:
    """Name, kind and day of each; with one alone, nothing can be removed."""
    user = site.user()
    with signed_in(site, user) as browser:
        page = browser.get("/authenticator")
        assert (200, "Authenticator") == (page.status_code, heading(page))
        assert "Authenticator app It shows a new code every 30 seconds" in words(page)
        assert "It is your only one" in words(page)
        second(site, user, "<i>key fob</i>", TokenKind.HOTP)
        page = browser.get("/authenticator")
    assert "<i>" not in page.text
    assert "<i>key fob</i> It shows a new code at each press" in words(page)
    assert "It is your only one" not in words(page)


def test_a_new_phone_is_shown_in_every_way(site: Site) -> None:
    """As a picture, as a key in groups of four, as a link, and with the steps for two apps; all are one key."""
    user = site.user(mail=ADDRESS)
    with signed_in(site, user) as browser:
        page = browser.submit("/authenticator", do="add", label="work phone")
        again = browser.get("/authenticator")
    assert (200, "Add a phone") == (page.status_code, heading(page))
    key = key_on(page)
    assert 32 == len(key)
    assert re.search(r'id="key">([A-Z2-7]{4} ){7}[A-Z2-7]{4}<', page.text)
    link = re.search(r'href="(otpauth://[^"]+)"', page.text)
    assert link
    parsed = pyotp.parse_uri(html.unescape(link.group(1)))
    assert (key, user.name, "Tests") == (parsed.secret, parsed.name, parsed.issuer)
    for app in ("Microsoft Authenticator", "Google Authenticator"):
        assert f"Steps for {app}" in page.text
    assert '<svg viewBox="0 0 ' in page.text
    assert "work phone waits for its first code" in words(again)
    assert key not in again.text.replace(" ", "")
    assert ["active", "pending"] == statuses(site, user)
    assert [("phone-begun", "")] == written(site, user)
    assert "key for another phone was shown" in notice(site, user, "key for another phone")
    assert key not in site.server.audit_file.read_text() + site.log() + site.server.log()


def test_its_first_code_adds_it(site: Site) -> None:
    """From then on both phones let in, and each has its name."""
    user = site.user(mail=ADDRESS)
    with signed_in(site, user) as browser:
        new = add(browser, user, "work phone")
        page = browser.submit("/authenticator/code", code=new.code())
        assert "/authenticator" == page.url.path
        assert "The new phone is added" in words(page)
        assert "work phone" in words(page)
        for phone, step in ((new, 1), (user, 1)):
            browser.submit("/logout")
            assert "/" == browser.sign_in(phone, phone.code(step)).url.path
    assert ["active", "active"] == statuses(site, user)


def test_its_first_code_needs_no_other_one(site: Site) -> None:
    """Setting up an app may take longer than a step-up holds: the new phone's code is one, and the old one's too."""
    user = site.user()
    with signed_in(site, user) as browser:
        new = add(browser, user)
        age(site, user, 3600)
        assert "/authenticator" == browser.submit("/authenticator/code", code=new.code()).url.path
        assert "Your new recovery codes" == heading(browser.submit("/codes", do="make"))


def test_a_code_of_the_old_phone_adds_nothing(site: Site) -> None:
    """It is said which one is wanted; the code is used up like any other."""
    user = site.user()
    with signed_in(site, user) as browser:
        add(browser, user)
        page = browser.submit("/authenticator/code", code=user.code(1))
        assert "That was a code of another phone" in words(page)
        assert "waits for its first code" in words(page)
        age(site, user, 3600)
        assert 403 == browser.submit("/confirm", next="codes", code=user.code(1)).status_code
    assert ["active", "pending"] == statuses(site, user)


def test_a_wrong_first_code_counts(site: Site) -> None:
    """The page asks again without showing the key, and five of them lock the account and end the session."""
    user = site.user()
    with signed_in(site, user) as browser:
        add(browser, user)
        page = browser.submit("/authenticator/code", code=wrong_code(user))
        assert "That code was not accepted" in words(page)
        assert "otpauth" not in page.text
        assert "waits for its first code" in words(browser.get(page.url))
        assert 1 == failures(site, user)
        for _ in range(3):
            browser.submit("/authenticator/code", code=wrong_code(user))
        assert "/login" == browser.submit("/authenticator/code", code=wrong_code(user)).url.path
    assert is_locked(site, user)
    assert ["active", "pending"] == statuses(site, user)


def test_without_a_new_phone_no_code_is_looked_at(site: Site) -> None:
    """It has ended, or there never was one: the code is not used up."""
    user = site.user()
    with signed_in(site, user) as browser:
        page = browser.submit("/authenticator/code", code=user.code(1))
        assert "did not get its first code in time" in words(page)
        age(site, user, 3600)
        assert "/codes" == browser.submit("/confirm", next="codes", code=user.code(1)).url.path


def test_a_second_key_takes_the_place_of_the_first(site: Site) -> None:
    """The first one's code is worth nothing then."""
    user = site.user()
    with signed_in(site, user) as browser:
        first, then = add(browser, user), add(browser, user)
        assert 403 == browser.submit("/authenticator/code", code=first.code()).status_code
        assert "added" in words(browser.submit("/authenticator/code", code=then.code()))
    assert ["active", "active"] == statuses(site, user)


def test_a_new_phone_has_as_many_digits_as_the_old_one(site: Site) -> None:
    """Whatever new accounts get: in append mode the length of a code tells it from the password."""
    user, database = site.user(token=False), site.server.database
    new = NewToken(pyotp.TOTP(user.totp_secret_base32).byte_secret(), digits=8)
    tokens.confirm(database, user.name, tokens.enroll(database, user.name, new, expires=2e9), step=0, drift=0)
    old = pyotp.TOTP(user.totp_secret_base32, digits=8)
    with site.browser() as browser:
        browser.sign_in(user, old.now())
        page = browser.submit("/authenticator", do="add", label="")
        assert "digits=8" in html.unescape(page.text)
        code = pyotp.TOTP(key_on(page), digits=8).now()
        assert "added" in words(browser.submit("/authenticator/code", code=code))


def test_a_name_that_cannot_be_printed_adds_nothing(site: Site) -> None:
    """The page says so beside the field."""
    user = site.user()
    with signed_in(site, user) as browser:
        for label in ("x" * 65, "two\nlines"):
            page = browser.submit("/authenticator", do="add", label=label)
            assert (403, "Authenticator") == (page.status_code, heading(page))
            assert "A name is one line of at most 64 letters" in words(page)
    assert (["active"], []) == (statuses(site, user), written(site, user))


def test_the_old_phone_is_removed(site: Site) -> None:
    """Its codes let in no more, its devices and sessions end, and the session that asked goes on."""
    user = site.user(mail=ADDRESS)
    with site.browser() as thief, site.browser() as browser:
        thief.sign_in(user, trust="yes")
        number, new = second(site, user)
        assert "/" == browser.sign_in(new).url.path
        old = next(row.id for row in tokens.all_tokens(site.server.database, user.name) if row.id != number)
        page = browser.submit("/authenticator", do="remove", id=str(old))
        assert "The phone is removed" in words(page)
        assert "It is your only one" in words(page)
        assert "/login" == thief.get("/").url.path
        assert "/login/code" == thief.sign_in(user, user.code(1)).url.path
        assert "/" == browser.get("/").url.path
    assert ["active"] == statuses(site, user)
    assert [] == devices.all_devices(site.server.database, user.name)
    assert [("phone-removed", "")] == written(site, user)
    assert "codes of one of your phones do not work any more" in notice(site, user, "one of your phones")


def test_the_only_phone_stays(site: Site) -> None:
    """Whether or not a new one waits for its first code."""
    user = site.user(mail=ADDRESS)
    (row,) = tokens.all_tokens(site.server.database, user.name)
    with signed_in(site, user) as browser:
        for _ in range(2):
            page = browser.submit("/authenticator", do="remove", id=str(row.id))
            assert "This is your only phone. Add another one first." in words(page)
            add(browser, user)
    assert "active" == statuses(site, user)[0]
    assert 2 == told(site, user)  # of the new phones


@pytest.mark.parametrize("number", ["theirs", "0", "999999", "9" * 18, "9" * 5000, "", "x"])
def test_only_ones_own_are_removed(site: Site, number: str) -> None:
    """That of another account, and what is no authenticator at all: nothing is changed."""
    user, other = site.user(), site.user()
    second(site, user)
    theirs = second(site, other)[0]
    with signed_in(site, user) as browser:
        page = browser.submit("/authenticator", do="remove", id=str(theirs) if number == "theirs" else number)
    assert 403 == page.status_code
    assert "That phone is not on your list any more. Nothing was changed." in words(page)
    assert (2, 2) == (len(statuses(site, user)), len(statuses(site, other)))
    assert [] == written(site, user)


def test_two_codes_bring_a_phone_into_step(site: Site) -> None:
    """One whose clock is three minutes ahead lets in again; its codes are used up."""
    user = site.user(mail=ADDRESS)
    number, new = second(site, user)
    with signed_in(site, user) as browser:
        page = browser.submit("/authenticator", do="resync", first=new.code(5), second=new.code(6))
        assert "Your phone is in step again" in words(page)
        page = browser.submit("/authenticator", do="resync", first=new.code(5), second=new.code(6))
        assert "used or passed over before" in words(page)
        browser.submit("/logout")
        assert "/" == browser.sign_in(new, new.code(7)).url.path
    row = next(row for row in tokens.all_tokens(site.server.database, user.name) if row.id == number)
    assert row.drift in (6, 7)
    assert [("phone-in-step", ""), ("phone-in-step", ""), ("phone-in-step", "failed")] == written(site, user)
    assert 1 == told(site, user)


def test_codes_that_are_none_bring_nothing_into_step(site: Site) -> None:
    """Wrong ones, those of another account, what is no code at all, and those of a clock that is hours off."""
    user, other = site.user(), site.user()
    with signed_in(site, user) as browser:
        for first, then in ((1, 3), (2, 1)):
            page = browser.submit("/authenticator", do="resync", first=user.code(first), second=user.code(then))
            assert "These are not two codes" in words(page)
        for pair in ((other.code(1), other.code(2)), ("", ""), ("abc", "12345")):
            page = browser.submit("/authenticator", do="resync", first=pair[0], second=pair[1])
            assert "These are not two codes" in words(page)
        page = browser.submit("/authenticator", do="resync", first=user.code(240), second=user.code(241))
        assert "The clock of that phone is far off" in words(page)
        assert 400 == browser.submit("/authenticator", do="drop").status_code
    assert [] == written(site, user)


def test_whoever_comes_with_a_recovery_code_adds_a_phone(site: Site) -> None:
    """That is what it is for, on the day the old one is gone; the old one is removed then."""
    user = site.user(recovery=[RECOVERY])
    (old,) = tokens.all_tokens(site.server.database, user.name)
    with site.browser() as browser:
        browser.submit("/login", name=user.name, password=user.password)
        assert "/" == browser.submit("/login/code", recovery=RECOVERY).url.path
        new = add(browser, user)
        assert "added" in words(browser.submit("/authenticator/code", code=new.code()))
        assert "removed" in words(browser.submit("/authenticator", do="remove", id=str(old.id)))
        browser.submit("/logout")
        assert "/" == browser.sign_in(new, new.code(1)).url.path
