"""Where the time goes in one thread: pieces of a program, each with the time that it alone has taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from time import perf_counter_ns
from typing import Any


class Stopwatch:
    """Runs for one piece at a time: a piece that begins inside another one stops the other's clock until it ends."""

    def __init__(self) -> None:
        self.nanoseconds: Counter[str] = Counter()
        self._running: list[str] = []
        self._since = 0

    def begin(self, piece: str) -> None:
        now = perf_counter_ns()
        if self._running:
            self.nanoseconds[self._running[-1]] += now - self._since
        self._running.append(piece)
        self._since = perf_counter_ns()

    def end(self) -> None:
        now = perf_counter_ns()
        self.nanoseconds[self._running.pop()] += now - self._since
        self._since = perf_counter_ns()

    def lap(self) -> Counter[str]:
        """What has been measured since the last lap."""
        done, self.nanoseconds = self.nanoseconds, Counter()
        return done

    def time(self, piece: str, owner: Any, *names: str) -> None:  # noqa: ANN401 - a class or a module
        """Measure these functions of a class or module from now on. AttributeError where there is none of that name."""
        for name in names:
            held = vars(owner)[name] if name in vars(owner) else getattr(owner, name)
            of_class = isinstance(held, classmethod)
            timed = self._timed(piece, held.__func__ if of_class else held)
            setattr(owner, name, classmethod(timed) if of_class else timed)

    def time_generators(self, piece: str, owner: Any, name: str) -> None:  # noqa: ANN401 - a module
        """Measure what the generators do that this function makes."""
        make = getattr(owner, name)
        setattr(owner, name, lambda *given: _TimedGenerator(self, piece, make(*given)))

    def _timed(self, piece: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes
            self.begin(piece)
            try:
                return function(*given, **named)
            finally:
                self.end()

        return timed


class _TimedGenerator:
    """A generator, as far as a flow is one."""

    def __init__(self, watch: Stopwatch, piece: str, running: Generator[Any, Any, Any]) -> None:
        self._watch = watch
        self._piece = piece
        self._running = running

    def send(self, answer: Any) -> Any:  # noqa: ANN401 - whatever the flow asks and is answered
        self._watch.begin(self._piece)
        try:
            return self._running.send(answer)
        finally:
            self._watch.end()

    def close(self) -> None:
        self._running.close()
