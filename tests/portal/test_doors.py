"""One second factor behind all doors: what was used, made or ended in the portal, over RADIUS and PAM, and back."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from radius_mfa.store import devices, tokens
from tests.daemon.raw import RawClient
from tests.daemon.server import User
from tests.pam.host import NEEDS_HOOK, Host, build
from tests.portal.changing import add, age, is_locked, shown_codes, signed_in, wrong_code
from tests.portal.site import Site, sites

pytestmark = [pytest.mark.needs_root, *NEEDS_HOOK]
CLIENTS = """- {shortname: test, ipaddr: 127.0.0.1, secret: SECRET}
- {shortname: vpn, ipaddr: 127.0.0.2, secret: SECRET, trusted_devices: calling-station}"""
RECOVERY = ["ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOQ"]
STATION: list[tuple[str, object]] = [("Calling-Station-Id", "192.0.2.7")]


@dataclass(frozen=True)
class House:
    """A portal, its daemon, and a host with the hook before it."""

    site: Site
    host: Host

    def radius(self, user: User, code: str) -> bool:
        """Whether password and code let in over RADIUS."""
        client = self.site.server.client()
        asked = client.ask(client.request(user.name, user.password))
        return "accept" == client.ask(client.request(user.name, code, state=asked.state)).result

    def pam(self, user: User, code: str) -> bool:
        """The same through the PAM module."""
        return "success" == self.host.login(user.password, code, user=user.name, timeout=20).result

    def portal(self, user: User, code: str) -> bool:
        """The same at the sign-in of the portal."""
        with self.site.browser() as browser:
            return "/" == browser.sign_in(user, code).url.path

    def confirm(self, user: User, code: str) -> bool:
        """Whether the code confirms a change, in a session that was begun with a recovery code."""
        with self.site.browser() as browser:
            browser.sign_in(user, RECOVERY[0])
            age(self.site, user, 3600)
            return "/codes" == browser.submit("/confirm", next="codes", code=code).url.path


Door = Callable[[House, User, str], bool]
DOORS = {"radius": House.radius, "pam": House.pam, "portal": House.portal, "confirm": House.confirm}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One for all; each test has a user of its own. Not under pytest's directory, which other users cannot enter."""
    with TemporaryDirectory(prefix="radius-mfa-") as name, sites(Path(name)) as made:
        folder = Path(name)
        host = build(folder)
        site = Site(folder / "site", clients=CLIENTS, pam=folder / "door.sock")
        host.stack(host.hook(socket=folder / "door.sock"))
        made.append(site)
        site.start()
        yield House(site, host)


def station(house: House) -> RawClient:
    """A client that says where its users sit."""
    return house.site.server.client(source="127.0.0.2")


@pytest.mark.parametrize(("first", "then"), list(itertools.permutations(DOORS, 2)))
def test_a_code_used_at_one_door_is_refused_at_the_next(house: House, first: str, then: str) -> None:
    """It lets in once, and is no guess afterwards."""
    user = house.site.user(recovery=RECOVERY[:1])
    code = user.code()
    assert DOORS[first](house, user, code)
    assert not DOORS[then](house, user, code)
    assert not is_locked(house.site, user)


def test_a_code_lets_in_once_at_all_doors_at_once(house: House) -> None:
    """Whoever is first."""
    user = house.site.user()
    code = user.code()
    doors: list[Door] = [House.radius, House.pam, House.portal] * 4
    with ThreadPoolExecutor(len(doors)) as pool:
        let_in = list(pool.map(lambda door: door(house, user, code), doors))
    assert {True: 1, False: len(doors) - 1} == Counter(let_in)


def test_recovery_codes_of_the_portal_let_in_everywhere(house: House) -> None:
    """Each once, whatever the door; those before it do not, nor do any once they are deleted."""
    user = house.site.user(recovery=RECOVERY)
    with signed_in(house.site, user) as browser:
        made = shown_codes(browser.submit("/codes", do="make"))
        assert not house.radius(user, RECOVERY[0])
        assert [True, False, False] == [door(house, user, made[0]) for door in (House.radius, House.pam, House.radius)]
        assert [True, False] == [door(house, user, made[1].lower()) for door in (House.pam, House.portal)]
        browser.submit("/codes", do="delete")
    assert not house.radius(user, made[2])
    assert not house.pam(user, made[3])


def test_a_device_that_is_revoked_is_asked_over_radius(house: House) -> None:
    """Until then its station lets in with the password alone."""
    user, client = house.site.user(), station(house)
    asked = client.ask(client.request(user.name, user.password, more=STATION))
    trusting = client.request(user.name, user.code() + "+", state=asked.state, more=STATION)
    assert "accept" == client.ask(trusting).result
    assert "accept" == client.ask(client.request(user.name, user.password, more=STATION)).result
    (device,) = devices.all_devices(house.site.server.database, user.name)
    assert ("vpn", "192.0.2.7") == (device.client, device.label)
    with house.site.browser() as browser:
        browser.sign_in(user, user.code(1))
        browser.submit("/devices", do="rename", id=str(device.id), label="at home")
        assert "accept" == client.ask(client.request(user.name, user.password, more=STATION)).result
        browser.submit("/devices", do="revoke", id=str(device.id))
    assert "challenge" == client.ask(client.request(user.name, user.password, more=STATION)).result


def test_a_new_phone_takes_the_place_of_the_old_one(house: House) -> None:
    """Its first code may come over RADIUS; once the old one is removed, that one's codes let in nowhere."""
    user, database = house.site.user(), house.site.server.database
    (old,) = tokens.all_tokens(database, user.name)
    with signed_in(house.site, user) as browser:
        new = add(browser, user)
        assert house.radius(new, new.code(-1))
        assert house.pam(user, user.code(1))
        browser.submit("/authenticator", do="remove", id=str(old.id))
    assert [True, True] == [house.pam(new, new.code()), house.radius(new, new.code(1))]
    assert not house.radius(user, user.code(2))
    assert not house.pam(user, user.code(2))
    assert ["active"] == [row.status.value for row in tokens.all_tokens(database, user.name)]


def test_a_phone_in_step_again_is_in_step_everywhere(house: House) -> None:
    """One that is three minutes ahead is refused over RADIUS before, and taken after."""
    user = house.site.user(recovery=RECOVERY)
    assert not house.radius(user, user.code(6))
    with house.site.browser() as browser:
        browser.sign_in(user, RECOVERY[0])
        browser.submit("/authenticator", do="resync", first=user.code(6), second=user.code(7))
    assert not house.radius(user, user.code(7))
    assert house.radius(user, user.code(8))


def test_wrong_codes_are_counted_over_all_doors(house: House) -> None:
    """Two at a confirmation and three over RADIUS and PAM lock everywhere, for right codes too."""
    user = house.site.user()
    with house.site.browser() as browser:
        browser.sign_in(user)
        age(house.site, user, 3600)
        wrong = wrong_code(user)
        for _ in range(2):
            browser.submit("/confirm", next="codes", code=wrong)
        assert [False] * 3 == [door(house, user, wrong) for door in (House.radius, House.pam, House.radius)]
        assert is_locked(house.site, user)
        assert "/login" == browser.get("/").url.path
    code = user.code(1)
    assert [False] * 3 == [door(house, user, code) for door in (House.radius, House.pam, House.portal)]


def test_a_code_of_one_account_is_none_of_another(house: House) -> None:
    """At a confirmation as at a login."""
    user, other = house.site.user(), house.site.user()
    with house.site.browser() as browser:
        browser.sign_in(user)
        age(house.site, user, 3600)
        stranger = replace(user, totp_secret_base32=other.totp_secret_base32)
        assert "/confirm" == browser.submit("/confirm", next="codes", code=stranger.code()).url.path
    assert house.radius(other, other.code())
