"""What becomes of one RADIUS datagram: a drop, the answer it had before, or a round and then its reply."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from radius_mfa.auth.model import Reject
from radius_mfa.errors import RadiusMfaError, StoreFailed
from radius_mfa.log import RateLimit
from radius_mfa.ports import Clock
from radius_mfa.radius import duplicates
from radius_mfa.radius.clients import Client, Clients
from radius_mfa.radius.codec import Request
from radius_mfa.radius.drops import Drop, Dropped
from radius_mfa.radius.duplicates import Duplicates, Seen
from radius_mfa.radius.state import States
from radius_mfa.round import Round
from radius_mfa.service import Authenticator
from radius_mfa.store.shared import ClientCounters
from radius_mfa.transport.drops import DropLog, reason_of
from radius_mfa.transport.sockets import Datagram, Listener
from radius_mfa.transport.wheel import Wheel
from radius_mfa.value import value

log = logging.getLogger(__name__)

LONGEST_ROUND = 10.0
"""Seconds after which a round that has not ended is given up: no client waits so long."""
SICK_FOR = 5.0
"""Seconds for which Status-Server is not answered after the store has failed."""

_REPEATED = {Seen.IN_WORK: Drop.DUPLICATE_IN_WORK, Seen.CONFLICT: Drop.DUPLICATE_CONFLICT}


@value
class Exchange:
    """A request and the way back to its sender. `arrived`: monotonic seconds."""

    listener: Listener
    datagram: Datagram
    client: Client
    arrived: float
    key: bytes


class RadiusDoor:
    """The RADIUS side of one worker: every datagram comes in by take(), every round goes out by finish().

    `reject_delay`: seconds between a request and its Reject. `before_send` is called with each reply on its way out.
    """

    def __init__(
        self,
        *,
        clients: Clients,
        states: States,
        known: Duplicates,
        authenticator: Authenticator,
        counters: ClientCounters,
        clock: Clock,
        reject_delay: float,
        before_send: Callable[[bytes], object] | None = None,
    ) -> None:
        self._clients = clients
        self._states = states
        self._known = known
        self._authenticator = authenticator
        self._counters = counters
        self._clock = clock
        self._reject_delay = reject_delay
        self._before_send = before_send
        self._drops = DropLog(counters, clock)
        self._unsent = RateLimit()
        self._at_work: dict[Round, Exchange] = {}  # in the order in which they came
        self._rejects: Wheel[tuple[Exchange, bytes]] = Wheel()
        self._sick_until = 0.0

    @property
    def idle(self) -> bool:
        """Whether all that was taken has been answered or dropped."""
        return not self._at_work and not self._rejects

    def take(self, arrived: Iterable[tuple[Listener, Datagram]]) -> list[Round]:
        """The rounds that these datagrams begin; the others are answered at once or dropped. Raises nothing.

        One step for all of them, then the next: a processor is faster at what it did a moment ago.
        """
        return self._begun(self._admitted(self._decoded(arrived)))

    def finish(self, ended: Iterable[Round]) -> None:
        """Send the replies of these rounds, now or when their time has come, or drop them. Raises nothing."""
        due: list[tuple[Exchange, bytes]] = []
        for one in ended:
            exchange = self._at_work.pop(one, None)
            if exchange is None:
                continue  # given up before
            try:
                if self._is_due(exchange, one):
                    due.append((exchange, one.reply))
            except Exception as error:  # noqa: BLE001 - whatever it is, the others are sent
                self._lose(exchange, error)
        for exchange, reply in due:
            try:
                self._answer(exchange, reply)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others are sent
                self._lose(exchange, error)

    def release(self) -> None:
        """Send the Rejects that are due, and give up the rounds that take too long."""
        now = self._clock.monotonic()
        for exchange, reply in self._rejects.due(now):
            self._answer(exchange, reply)
        while self._at_work:
            oldest, exchange = next(iter(self._at_work.items()))
            if now - exchange.arrived < LONGEST_ROUND:
                return
            del self._at_work[oldest]
            self._give_up(exchange, Drop.DEADLINE)

    def next_due(self) -> float | None:
        """When release() has the next Reject to send, in monotonic seconds."""
        return self._rejects.next_due()

    def _decoded(self, arrived: Iterable[tuple[Listener, Datagram]]) -> list[tuple[Listener, Datagram, Request]]:
        read: list[tuple[Listener, Datagram, Request]] = []
        for listener, datagram in arrived:
            client = self._clients.find(datagram.source[0])
            if client is None:
                self._drops.note(None, datagram.source[0], Drop.UNKNOWN_CLIENT)
                continue
            try:
                read.append((listener, datagram, Request.decode(datagram.data, client)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                self._drop(client, datagram, error)
        return read

    def _admitted(
        self, read: Iterable[tuple[Listener, Datagram, Request]]
    ) -> list[tuple[Exchange, Request, bytes]]:  # fmt: skip
        fresh: list[tuple[Exchange, Request, bytes]] = []
        for listener, datagram, request in read:
            try:
                admitted = self._admit(listener, datagram, request)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                self._drop(request.client, datagram, error)
            else:
                if admitted is not None:
                    fresh.append(admitted)
        return fresh

    def _begun(self, fresh: Iterable[tuple[Exchange, Request, bytes]]) -> list[Round]:
        rounds: list[Round] = []
        for exchange, request, digest in fresh:
            try:
                rounds.append(self._begin(exchange, request, digest))
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                self._known.forget(exchange.key)
                self._drop(exchange.client, exchange.datagram, error)
        return rounds

    def _lose(self, exchange: Exchange, error: Exception) -> None:
        """A reply that cannot be sent: the client may ask again."""
        self._known.forget(exchange.key)
        self._drop(exchange.client, exchange.datagram, error, "a reply to")

    def _drop(self, client: Client, datagram: Datagram, error: Exception, what: str = "a datagram of") -> None:
        reason = error.reason if isinstance(error, Dropped) else Drop.INTERNAL
        if reason is Drop.INTERNAL:
            log.error("%s %s failed", what, client.shortname, exc_info=error)
        self._drops.note(client, datagram.source[0], reason)

    def _admit(
        self, listener: Listener, datagram: Datagram, request: Request
    ) -> tuple[Exchange, Request, bytes] | None:
        """A request that is new and proven is at work from here on: the same a moment later is a repetition."""
        client, data, now = request.client, datagram.data, self._clock.monotonic()
        way = duplicates.way(client.shortname, datagram.destination, datagram.source)
        exchange = Exchange(listener, datagram, client, now, duplicates.key(way, data))
        digest = duplicates.digest(way, data)
        seen = self._known.look(exchange.key, digest, now)
        if isinstance(seen, bytes):
            self._send(exchange, seen)
            return None
        if seen is not Seen.NEW:
            raise Dropped(_REPEATED[seen])
        request.verify()
        self._counters.seen(client.index, self._clock.now())
        if request.is_status:
            self._send(exchange, self._status(request, now))
            return None
        self._known.begin(exchange.key, digest, now)
        return exchange, request, digest

    def _begin(self, exchange: Exchange, request: Request, digest: bytes) -> Round:
        at, source, states = self._clock.now(), exchange.datagram.source[0], self._states
        login = request.login(source=source, digest=digest, at=at, states=states)
        begun = self._authenticator.begin(
            login, lambda verdict: request.answer(verdict, states=states, at=at, source=source)
        )
        self._at_work[begun] = exchange
        return begun

    def _status(self, request: Request, now: float) -> bytes:
        """A server that could accept nobody does not say that it is well (RFC 5997)."""
        if self._authenticator.audit_lost:
            raise Dropped(Drop.AUDIT_LOST)
        if now < self._sick_until:
            raise Dropped(Drop.STORE_FAILED)
        return request.status_answer()

    def _is_due(self, exchange: Exchange, ended: Round) -> bool:
        """Whether it is answered now: a Reject waits for its time, and what has failed gets no answer."""
        if ended.failed is not None:
            if isinstance(ended.failed, StoreFailed):
                self._sick_until = self._clock.monotonic() + SICK_FOR
            self._give_up(exchange, reason_of(ended.failed), ended.failed)
            return False
        if not isinstance(ended.verdict, Reject):
            return True
        if not self._rejects.put(exchange.arrived + self._reject_delay, (exchange, ended.reply)):
            self._give_up(exchange, Drop.BUSY)
        return False

    def _answer(self, exchange: Exchange, reply: bytes) -> None:
        self._known.finish(exchange.key, reply, self._clock.monotonic())
        self._send(exchange, reply)

    def _give_up(self, exchange: Exchange, reason: Drop, failed: RadiusMfaError | None = None) -> None:
        """The client may ask again: it is new then."""
        self._known.forget(exchange.key)
        self._drops.note(exchange.client, exchange.datagram.source[0], reason, failed)

    def _send(self, exchange: Exchange, reply: bytes) -> None:
        if self._before_send is not None:
            self._before_send(reply)
        try:
            exchange.listener.send(reply, exchange.datagram)
        except OSError as error:
            if self._unsent.admit(exchange.client.shortname, self._clock.monotonic()) is not None:
                log.warning("a reply to %s was not sent: %s", exchange.client.shortname, error.strerror)
