"""A child's end of its supervision: it beats, it is told to stop, and it notices when the supervisor is gone."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from types import FrameType

from radius_mfa.ports import Clock

BEAT = 1.0
"""Seconds between two beats, at most."""


class Lifeline:
    """Made in the child, before its work begins. `heartbeat` is the writing end of a pipe that the supervisor reads.

    SIGTERM asks to stop: read nothing more, finish what was taken. SIGINT and SIGHUP are the supervisor's business.
    """

    def __init__(self, heartbeat: int, clock: Clock) -> None:
        self.heartbeat = heartbeat
        self.stopping = False
        self._clock = clock
        self._next_beat = 0.0
        self.wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._watched = select.poll()
        self.watch(self._watched)

    def watch(self, poll: select.poll) -> None:
        """Let a poll return when a signal has come or the supervisor has gone."""
        poll.register(self.wake, select.POLLIN)
        poll.register(self.heartbeat, 0)  # POLLERR comes unasked, once nobody can read the pipe any more

    def orphaned(self, events: list[tuple[int, int]]) -> bool:
        """Whether these events of a watching poll say that the supervisor is gone. Empties the signals' pipe."""
        fds = [fd for fd, _ in events]
        if self.wake in fds:
            os.read(self.wake, 512)
        return self.heartbeat in fds

    def beat(self) -> None:
        """Say that this process is alive, if it is time to."""
        now = self._clock.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + BEAT / 2
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self.heartbeat, b".")

    def wait(self, seconds: float) -> bool:
        """Beat and wait, at most BEAT seconds; True when it is time to end."""
        self.beat()
        return self.orphaned(self._watched.poll(int(min(seconds, BEAT) * 1000))) or self.stopping

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True
