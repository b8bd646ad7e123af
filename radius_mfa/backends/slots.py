"""Slots for blocking work: a few threads, a bounded queue, and no client that takes them all."""

from __future__ import annotations

import os
import select
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from radius_mfa.errors import PasswordsBusy
from radius_mfa.ports import Clock, Done


@dataclass(frozen=True, slots=True)
class _Job:
    key: object
    client: str
    work: Callable[[], object] = field(repr=False)
    deadline: float


class HashSlots:
    """The Slots of one process. The threads start with the first job, so it may be made before a fork.

    While another client waits, one client holds at most half of the threads; it may fill at most half of the queue.
    """

    def __init__(self, threads: int, queue: int, clock: Clock) -> None:
        self._threads = threads
        self._queue = queue
        self._clock = clock
        self._waiting: OrderedDict[str, deque[_Job]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._results: deque[Done] = deque()
        self._changed = threading.Condition()
        self._started: list[threading.Thread] = []
        self._closed = False
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.pending = 0
        """Jobs submitted whose results have not been fetched."""

    def fileno(self) -> int:
        """Readable while there is something for finished() to fetch."""
        return self._wake_out

    def submit(self, key: object, client: str, work: Callable[[], object], deadline: float) -> None:
        """See ports.Slots."""
        with self._changed:
            mine = len(self._waiting.get(client, ()))
            if mine >= self._queue // 2 or sum(map(len, self._waiting.values())) >= self._queue:
                raise PasswordsBusy("every hash slot is taken and the queue is full", "see passwords.hash_memory")
            self._waiting.setdefault(client, deque()).append(_Job(key, client, work, deadline))
            self.pending += 1
            self._changed.notify()
        if len(self._started) < self._threads:
            self._start()

    def finished(self) -> list[Done]:
        """See ports.Slots."""
        with self._changed:
            if self._results:
                os.read(self._wake_out, 1)
            done = list(self._results)
            self._results.clear()
            self.pending -= len(done)
        return done

    def wait(self) -> None:
        """See ports.Slots."""
        if self.pending:
            select.select([self._wake_out], [], [])

    def close(self) -> None:
        """Stop the threads once they have finished what they run, and forget what waits."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        for thread in self._started:
            thread.join()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def _start(self) -> None:
        thread = threading.Thread(target=self._serve, name=f"hash-{len(self._started)}", daemon=True)
        self._started.append(thread)
        thread.start()

    def _serve(self) -> None:
        while (job := self._take()) is not None:
            done = self._run(job)
            with self._changed:
                self._running[job.client] -= 1
                if not self._results:
                    os.write(self._wake_in, b"!")
                self._results.append(done)
                self._changed.notify()

    def _take(self) -> _Job | None:
        with self._changed:
            while not self._closed:
                client = self._next_client()
                if client is not None:
                    return self._pop(client)
                self._changed.wait()
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
