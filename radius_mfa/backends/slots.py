"""Slots for blocking work: a few threads, a bounded queue, and no client that takes them all."""

from __future__ import annotations

import os
import select
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from radius_mfa.backends import heap
from radius_mfa.errors import PasswordsBusy
from radius_mfa.ports import Clock, Done

WAITING = 16
"""Threads for work that waits for another process: as many as radius-mfa pam-check has places for."""
IDLE = 5.0
"""Seconds without work after which a thread's memory goes back to the host."""


class HashSlots:
    """The Slots of one process. The threads start with the first job, so it may be made before a fork.

    Of the threads that compute, and apart from them of those that wait: while another client waits for one, a client
    holds at most half; it may fill at most half of the queue.
    """

    def __init__(self, threads: int, queue: int, clock: Clock) -> None:
        heap.share()
        self._results = _Results()
        self._computing = _Lane("hash", threads, queue, clock, self._results)
        self._waiting = _Lane("wait", WAITING, queue, clock, self._results)
        self.pending = 0
        """Jobs submitted whose results have not been fetched."""

    def fileno(self) -> int:
        """Readable while there is something for finished() to fetch."""
        return self._results.wake_out

    def submit(
        self, key: object, client: str, work: Callable[[], object], deadline: float, *, waits: bool = False
    ) -> None:
        """See ports.Slots."""
        (self._waiting if waits else self._computing).submit(_Job(key, client, work, deadline))
        self.pending += 1

    def finished(self) -> list[Done]:
        """See ports.Slots."""
        done = self._results.fetch()
        self.pending -= len(done)
        return done

    def wait(self) -> None:
        """See ports.Slots."""
        if self.pending:
            select.select([self._results.wake_out], [], [])

    def close(self) -> None:
        """Stop the threads once they have finished what they run, and forget what waits."""
        self._computing.close()
        self._waiting.close()
        self._results.close()


@dataclass(frozen=True, slots=True)
class _Job:
    key: object
    client: str
    work: Callable[[], object] = field(repr=False)
    deadline: float


class _Results:
    """What has finished, for one thread to fetch, and a descriptor that is readable while there is something."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: list[Done] = []
        self.wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def put(self, done: Done) -> None:
        with self._lock:
            if not self._done:
                os.write(self._wake_in, b"!")
            self._done.append(done)

    def fetch(self) -> list[Done]:
        with self._lock:
            if self._done:
                os.read(self.wake_out, 1)
            done, self._done = self._done, []
        return done

    def close(self) -> None:
        os.close(self._wake_in)
        os.close(self.wake_out)


class _Lane:
    """Threads of one kind and what waits for them."""

    def __init__(self, kind: str, threads: int, queue: int, clock: Clock, results: _Results) -> None:
        self._kind = kind
        self._threads = threads
        self._queue = queue
        self._clock = clock
        self._results = results
        self._waiting: OrderedDict[str, deque[_Job]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._started: list[threading.Thread] = []
        self._closed = False

    def submit(self, job: _Job) -> None:
        with self._changed:
            mine = len(self._waiting.get(job.client, ()))
            if mine >= self._queue // 2 or sum(map(len, self._waiting.values())) >= self._queue:
                raise PasswordsBusy("every hash slot is taken and the queue is full", "see passwords.hash_memory")
            if len(self._started) < self._threads:
                self._start()
            self._waiting.setdefault(job.client, deque()).append(job)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        for thread in self._started:
            thread.join()

    def _start(self) -> None:
        """One thread more; where the host gives none, those that run have to do. Raises PasswordsBusy if none does."""
        thread = threading.Thread(target=self._serve, name=f"{self._kind}-{len(self._started)}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if not self._started:
                raise PasswordsBusy(f"no thread to check a password with: {error}", "see TasksMax") from error
        else:
            self._started.append(thread)

    def _serve(self) -> None:
        while (job := self._take()) is not None:
            self._results.put(self._run(job))
            with self._changed:
                self._running[job.client] -= 1
                self._changed.notify()

    def _take(self) -> _Job | None:
        patience: float | None = IDLE
        with self._changed:
            while not self._closed:
                client = self._next_client()
                if client is not None:
                    return self._pop(client)
                if not self._changed.wait(patience):
                    heap.give_back()
                    patience = None
        return None

    def _next_client(self) -> str | None:
        """Clients take turns; one that holds half of the threads stands back while another waits."""
        half = max(1, self._threads // 2)
        for client in self._waiting:
            if self._running[client] < half or len(self._waiting) == 1:
                return client
        return next(iter(self._waiting), None)

    def _pop(self, client: str) -> _Job:
        jobs = self._waiting.pop(client)
        job = jobs.popleft()
        if jobs:
            self._waiting[client] = jobs
        self._running[client] += 1
        return job

    def _run(self, job: _Job) -> Done:
        if self._clock.monotonic() > job.deadline:
            return Done(job.key, error=PasswordsBusy("no hash slot in time", "see passwords.hash_memory"))
        try:
            return Done(job.key, job.work())
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the round that asked
            return Done(job.key, error=error)
