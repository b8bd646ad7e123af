"""What is sent later is sent in order, and only so much of it waits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.transport.wheel import Wheel


@given(st.lists(st.integers(0, 20)), st.integers(0, 20))
def test_what_is_due_comes_out_earliest_first(times: list[int], now: int) -> None:
    """Everything due comes out once, in the order of its time; the rest stays."""
    wheel: Wheel[int] = Wheel()
    for time in times:
        assert wheel.put(time, time)
    assert sorted(time for time in times if time <= now) == list(wheel.due(now))
    assert sum(time > now for time in times) == len(wheel)
    assert min((time for time in times if time > now), default=None) == wheel.next_due()


def test_a_full_wheel_takes_no_more() -> None:
    """Over the limit an item is refused, until one has left."""
    wheel: Wheel[str] = Wheel(limit=1)
    assert wheel.put(1, "first")
    assert not wheel.put(2, "second")
    assert list(wheel.due(1)) == ["first"]
    assert wheel.put(2, "second")
