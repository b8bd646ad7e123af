"""The clock of the pieces: the times of all pieces add up to the whole."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import count

import pytest

from tests.bench import stopwatch
from tests.bench.stopwatch import Stopwatch


class Work:
    """Outer work that has inner work done on the way."""

    def outer(self) -> int:
        return self.inner() + 1

    @classmethod
    def inner(cls) -> int:
        return 1

    @staticmethod
    def flow(_start: object) -> Generator[int, int | None, int]:
        return 2 * ((yield 1) or 0)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stopwatch]:
    """A stopwatch whose clock moves on by one at each look."""
    ticks = count()
    monkeypatch.setattr(stopwatch, "perf_counter_ns", lambda: next(ticks))
    with monkeypatch.context() as undone:
        for name in ("outer", "inner", "flow"):
            undone.setattr(Work, name, vars(Work)[name])
        yield Stopwatch()


def test_a_piece_inside_another_one_stops_the_other_clock(watch: Stopwatch) -> None:
    """What the inner piece takes is not counted for the outer one, and results pass through."""
    watch.time("outer", Work, "outer")
    watch.time("inner", Work, "inner")
    assert Work().outer() == 2
    assert watch.lap() == {"outer": 2, "inner": 1}
    assert watch.lap() == {}


def test_a_generator_is_measured_while_it_runs(watch: Stopwatch) -> None:
    """Once a send: what its driver does in between is none of its time."""
    watch.time_generators("flow", Work, "flow")
    running = Work.flow(None)
    assert running.send(None) == 1
    with pytest.raises(StopIteration) as end:
        running.send(21)
    assert end.value.value == 42
    assert watch.lap() == {"flow": 2}


def test_a_piece_that_is_not_there_is_an_error(watch: Stopwatch) -> None:
    """A piece that got another name is not measured as nothing."""
    with pytest.raises(AttributeError):
        watch.time("gone", Work, "gone")
