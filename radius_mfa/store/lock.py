"""The queue of writers: flock on DB.lock, which the kernel hands on fairly and gives back when a process dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from radius_mfa.errors import StoreBusy, StoreFailed

PATIENCE = 1.0
"""Seconds a login waits for its turn."""
_NAP = 0.002
_SOON = 0.000_001
"""The shortest time of a timer: 0 would mean that it never rings."""


class _Expired(Exception):
    """The timer rang while the main thread stood in the queue."""


class WriterLock:
    """The right to write to one store, held by one process at a time. One lock object to a thread.

    Opened at the first use, after the fork: a descriptor inherited from the parent would share the parent's lock.
    """

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(store.name + ".lock")
        self._descriptor: int | None = None
        self._waiting = False

    @contextlib.contextmanager
    def held(self, patience: float = PATIENCE) -> Iterator[None]:
        """Hold the lock inside the block. Raises StoreBusy when `patience` seconds were not enough, or StoreFailed."""
        self.acquire(patience)
        try:
            yield
        finally:
            self.release()

    def acquire(self, patience: float = PATIENCE) -> None:
        """Take the lock, at once if it is free. Raises as `held`."""
        descriptor = self._open()
        if not _taken(descriptor):
            self._queue(descriptor, patience)

    def release(self) -> None:
        """Let the next in the queue have it."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                self._share()
            except OSError as error:
                hint = "give the store and its directory to the user the server runs as"
                raise StoreFailed(f"cannot open {self.path}: {error.strerror}", hint) from error
        return self._descriptor

    def _share(self) -> None:
        """What root makes, the owner of the directory must be able to open."""
        if os.geteuid() == 0 and self._descriptor is not None:
            owner = self.path.parent.stat()
            os.fchown(self._descriptor, owner.st_uid, owner.st_gid)

    def _queue(self, descriptor: int, patience: float) -> None:
        # A timer can only break off the wait of the main thread: Linux delivers SIGALRM to it, and Python runs the
        # handlers there. Another thread asks again and again instead, which is less fair and takes no signal.
        wait = self._wait if threading.current_thread() is threading.main_thread() else _poll
        if not wait(descriptor, patience):
            raise StoreBusy("the queue of writers is too long", "look for a command that holds the database")

    def _wait(self, descriptor: int, patience: float) -> bool:
        """Stand in the kernel's queue until the timer rings.

        The timer of the process is borrowed: one that was set before goes on afterwards.
        """
        previous, timer = signal.signal(signal.SIGALRM, self._ring), signal.getitimer(signal.ITIMER_REAL)
        try:
            self._waiting = True
            signal.setitimer(signal.ITIMER_REAL, max(patience, _SOON))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._waiting = False
        except _Expired:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # the bell may ring just after the lock was given
            return False
        finally:
            self._waiting = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
            signal.setitimer(signal.ITIMER_REAL, *timer)
        return True

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._waiting:
            self._waiting = False
            raise _Expired


def _poll(descriptor: int, patience: float) -> bool:
    end = time.monotonic() + patience
    while not _taken(descriptor):
        if time.monotonic() >= end:
            return False
        time.sleep(_NAP)
    return True


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
