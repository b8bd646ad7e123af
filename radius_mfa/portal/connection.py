"""One connection to the portal, with an end to its visitor's time."""

from __future__ import annotations

import asyncio
import contextlib

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from radius_mfa.portal.headers import EVERYWHERE
from radius_mfa.portal.limits import Limits


class Connection(H11Protocol):
    """uvicorn's, which waits for a request's head, and for somebody to read the answer, as long as it takes."""

    def __init__(self, config: Config, state: ServerState, limits: Limits) -> None:
        super().__init__(config, state, {}, asyncio.get_running_loop())
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None
        self.made = False
        """Whether the handshake of TLS is over."""
        self.lost = asyncio.Event()

    @property
    def idle(self) -> bool:
        """Whether its visitor is expected to say something: a handshake, a request, the rest of one."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.made = True
        self._within(self._limits.head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)
        self.lost.set()

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._within(self._limits.answer)
        elif self._timer is None:
            self._within(self._limits.head)

    def on_response_complete(self) -> None:
        if not self.transport.is_closing():  # else what was written has to be read in time, too
            self._in_time()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Not uvicorn's, which would wait until what it wrote has been read."""
        self.hang_up()

    def hang_up(self) -> None:
        """Whatever is still to be said or read.

        TLS that was closed twice cannot be cut any more, and says so in Python 3.11.2. It ends soon by itself.
        """
        if not self.lost.is_set():
            with contextlib.suppress(AttributeError):
                self.transport.abort()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - what it says is in the log
        """For what is no HTTP: with the headers of every answer."""
        headers = [*EVERYWHERE.items(), ("Connection", "close"), ("Content-Length", "0")]
        with contextlib.suppress(h11.LocalProtocolError):  # after the answer has begun there is no other one
            self.transport.write(self.conn.send(h11.Response(status_code=400, headers=headers, reason=b"Bad Request")))
        self.transport.close()

    def _within(self, seconds: float) -> None:
        self._in_time()
        self._timer = self.loop.call_later(seconds, self.hang_up)

    def _in_time(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
