"""Who knows the password and guesses codes: what a day is worth, over every door, name and moment."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest

from radius_mfa.auth.asks import FindSkew
from radius_mfa.auth.model import Accept, ClientPolicy, Dialogue, Door, LoginRequest, Reject
from radius_mfa.auth.otp import Skew, Skewed
from radius_mfa.auth.policy import Names, Rules
from radius_mfa.auth.reasons import Reason
from tests.unit.driving import APPEND, NOW, PASSWORD, PBX, RECOVERY, World, alice, code, dashed, opened, request, totp
from tests.unit.driving import wrong as wrong_code

DAY = 86400.0
NAS = [ClientPolicy("one", Dialogue.APPEND), ClientPolicy("two", Dialogue.APPEND)]
COUNTED = {Reason.WRONG_CODE, Reason.WRONG_CODE_LOCKS, Reason.WRONG_CODE_DISABLES}


def guesses(world: World, attempts: list[LoginRequest]) -> list[Reason]:
    """The reasons of these attempts; the search for old codes is left out, which only ever spares a guess."""
    world.skew = lambda ask: Skewed(Skew.UNKNOWN)
    return [world.login(attempt).reason for attempt in attempts]


def from_everywhere(seconds: float, every: float) -> list[LoginRequest]:
    """Random codes behind the right password from 50 sources, two clients, three doors."""
    dice, made = random.Random(30), []
    for number in range(int(seconds / every)):
        at = NOW + number * every
        facts = {
            "client": NAS[number % 2],
            "door": (Door.RADIUS, Door.PAM, Door.PORTAL)[number % 3],
            "calling_station": f"192.0.2.{number % 50}",
        }
        made.append(request(PASSWORD + b"%06d" % dice.randrange(10**6), at=at, **facts))  # type: ignore[arg-type]
    return made


def test_a_day_of_guessing_from_everywhere_is_ten_guesses() -> None:
    """However many sources, clients and doors: ten codes are looked at in a window of 24 hours (THREATS 30)."""
    world = World(alice(totp()))
    told = guesses(world, from_everywhere(DAY - 60, 30.0))
    assert 10 == sum(reason in COUNTED for reason in told)
    assert {Reason.LOCKED} == set(told) - COUNTED


def test_a_hundred_in_a_row_are_the_last() -> None:
    """After fifteen days or more of it no code of any token is taken, the right one neither (THREATS 30)."""
    world = World(alice(totp(), totp(id=2, secret=b"another phone of 20!")))
    told = guesses(world, from_everywhere(20 * DAY, 290.0))
    assert 100 == sum(reason in COUNTED for reason in told)
    assert Reason.WRONG_CODE_DISABLES in told
    late = NOW + 60 * DAY
    assert Reason.TOKEN_DISABLED is world.login(request(at=late)).reason
    assert isinstance(world.login(request(PASSWORD + code(late), APPEND, at=late)), Reject)


@pytest.mark.parametrize(
    "name", [b"alice", b"ALICE", b"Alice", b"alice@example.com", b"EXAMPLE\\alice", b"aLiCe@EXAMPLE.com"]
)
def test_one_account_has_one_counter_under_all_its_names(name: bytes) -> None:
    """Case, realm and domain come off before anything is counted (THREATS 18, 32)."""
    names = Names(realms=frozenset({"example.com"}), domains=frozenset({"example"}))
    world = World(alice(totp()), rules=Rules(names=names))
    for at in range(4):
        assert Reason.WRONG_CODE is world.login(request(PASSWORD + wrong_code(), APPEND, at=NOW + at)).reason
    fifth = world.login(request(PASSWORD + wrong_code(), APPEND, name=name, at=NOW + 5))
    assert Reason.WRONG_CODE_LOCKS is fifth.reason


@pytest.mark.parametrize(
    "name",
    ["\u0430lice", "alice ", " alice", "alice\u200d", "alice\u200b", "\uff41lice", "alicé", "alice@", "alice@other"],
)
def test_a_name_that_looks_alike_is_another(name: str) -> None:
    """It is nobody, and what it does counts for nobody (THREATS 18)."""
    world = World(alice(totp()))
    verdict = world.login(request(PASSWORD + wrong_code(), APPEND, name=name.encode()))
    assert verdict.reason in {Reason.UNKNOWN_ACCOUNT, Reason.BAD_NAME}
    assert 0 == world.accounts["alice"].history.failures


def lock(world: World, at: float = NOW) -> None:
    for second in range(5):
        world.login(request(PASSWORD + wrong_code(at), APPEND, at=at + second))
    assert world.accounts["alice"].history.locked_until > at


def test_a_lock_ends_the_states_of_before_for_good() -> None:
    """A challenge from before the lock is dead in it and after it; a new login gets in (THREATS 35)."""
    world = World(alice(totp()))
    state = opened(world.login(request()), NOW)
    lock(world)
    assert Reason.STATE_OUTDATED is world.login(request(code(NOW + 10), state=state, at=NOW + 10)).reason
    later = NOW + 310
    state = replace(state, expires=int(later + 100))
    assert Reason.STATE_OUTDATED is world.login(request(code(later), state=state, at=later)).reason
    assert isinstance(world.answered(code(later), at=later), Accept)
    assert (0, 5) == (world.accounts["alice"].history.failures, world.accounts["alice"].history.window_failures)


def test_while_locked_no_code_is_looked_at() -> None:
    """Right, wrong, recovery: the same Reject, nothing is counted, and no search runs."""
    world = World(alice(totp()), codes=[RECOVERY])
    lock(world)
    before = world.accounts["alice"].history
    world.asked.clear()
    answers = [code(NOW + 60), wrong_code(NOW + 60), dashed(), b"no code"]
    verdicts = [world.login(request(PASSWORD + answer, APPEND, at=NOW + 60)) for answer in answers[:3]]
    verdicts.append(world.answered(b"no code", at=NOW + 60))
    assert {Reason.LOCKED} == {verdict.reason for verdict in verdicts}
    assert isinstance(verdicts[0], Reject)
    assert (before, 0) == (world.accounts["alice"].history, world.count(FindSkew))


def test_a_state_gives_one_answer() -> None:
    """One wrong code kills it: the right one comes too late (THREATS 24)."""
    world = World(alice(totp()))
    state = world.challenged()
    given = [world.login(request(answer, state=state)).reason for answer in (wrong_code(), code())]
    assert [Reason.WRONG_CODE, Reason.STATE_SPENT] == given


@pytest.mark.parametrize("shift", [-600.0, 600.0])
def test_a_clock_that_jumps_and_comes_back_locks_nobody_out(shift: float) -> None:
    """Ten minutes back: what was used stays used, recovery codes work; ten minutes forward and back: it heals itself.

    THREATS 77.
    """
    world = World(alice(totp()), codes=[RECOVERY])
    assert isinstance(world.answered(code()), Accept)
    away = NOW + shift
    if shift > 0:
        assert isinstance(world.answered(code(away), at=away), Accept)
    back = NOW + min(shift, 0) + 30
    assert Reason.STALE_CODE is world.answered(code(back), at=back).reason
    assert isinstance(world.answered(dashed(), at=back), Accept)
    assert 0 == world.accounts["alice"].history.failures
    healed = next(at for at in itertools.count(int(back), 30) if isinstance(world.answered(code(at), at=at), Accept))
    assert healed <= NOW + max(shift, 0) + 60


def test_a_lock_does_not_outlast_a_clock_that_was_ahead() -> None:
    """A window that was begun in the future ends; a lock that was set there lasts until then (THREATS 77)."""
    world = World(alice(totp()))
    lock(world, NOW + 600)
    assert Reason.LOCKED is world.answered(code(), at=NOW).reason
    later = NOW + 600 + 4 + 300
    assert isinstance(world.answered(code(later), at=later), Accept)


def test_the_password_alone_is_never_enough() -> None:
    """Locked or not, a first round of an account that owes a code ends in a challenge."""
    world = World(alice(totp()))
    lock(world)
    for at in (NOW + 10, NOW + 400):
        assert not isinstance(world.login(request(at=at, client=PBX)), Accept)


@pytest.mark.parametrize(("age", "counted"), [(2 * DAY, 0), (6 * DAY, 0), (8 * DAY, 1)])
def test_an_old_capture_locks_nobody(age: float, counted: int) -> None:
    """An accepted login in one field, sent again days later: for a week its code is one that was right (THREATS 6)."""
    world = World(alice(totp()))
    capture = request(PASSWORD + code(), APPEND)
    assert isinstance(world.login(capture), Accept)
    later = [world.login(replace(capture, at=NOW + age + second)) for second in range(10)]
    assert {Reason.WRONG_CODE if counted else Reason.STALE_CODE} == {verdict.reason for verdict in later}
    assert counted == world.accounts["alice"].history.failures


@pytest.mark.parametrize("off", [1, 5, 20])
def test_a_datagram_is_judged_by_one_clock(off: int) -> None:
    """A code that will be right is not let in by sending its datagram again until it is; a new one is (THREATS 30)."""
    world = World(alice(totp()), rules=Rules(window=0))
    early = request(PASSWORD + code(off=off), APPEND)
    assert Reason.SKEWED_CODE is world.login(early).reason
    right = NOW + 30 * off
    assert isinstance(world.login(replace(early, at=right)), Reject)
    assert 0 == world.accounts["alice"].history.failures
    assert isinstance(world.login(request(PASSWORD + code(off=off), APPEND, at=right)), Accept)


def test_a_guess_that_was_counted_is_not_judged_again() -> None:
    """Sixteen datagrams sent again at every step would be as many guesses at each of them."""
    world = World(alice(totp()))
    far = 10 * 2880  # steps: more than a week, so that the code is a guess today
    guess = request(PASSWORD + code(off=far), APPEND)
    assert Reason.WRONG_CODE is world.login(guess).reason
    assert Reason.WRONG_CODE is world.login(replace(guess, at=NOW + 30 * far)).reason
    assert 1 == world.accounts["alice"].history.failures
