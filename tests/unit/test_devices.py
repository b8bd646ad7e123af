"""Trusted devices: the password is asked, the code is not, for seven days, on that device alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.asks import Commit, FindDevice, MakeDeviceToken
from radius_mfa.auth.model import Accept, Challenge, Method, Reject
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, say
from tests.unit.driving import NOW, RECOVERY, World, alice, code, dashed, pending, totp, wrong
from tests.unit.trusting import HOST, KEY, PORTAL, SSHD, STATION, WEEK, WIRED, Login, by_device, is_asked


@pytest.fixture
def world() -> World:
    return World(alice(totp()), rules=Rules(low=0))


def test_a_plus_after_the_code_spares_the_next_one(world: World) -> None:
    """The Accept says so, one device is there, and the next login there is asked for its password alone."""
    verdict = Login(world).trust()
    assert say(Text.TRUSTED, time="7 days") == verdict.text
    assert by_device(Login(world).password(NOW + 60))
    assert 1 == len(world.devices)


def test_without_the_plus_nothing_is_trusted(world: World) -> None:
    """A code alone makes no device."""
    assert isinstance(Login(world).code(code()), Accept)
    assert [] == world.devices
    assert is_asked(Login(world).password(NOW + 60))


def test_the_password_is_always_checked(world: World) -> None:
    """A trusted device with a wrong password is refused, and one without any too."""
    Login(world).trust()
    assert Reason.WRONG_PASSWORD is Login(world).password(NOW + 60, b"wrong").reason
    assert Reason.NO_PASSWORD is Login(world).password(NOW + 60, b"").reason


def test_the_prompt_names_the_plus_where_it_would_be_granted(world: World) -> None:
    """By client and station, never by account; a front end with tokens asks in its own way."""
    offers = say(Text.ASK_CODE, trust=say(Text.MAY_TRUST, time="7 days"))
    plain = say(Text.ASK_CODE, trust="")
    shown = [
        (Login(world), offers),
        (Login(world, calling_station="pc-7"), plain),
        (Login(world, PORTAL, device_token=b"x" * 32), plain),
        (Login(world, SSHD, proven_key=KEY, **HOST), offers),
        (Login(world, SSHD, **HOST), plain),
    ]
    for login, text in shown:
        asked = login.password()
        assert isinstance(asked, Challenge)
        assert text == asked.text
    shy = Login(world, replace(WIRED, always_challenge=True))
    decoys = [shy.password(), shy.password(password=b"wrong"), shy.password(name=b"nobody")]
    assert {offers} == {one.text for one in decoys}


@pytest.mark.parametrize("sent", [code() + b"+", code() + b"++", b"+", dashed() + b"+"])
def test_elsewhere_a_plus_is_text(sent: bytes) -> None:
    """At a client that trusts nothing, a code with a plus is no code."""
    world = World(alice(totp()), codes=[RECOVERY])
    assert Reason.NOT_A_CODE is world.answered(sent).reason


def test_two_pluses_are_no_wish(world: World) -> None:
    """One is taken off; what is left is no code, and is not counted."""
    assert Reason.NOT_A_CODE is Login(world).code(code() + b"++").reason
    assert 0 == world.accounts["alice"].history.failures


def test_a_wrong_code_trusts_nothing(world: World) -> None:
    """A wish is granted with a code that fits, in the very commit that takes it."""
    assert Reason.WRONG_CODE is Login(world).code(wrong() + b"+").reason
    used = Login(world).code(code())
    assert isinstance(used, Accept)
    assert Reason.STALE_CODE is Login(world).code(code() + b"+").reason
    assert [] == world.devices


def test_a_recovery_code_lets_in_and_trusts_nothing() -> None:
    """The wish is not granted, the Accept is given."""
    world = World(alice(totp()), codes=[RECOVERY])
    verdict = Login(world).code(dashed() + b"+")
    assert isinstance(verdict, Accept)
    assert (Method.RECOVERY, Reason.OK, []) == (verdict.method, verdict.reason, world.devices)


def test_the_first_code_of_an_enrolment_may_trust() -> None:
    """Who has just set up the app may spare the next code."""
    world = World(alice(pending()))
    assert Reason.TRUSTED is Login(world).code(code() + b"+").reason
    assert by_device(Login(world).password(NOW + 60))


def test_a_device_is_no_second_factor_for_who_owes_a_first_code() -> None:
    """A pending or a broken token is never passed by."""
    world = World(alice(totp()))
    Login(world).trust()
    world.change(tokens=(pending(),))
    assert is_asked(Login(world).password(NOW + 60))
    world.change(tokens=(totp(secret=None),))
    assert Reason.TOKEN_UNREADABLE is Login(world).password(NOW + 60).reason


@pytest.mark.parametrize(("age", "live"), [(0.0, True), (WEEK - 1, True), (WEEK, False), (WEEK + 1, False)])
def test_seven_days_and_no_second_longer(world: World, age: float, live: bool) -> None:
    """604,799 seconds after it was trusted it still is, and use does not prolong that."""
    Login(world).trust()
    for day in range(1, 7):
        assert by_device(Login(world).password(NOW + day * 86400))
    assert live is by_device(Login(world).password(NOW + age + (86400 * 6 if age == 0 else 0)))


def test_a_clock_set_back_makes_no_device_live(world: World) -> None:
    """Before the moment it was last used, or made, it is not trusted; a clock that is a little behind hurts nobody."""
    Login(world).trust()
    assert by_device(Login(world).password(NOW + 86400))
    assert is_asked(Login(world).password(NOW + 3600))
    assert is_asked(Login(world).password(NOW - 3600))
    assert by_device(Login(world).password(NOW + 86400 - 59))


def test_a_device_loses_to_a_change_of_the_account(world: World) -> None:
    """Disabled in the same moment: no Accept."""
    Login(world).trust()
    world.meanwhile = lambda: world.change(disabled=True, epoch=9)
    assert Reason.ACCOUNT_CHANGED is Login(world).password(NOW + 60).reason


def test_a_locked_account_has_no_device_that_helps(world: World) -> None:
    """The lock ended them; one that was left would not be looked for."""
    Login(world).trust()
    history = replace(world.accounts["alice"].history, locked_until=NOW + 600)
    world.change(history=history)
    assert is_asked(Login(world).password(NOW + 60))
    assert Reason.LOCKED is Login(world).code(code(NOW + 60), NOW + 60).reason


def test_five_wrong_codes_end_the_devices(world: World) -> None:
    """And after the lock the code is asked for."""
    login = Login(world)
    login.trust()
    elsewhere = Login(world, calling_station="192.0.2.1")
    for second in range(5):
        assert isinstance(elsewhere.code(wrong(NOW + 60 + second), NOW + 60 + second), Reject)
    assert [] == world.devices
    assert is_asked(login.password(NOW + 3600))


def test_an_eleventh_device_takes_the_place_of_the_oldest(world: World) -> None:
    """Ten at most."""
    for number in range(11):
        Login(world, calling_station=f"192.0.2.{number + 1}").trust(NOW + 30 * number)
    assert 10 == len(world.devices)
    assert is_asked(Login(world, calling_station="192.0.2.1").password(NOW + 600))
    assert by_device(Login(world, calling_station="192.0.2.11").password(NOW + 600))


def test_a_device_does_not_end_a_row_of_wrong_codes(world: World) -> None:
    """Its owner's logins would hide a guesser from the hundredth wrong code."""
    Login(world).trust()
    assert Reason.WRONG_CODE is Login(world, calling_station="192.0.2.1").code(wrong(NOW + 30), NOW + 30).reason
    assert by_device(Login(world).password(NOW + 60))
    assert 1 == world.accounts["alice"].history.failures


def test_its_owner_is_told_of_a_new_device() -> None:
    """One mail with what it is called and until when; none where no mail can be sent."""
    world = World(alice(totp(), mail="alice@example.com"), rules=Rules(mails=True))
    Login(world).trust()
    ((_, mail),) = world.mails
    assert ("new-device", STATION, NOW + WEEK) == (mail.kind, mail.device, mail.until)  # type: ignore[union-attr]
    quiet = World(alice(totp()))
    Login(quiet).trust()
    assert [] == quiet.mails


def test_nothing_is_asked_of_devices_where_nothing_can_be_trusted() -> None:
    """The hot path of a client without trust pays nothing for it."""
    world = World(alice(totp()))
    world.answered(code())
    assert [0, 0, 1] == [world.count(kind) for kind in (FindDevice, MakeDeviceToken, Commit)]
