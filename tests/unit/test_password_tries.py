"""The throttle of passwords as a flow sees it: what is not to be checked costs the same and says the same."""

from __future__ import annotations

import pytest

from radius_mfa.auth.asks import Checked, CheckPassword, Recall, ReturnTry, TakeTry
from radius_mfa.auth.model import Accept, Challenge, ClientPolicy, Dialogue, Reject
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from tests.unit.driving import APPEND, BOTH, NOW, PASSWORD, PBX, SHY, World, alice, code, request, totp

CLIENTS = pytest.mark.parametrize("client", [PBX, APPEND, BOTH, SHY], ids=lambda client: client.shortname)


def throttled() -> World:
    world = World(alice(totp()))
    world.tries = lambda ask: None
    return world


@CLIENTS
def test_without_a_try_the_right_password_is_wrong(client: ClientPolicy) -> None:
    """No backend is asked, and the answer is the one to a wrong password, to the letter."""
    world = throttled()
    field = PASSWORD + code()
    asked = world.login(request(field, client))
    refused = World(alice(totp())).login(request(b"wrong" + code(), client))
    assert isinstance(asked, Reject | Challenge)
    assert Reason.THROTTLED is asked.reason
    assert (type(refused), refused.text) == (type(asked), asked.text)
    hashes = [ask for ask in world.asked if isinstance(ask, CheckPassword)]
    assert {(None, "")} == {(ask.account, ask.name) for ask in hashes}
    assert (2 if client is BOTH else 1) == len(hashes)


def test_a_try_is_taken_before_the_password_is_checked_and_given_back_when_it_was_right() -> None:
    """A wrong one keeps it, so that many at once get no further than many in turn."""
    world = World(alice(totp()))
    world.login(request(calling_station="192.0.2.77"))
    kinds = [type(ask) for ask in world.asked]
    assert kinds.index(TakeTry) < kinds.index(CheckPassword) < kinds.index(ReturnTry)
    (taken,) = (ask for ask in world.asked if isinstance(ask, TakeTry))
    assert (world.accounts["alice"], "alice", "radius\0pbx\0" + "192.0.2.77", NOW) == (
        taken.account, taken.name, taken.place, taken.at,
    )  # fmt: skip
    world.asked.clear()
    world.login(request(b"wrong"))
    assert (1, 0) == (world.count(TakeTry), world.count(ReturnTry))


def test_two_readings_of_one_field_are_one_try() -> None:
    """The dialogue `both` hashes twice and tries once."""
    world = World(alice(totp()))
    world.login(request(b"wrong123456", BOTH))
    assert (1, 2) == (world.count(TakeTry), world.count(CheckPassword))


def test_a_code_is_no_try() -> None:
    """Second rounds have a count of their own."""
    world = World(alice(totp()))
    assert isinstance(world.answered(code()), Accept)
    assert 1 == world.count(TakeTry)


def test_unknown_names_take_tries_like_all_others() -> None:
    """Else a name would be known by how long it waits, or by when it is refused; what can be no name takes none."""
    world = World(alice(totp()))
    world.login(request(name=b"nobody"))
    assert 1 == world.count(TakeTry)
    world.login(request(name=b"\0"))
    assert 1 == world.count(TakeTry)
    world.tries = lambda ask: None
    assert Reason.THROTTLED is world.login(request(name=b"nobody")).reason
    hosts = World(rules=Rules(newcomers=True))
    hosts.host["bob"] = Checked(passed=True)
    hosts.tries = lambda ask: None
    assert Reason.THROTTLED is hosts.login(request(name=b"bob")).reason


@CLIENTS
def test_a_password_that_was_checked_a_moment_ago_is_right(client: ClientPolicy) -> None:
    """The verdict is that of a login that pays for its hash; no backend is asked, and no try is taken."""
    checked, remembered = World(alice(totp())), World(alice(totp()))
    remembered.remembered = lambda ask: ask.password == PASSWORD
    asked = request(PASSWORD if client.dialogue is Dialogue.CHALLENGE else PASSWORD + code(), client)
    assert checked.login(asked) == remembered.login(asked)
    assert (0, 0, 0) == tuple(remembered.count(kind) for kind in (CheckPassword, TakeTry, ReturnTry))


def test_it_is_looked_for_from_the_place_of_the_request() -> None:
    """As a try would be: what is throttled there is not looked at."""
    world = World(alice(totp()))
    world.login(request(calling_station="192.0.2.77"))
    (asked,) = (ask for ask in world.asked if isinstance(ask, Recall))
    assert (world.accounts["alice"], PASSWORD, "radius\0pbx\0" + "192.0.2.77", NOW) == (
        asked.account, asked.password, asked.place, asked.at,
    )  # fmt: skip
    assert world.asked.index(asked) + 1 == [type(ask) for ask in world.asked].index(TakeTry)


def test_a_remembered_password_is_no_way_around_a_disabled_account() -> None:
    """What is not about the password is asked as ever."""
    world = World(alice(totp(), disabled=True))
    world.remembered = lambda ask: True
    assert Reason.DISABLED is world.login(request()).reason


def test_nothing_is_remembered_of_others_than_local_accounts() -> None:
    """A user of the host is asked about each time, an empty password or an unknown name is looked up nowhere."""
    world = World(alice(totp(), backend="pam"), rules=Rules(newcomers=True))
    world.remembered = lambda ask: True
    world.login(request(b"wrong"))
    world.login(request(name=b"nobody"))
    local = World(alice(totp()))
    local.remembered = lambda ask: True
    assert Reason.WRONG_PASSWORD is local.login(request(code(), APPEND)).reason
    assert (0, 0) == (world.count(Recall), local.count(Recall))
