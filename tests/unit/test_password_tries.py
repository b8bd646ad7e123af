"""The throttle of passwords as a flow sees it: what is not to be checked costs the same and says the same."""

from __future__ import annotations

import pytest

from radius_mfa.auth.asks import Checked, CheckPassword, ReturnTry, TakeTry
from radius_mfa.auth.model import Accept, Challenge, ClientPolicy, Reject
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
