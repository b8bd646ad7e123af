"""Wrong codes: what is counted, once a datagram, in a window that does not slide, and when that locks."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.auth import throttle
from radius_mfa.auth.model import CodeHistory
from radius_mfa.auth.throttle import Lockout
from tests.unit.driving import NOW

DAY = 24 * 3600.0
NEVER = Lockout(1000, 300.0, 1000, DAY, 1000)


def digest(number: int) -> bytes:
    return number.to_bytes(32, "big")


def counted(*attempts: tuple[int, float], limits: Lockout = NEVER) -> CodeHistory:
    """The history of wrong codes: number of the datagram, and when."""
    return reduce(lambda history, one: throttle.count(history, digest(one[0]), one[1], limits), attempts, CodeHistory())


def test_the_first_wrong_code_opens_the_window() -> None:
    """One wrong code counts in a row and in a window that starts with it."""
    assert CodeHistory(1, 1, NOW, 0.0, (digest(1),)) == counted((1, NOW))


@pytest.mark.parametrize(
    ("later", "in_window", "started"), [(DAY - 0.001, 2, NOW), (DAY, 1, NOW + DAY), (2 * DAY, 1, NOW + 2 * DAY)]
)
def test_a_window_lasts_a_day_from_its_first(later: float, in_window: int, started: float) -> None:
    """The window does not slide: after 24 hours the next wrong code begins a new one; the row goes on."""
    history = counted((1, NOW), (2, NOW + later))
    assert (2, in_window, started) == (history.failures, history.window_failures, history.window_started)


def test_a_window_does_not_slide() -> None:
    """A wrong code late in a window keeps the window's start."""
    history = counted((1, NOW), (2, NOW + DAY / 2), (3, NOW + DAY + 1))
    assert (3, 1) == (history.failures, history.window_failures)


def test_codes_decided_out_of_order_are_all_in_one_window() -> None:
    """A datagram that came first and was decided last does not reset the window of the others."""
    history = counted((1, NOW + 0.5), (2, NOW), (3, NOW + 0.4), (4, NOW - 1))
    assert (4, 4) == (history.failures, history.window_failures)


def test_a_clock_that_was_a_day_ahead_holds_no_window() -> None:
    """A window that starts more than a day in the future is replaced."""
    history = counted((1, NOW + DAY), (2, NOW))
    assert (1, NOW) == (history.window_failures, history.window_started)


@given(st.lists(st.integers(0, 40), max_size=60))
def test_a_datagram_among_the_last_sixteen_is_counted_once(numbers: list[int]) -> None:
    """A repetition of one of the last sixteen counted changes nothing; the list never grows beyond them."""
    history = CodeHistory()
    for number in numbers:
        before, history = history, throttle.count(history, digest(number), NOW, NEVER)
        repeated = digest(number) in before.counted
        assert history.failures == before.failures + (not repeated)
        assert (history == before) is repeated
    assert len(history.counted) <= 16
    assert history.failures >= len(set(numbers))


def test_the_oldest_counted_datagram_is_forgotten_first() -> None:
    """After sixteen others the first would be counted again, the second not yet."""
    history = counted(*((number, NOW) for number in range(17)))
    assert tuple(map(digest, range(1, 17))) == history.counted


def test_a_lock_ends_on_time() -> None:
    """Locked until the moment that was set, and not at it."""
    history = CodeHistory(locked_until=NOW)
    assert [True, False, False] == [throttle.locked(history, at) for at in (NOW - 0.001, NOW, NOW + 1)]
    assert not throttle.locked(CodeHistory(), NOW)


def locks(attempts: int, limits: Lockout, every: float = 1.0) -> list[float]:
    """For each wrong code in a row, how many seconds it locks from its own moment; 0 where it does not."""
    history, found = CodeHistory(), []
    for number in range(attempts):
        at = NOW + number * every
        before, history = history, throttle.count(history, digest(number), at, limits)
        found.append(history.locked_until - at if history.locked_until > before.locked_until else 0.0)
    return found


def test_five_in_a_row_lock_for_five_minutes() -> None:
    """The fifth wrong code locks, none before it."""
    assert [0, 0, 0, 0, 300.0] == locks(5, Lockout())


def test_each_lock_in_a_row_is_twice_as_long() -> None:
    """5, 10, 20 minutes and on, and a day at most, however many come."""
    patient = Lockout(per_window=10_000)
    found = [seconds for seconds in locks(20_000, patient) if seconds]
    assert [300.0, 600.0, 1200.0, 2400.0] == found[:4]
    assert [86_400.0] * (len(found) - 9) == found[9:]
    assert 4000 == len(found)


def test_ten_in_a_window_lock_until_it_is_over() -> None:
    """Right codes between them do not help: the tenth wrong one of a day locks until that day is over."""
    history = CodeHistory()
    for number in range(10):
        history = replace(throttle.count(history, digest(number), NOW + number * 3600, Lockout()), failures=0)
        assert (number == 9) is (history.locked_until > 0)
    assert NOW + DAY == history.locked_until


def test_a_day_holds_ten_counted_codes_whatever_an_attacker_does() -> None:
    """Whenever the account is not locked a wrong code comes: each window counts ten, and after a hundred it is over."""
    history, at, seen = CodeHistory(), NOW, list[float]()
    while not throttle.disables(history, Lockout()):
        if throttle.locked(history, at):
            at = history.locked_until
            continue
        seen.append(at)
        history = throttle.count(history, digest(len(seen)), at, Lockout())
        at += 1.0
        assert history.window_failures <= 10
    assert max(sum(start <= one < start + DAY for one in seen) for start in seen) <= 10
    assert 100 == len(seen)
    assert at > NOW + 9 * DAY


def test_a_lock_is_never_shortened() -> None:
    """A wrong code that is decided late leaves a longer lock as it is."""
    locked = CodeHistory(failures=4, locked_until=NOW + DAY)
    assert NOW + DAY == throttle.count(locked, digest(1), NOW, Lockout()).locked_until


def test_a_counted_datagram_locks_once() -> None:
    """The datagram that locked, sent again after the lock, counts nothing and locks nothing."""
    history = counted(*((number, NOW) for number in range(5)), limits=Lockout())
    assert history == throttle.count(history, digest(4), NOW + 301, Lockout())


def test_a_judged_datagram_is_remembered_once() -> None:
    """It counts for nothing, and takes no second place among the last sixteen."""
    history = throttle.judged(CodeHistory(), digest(1))
    assert CodeHistory(counted=(digest(1),)) == history
    assert history == throttle.judged(history, digest(1))
    assert history == throttle.count(history, digest(1), NOW, Lockout())
