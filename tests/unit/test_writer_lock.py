"""The queue of writers: one at a time over all processes, left in time, whoever waits and whatever rings."""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from types import FrameType

import pytest

from radius_mfa.errors import StoreBusy, StoreFailed
from radius_mfa.store.lock import WriterLock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "radius-mfa.db"


@pytest.fixture
def lock(path: Path) -> Iterator[WriterLock]:
    made = WriterLock(path)
    yield made
    made.close()


@contextmanager
def taken_by_another(path: Path) -> Iterator[int]:
    """Another process holds the lock until it reads from the pipe, whose writing end this is."""
    told, end = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        WriterLock(path).acquire()
        os.write(told[1], b".")
        os.read(end[0], 1)
        os._exit(0)
    os.read(told[0], 1)
    try:
        yield end[1]
    finally:
        os.write(end[1], b".")
        os.waitpid(child, 0)
        for descriptor in (*told, *end):
            os.close(descriptor)


def test_a_free_lock_is_taken_and_given_back(lock: WriterLock, path: Path) -> None:
    """Held inside the block, free after it, also after an exception."""
    other = WriterLock(path)
    with pytest.raises(StoreBusy), lock.held():
        other.acquire(0.01)
    other.acquire(0)
    other.close()


def test_the_file_is_private(lock: WriterLock, path: Path) -> None:
    """The lock is a file beside the store that only its owner may open."""
    before = os.umask(0)
    with lock.held():
        os.umask(before)
        assert 0o600 == stat.S_IMODE(path.with_name("radius-mfa.db.lock").stat().st_mode)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Without the directory of the store there is no lock."""
    with pytest.raises(StoreFailed, match=r"cannot open .*radius-mfa\.db\.lock: No such file"):
        WriterLock(tmp_path / "none" / "radius-mfa.db").acquire()


def test_the_main_thread_leaves_the_queue_in_time(lock: WriterLock, path: Path) -> None:
    """A lock that stays taken raises StoreBusy, and can be had once it is free."""
    with taken_by_another(path), pytest.raises(StoreBusy):
        lock.acquire(0.05)
    with lock.held(0):
        pass


def test_no_patience_is_no_wait(lock: WriterLock, path: Path) -> None:
    """With 0 seconds a taken lock raises at once."""
    with taken_by_another(path), pytest.raises(StoreBusy):
        lock.acquire(0)


def test_the_timer_of_the_process_is_only_borrowed(lock: WriterLock, path: Path) -> None:
    """An alarm that was set before the wait is still set after it, with its handler."""
    handler, timer = signal.getsignal(signal.SIGALRM), signal.setitimer(signal.ITIMER_REAL, 1000)
    with taken_by_another(path), pytest.raises(StoreBusy):
        lock.acquire(0.05)
    left, _ = signal.setitimer(signal.ITIMER_REAL, *timer)
    assert 900 < left <= 1000
    assert handler == signal.getsignal(signal.SIGALRM)


def test_the_main_thread_leaves_the_queue_beside_busy_threads(lock: WriterLock, path: Path) -> None:
    """The timer finds the main thread though others run: hash threads of a worker are such."""
    end = threading.Event()
    threads = [threading.Thread(target=end.wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    with taken_by_another(path), pytest.raises(StoreBusy):
        lock.acquire(0.05)
    end.set()
    for thread in threads:
        thread.join()


def test_another_thread_leaves_the_queue_in_time(lock: WriterLock, path: Path) -> None:
    """A thread that may not set signal handlers is refused in time, too."""
    failures: list[Exception] = []

    def wait() -> None:
        try:
            lock.acquire(0.05)
        except StoreBusy as failure:
            failures.append(failure)

    with taken_by_another(path):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
    assert 1 == len(failures)


@pytest.mark.parametrize("main", [True, False], ids=["main thread", "other thread"])
def test_whoever_waits_gets_the_lock(lock: WriterLock, path: Path, *, main: bool) -> None:
    """When the holder lets go, the one in the queue has it."""
    got: list[bool] = []

    def wait() -> None:
        lock.acquire(30)
        got.append(True)

    with taken_by_another(path) as end:
        thread = threading.Thread(target=os.write if main else wait, args=(end, b".") if main else ())
        thread.start()
        if main:
            wait()
        else:
            os.write(end, b".")
        thread.join()
    assert [True] == got


def test_the_lock_of_a_dead_process_is_free(lock: WriterLock, path: Path) -> None:
    """A holder that is killed blocks nobody."""
    child = os.fork()
    if child == 0:
        WriterLock(path).acquire()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    lock.acquire(0)


def test_another_bell_does_not_break_off_the_wait(lock: WriterLock, path: Path) -> None:
    """A signal with a handler of its own, in the middle of the wait, leaves the place in the queue."""
    rung: list[int] = []

    def ring(number: int, _frame: FrameType | None) -> None:
        rung.append(number)

    before = signal.signal(signal.SIGUSR1, ring)
    with taken_by_another(path) as end:

        def disturb() -> None:
            os.kill(os.getpid(), signal.SIGUSR1)
            os.write(end, b".")

        thread = threading.Thread(target=disturb)
        thread.start()
        lock.acquire(30)
        thread.join()
    signal.signal(signal.SIGUSR1, before)
    assert [signal.SIGUSR1] == rung


def test_a_late_bell_is_not_heard(lock: WriterLock) -> None:
    """An alarm that arrives when nobody waits raises nothing."""
    lock._ring(signal.SIGALRM, None)


def test_a_bell_just_after_the_lock_was_given_gives_it_back(
    lock: WriterLock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the time is over in the moment the lock is got, it is refused and free for others."""

    def given_and_rung(descriptor: int, operation: int) -> None:
        flock(descriptor, operation)
        if operation == LOCK_EX:
            os.kill(os.getpid(), signal.SIGALRM)

    monkeypatch.setattr("radius_mfa.store.lock._taken", lambda _descriptor: False)
    monkeypatch.setattr("fcntl.flock", given_and_rung)
    with pytest.raises(StoreBusy):
        lock.acquire(30)
    monkeypatch.undo()
    other = WriterLock(path)
    other.acquire(0)
    other.close()
