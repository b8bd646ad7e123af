"""Two codes in a row: where an authenticator is found, and where it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth import resync
from radius_mfa.auth.model import Token
from radius_mfa.auth.otp import LOOK_BACK, MAX_DRIFT, Match, code_at
from tests.unit.driving import NOW, hotp, totp


def codes(token: Token, step: int) -> tuple[str, str]:
    """What an authenticator shows at a step, after the code of the step before."""
    first, second = (code_at(token.secret or b"", at, token.digits, token.algorithm) for at in (step - 1, step))
    return first, second


@pytest.mark.parametrize("period", [15, 30, 60, 120])
@pytest.mark.parametrize("way", [-1, 1])
def test_a_clock_is_found_within_its_bound_and_no_farther(period: int, way: int) -> None:
    """The last step within ten minutes is found with its drift, the next one is not; a day finds that too."""
    token, now, bound = totp(period=period), int(NOW // period), MAX_DRIFT // period
    near, far = now + way * bound, now + way * (bound + 1)
    assert Match(token, near, way * bound) == resync.find([token], *codes(token, near), NOW)
    assert resync.find([token], *codes(token, far), NOW) is None
    assert Match(token, far, way * (bound + 1)) == resync.find([token], *codes(token, far), NOW, within=LOOK_BACK)


@pytest.mark.parametrize("ahead", [1, 2, 11, 1000])
def test_a_counter_is_found_a_thousand_ahead(ahead: int) -> None:
    """The second code may belong to any of the next 1,000 counters, and not to the one behind them."""
    token = hotp(last_step=41)
    assert Match(token, 41 + ahead, 0) == resync.find([token], *codes(token, 41 + ahead), NOW)
    assert resync.find([token], *codes(token, 1042), NOW) is None


def test_a_new_counter_begins_with_its_first_two_codes() -> None:
    """A HOTP token that never took a code is found by those of the counters 0 and 1."""
    token = hotp(last_step=-1)
    assert Match(token, 1, 0) == resync.find([token], *codes(token, 1), NOW)


def test_codes_that_were_taken_are_known_as_such() -> None:
    """A step up to the last one is found, for the store to refuse it; a newer one is preferred to it."""
    token = hotp(last_step=41)
    assert Match(token, 41, 0) == resync.find([token], *codes(token, 41), NOW)
    ahead = replace(token, id=token.id + 1, last_step=39)
    assert Match(ahead, 41, 0) == resync.find([token, ahead], *codes(token, 41), NOW)


def test_codes_have_to_follow_one_another() -> None:
    """The same code twice, the two the other way round, or one with a gap after it: not found."""
    token = totp()
    first, second = codes(token, int(NOW // 30))
    (_, third) = codes(token, int(NOW // 30) + 1)
    for wrong in ((second, second), (second, first), (first, third)):
        assert resync.find([token], *wrong, NOW) is None


def test_the_token_that_shows_them_is_found() -> None:
    """Of several tokens it is the one with these codes; one that cannot be unsealed is passed over."""
    old, new = totp(secret=None, id=1), totp(secret=b"another secret of 20", id=2)
    assert Match(new, int(NOW // 30), 0) == resync.find([old, new], *codes(new, int(NOW // 30)), NOW)
    assert resync.find([old], *codes(old, int(NOW // 30)), NOW) is None  # those of an empty secret


@pytest.mark.parametrize(("steps", "far"), [(0, False), (20, False), (-20, False), (21, True), (-2880, True)])
def test_a_clock_that_is_farther_off_is_placed_and_not_learned(steps: int, far: bool) -> None:
    """Up to ten minutes it is learned, up to a day it has to be set, and beyond that nobody finds it."""
    token, now = totp(), int(NOW // 30)
    found = resync.place([token], *codes(token, now + steps), NOW)
    assert Match(token, now + steps, steps) == found
    assert far is resync.too_far(found)
    assert resync.place([token], *codes(token, now + 2881), NOW) is None
