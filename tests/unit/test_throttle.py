"""Wrong codes: what is counted, once a datagram, in a window that does not slide."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.auth import throttle
from radius_mfa.auth.model import CodeHistory
from tests.unit.driving import NOW

DAY = 24 * 3600.0


def digest(number: int) -> bytes:
    return number.to_bytes(32, "big")


def counted(*attempts: tuple[int, float]) -> CodeHistory:
    """The history of wrong codes: number of the datagram, and when."""
    return reduce(lambda history, one: throttle.count(history, digest(one[0]), one[1]), attempts, CodeHistory())


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
        before, history = history, throttle.count(history, digest(number), NOW)
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


def test_counting_does_not_touch_a_lock() -> None:
    """A wrong code neither ends nor prolongs a lock in this version."""
    locked = CodeHistory(locked_until=NOW + 5)
    assert NOW + 5 == throttle.count(locked, digest(1), NOW).locked_until
