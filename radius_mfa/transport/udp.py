"""The loop of a UDP worker: take what waits, let the rounds go on, send what is ready. One thread, no asyncio."""

from __future__ import annotations

import logging
import math
import select
from collections.abc import Sequence

from radius_mfa.backends.slots import HashSlots
from radius_mfa.ports import Clock
from radius_mfa.service import Authenticator
from radius_mfa.transport.door import RadiusDoor
from radius_mfa.transport.lifeline import BEAT, Lifeline
from radius_mfa.transport.sockets import Datagram, Listener

log = logging.getLogger(__name__)

BATCH = 64
"""Datagrams taken in one turn, over all sockets."""
DRAIN = 5.0
"""Seconds a worker that was told to stop may finish what it has taken."""


class UdpWorker:
    """One process's share of the RADIUS sockets, until the lifeline says that it is over."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        door: RadiusDoor,
        authenticator: Authenticator,
        slots: HashSlots,
        lifeline: Lifeline,
        clock: Clock,
    ) -> None:
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._door = door
        self._authenticator = authenticator
        self._lifeline = lifeline
        self._clock = clock
        self._end: float | None = None
        self._poll = select.poll()
        lifeline.watch(self._poll)
        for fd in (*self._listeners, slots.fileno()):
            self._poll.register(fd, select.POLLIN)

    def run(self) -> None:
        """Serve. After SIGTERM reads nothing more, finishes what was taken, and returns; at once without supervisor."""
        while not self._over():
            self._lifeline.beat()
            events = self._poll.poll(self._patience())
            if self._lifeline.orphaned(events):
                log.error("the supervisor is gone")
                return
            try:
                self._turn([self._listeners[fd] for fd, _ in events if fd in self._listeners])
            except Exception:
                log.exception("a turn failed")  # what it has left behind, the door gives up in time

    def _over(self) -> bool:
        if not self._lifeline.stopping:
            return False
        if self._end is None:
            self._end = self._clock.monotonic() + DRAIN
            for fd in self._listeners:
                self._poll.unregister(fd)
            self._listeners.clear()
        return self._door.idle or self._clock.monotonic() >= self._end

    def _patience(self) -> int:
        """Milliseconds until there is something to do unasked."""
        due = self._door.next_due()
        wait = BEAT if due is None else min(BEAT, max(0.0, due - self._clock.monotonic()))
        return math.ceil(wait * 1000)

    def _turn(self, ready: list[Listener]) -> None:
        self._door.finish(self._authenticator.advance(self._door.take(self._waiting(ready))))
        self._door.release()

    def _waiting(self, ready: list[Listener]) -> list[tuple[Listener, Datagram]]:
        """The datagrams that wait; every socket gets its share of the turn."""
        arrived: list[tuple[Listener, Datagram]] = []
        for listener in ready:
            for _ in range(BATCH // len(ready) or 1):
                if self._lifeline.stopping:
                    return arrived  # SIGTERM came with it: it is for the successor, which may know more clients
                datagram = listener.receive()
                if datagram is None:
                    break
                arrived.append((listener, datagram))
        return arrived
