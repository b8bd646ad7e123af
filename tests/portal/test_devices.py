"""The page of trusted devices: what they are, their names, and the end of them."""

from __future__ import annotations

import pytest

from radius_mfa.store import devices
from tests.daemon.server import User
from tests.portal.changing import ADDRESS, notice, signed_in, told, trusted, words, written
from tests.portal.site import Site, heading


def labels(site: Site, user: User) -> list[str]:
    return [row.label for row in devices.all_devices(site.server.database, user.name)]


def test_every_device_is_listed(site: Site) -> None:
    """With its name, kind, client and times; those that have expired are not."""
    user = site.user()
    trusted(site, user, "192.0.2.1", "token", "pbx")
    trusted(site, user, "SHA256:abc", "ssh-key", "sshd")
    trusted(site, user, "", "calling-station", "vpn")
    trusted(site, user, "the old one", days=0.5)
    trusted(site, site.user(), "somebody else's")
    with signed_in(site, user) as browser:
        page = browser.get("/devices")
    assert (200, "Trusted devices") == (page.status_code, heading(page))
    said = words(page)
    for part in (
        "192.0.2.1 What it is Web browser at pbx",
        "SHA256:abc What it is SSH key at sshd",
        "without a name What it is Network address at vpn",
    ):
        assert part in said
    assert "the old one" not in said
    assert "somebody else's" not in said
    assert "Revoke all 3 devices" in said


def test_without_devices_there_is_nothing_to_do(site: Site) -> None:
    """The page says what that means."""
    with signed_in(site, site.user()) as browser:
        page = browser.get("/devices")
    assert "You trust no device" in words(page)
    assert "Revoke" not in page.text


def test_a_browser_that_is_trusted_here_is_listed(site: Site) -> None:
    """By the address it came from."""
    user = site.user()
    with site.browser() as browser:
        browser.sign_in(user, trust="yes")
        assert "127.0.0.1 What it is Web browser at portal" in words(browser.get("/devices"))


def test_a_browser_that_is_revoked_is_asked(site: Site) -> None:
    """Though it still has what showed that it was trusted."""
    user = site.user()
    with site.browser() as browser:
        browser.sign_in(user, trust="yes")
        browser.submit("/logout")
        assert "/" == browser.submit("/login", name=user.name, password=user.password).url.path
        browser.submit("/confirm", next="devices", code=user.code(1))
        browser.submit("/devices", do="revoke-all")
        browser.submit("/logout")
        assert "/login/code" == browser.submit("/login", name=user.name, password=user.password).url.path


def test_one_is_revoked(site: Site) -> None:
    """The other stays; it is written down and told, with its name."""
    user = site.user(mail=ADDRESS)
    first = trusted(site, user, "the desk")
    trusted(site, user, "the laptop")
    with signed_in(site, user) as browser:
        page = browser.submit("/devices", do="revoke", id=str(first))
    assert "/devices" == page.url.path
    assert "The device is not trusted any more" in words(page)
    assert ["the laptop"] == labels(site, user)
    assert [("device-revoked", "")] == written(site, user)
    assert "is not trusted any more" in notice(site, user, '"the desk"')


def test_all_are_revoked(site: Site) -> None:
    """Those of others stay."""
    user, other = site.user(mail=ADDRESS), site.user()
    for label in ("one", "two"):
        trusted(site, user, label)
    trusted(site, other, "three")
    with signed_in(site, user) as browser:
        assert "No device is trusted any more" in words(browser.submit("/devices", do="revoke-all"))
        assert 404 == browser.submit("/devices", do="revoke-all").status_code
    assert ([], ["three"]) == (labels(site, user), labels(site, other))
    assert [("devices-revoked", ""), ("devices-revoked", ""), ("devices-revoked", "failed")] == written(site, user)
    assert 1 == told(site, user)


def test_one_gets_another_name(site: Site) -> None:
    """Whatever is in it is text, on the page and in the mail."""
    user = site.user(mail=ADDRESS)
    number = trusted(site, user, "192.0.2.1")
    name = "<b>Büro</b> & \"'{{ 7 * 7 }}"
    with signed_in(site, user) as browser:
        page = browser.submit("/devices", do="rename", id=str(number), label=f"  {name} ")
    assert "/devices" == page.url.path
    assert "<b>B" not in page.text
    assert "&lt;b&gt;Büro&lt;/b&gt; &amp;" in page.text
    assert [name] == labels(site, user)
    assert [("device-renamed", "")] == written(site, user)
    assert name in notice(site, user, "is now called")


def test_a_name_can_be_taken_away(site: Site) -> None:
    """Then the device has none."""
    user = site.user()
    number = trusted(site, user, "192.0.2.1")
    with signed_in(site, user) as browser:
        assert "Device without a name" in words(browser.submit("/devices", do="rename", id=str(number), label=""))


@pytest.mark.parametrize("label", ["x" * 65, "two\nlines", "\x1b[31m", "a\u202eb", "nul\0"])
def test_what_is_no_name_is_refused(site: Site, label: str) -> None:
    """Too long, or not to be printed: the page says so beside the field, and nothing is written down or told."""
    user = site.user(mail=ADDRESS)
    number = trusted(site, user, "192.0.2.1")
    with signed_in(site, user) as browser:
        page = browser.submit("/devices", do="rename", id=str(number), label=label)
    assert 400 == page.status_code
    assert "A name is one line of at most 64 letters" in words(page)
    assert label not in page.text
    assert ["192.0.2.1"] == labels(site, user)
    assert ([], 0) == (written(site, user), told(site, user))


@pytest.mark.parametrize("do", ["revoke", "rename"])
@pytest.mark.parametrize("number", ["theirs", "0", "-1", "999999", "9" * 18, "9" * 5000, "", "1 OR 1=1", "१"])
def test_only_ones_own_are_changed(site: Site, do: str, number: str) -> None:
    """That of another account, and what is no device at all: refused in the same words, and nothing changed."""
    user, other = site.user(), site.user()
    mine, theirs = trusted(site, user, "mine"), trusted(site, other, "theirs")
    with signed_in(site, user) as browser:
        page = browser.submit("/devices", do=do, id=str(theirs) if number == "theirs" else number, label="changed")
        assert 400 == browser.submit("/devices", do="drop", id=str(mine)).status_code
    assert 404 == page.status_code
    assert "That device is not trusted any more. Nothing was changed." in words(page)
    assert (["mine"], ["theirs"]) == (labels(site, user), labels(site, other))
    assert [] == written(site, user)
