"""The HTTP side of the portal: uvicorn, with connections that are counted and times that end, until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Generator
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from radius_mfa.errors import where
from radius_mfa.notify import Systemd
from radius_mfa.portal.connection import Connection
from radius_mfa.portal.limits import LIMITS, Limits
from radius_mfa.portal.listening import name
from radius_mfa.portal.tls import Certificate

log = logging.getLogger(__name__)

BATCH = 64
"""Connections taken in one turn."""
RECOVERY = 1.0
"""Seconds to wait when no connection can be taken, for want of descriptors or memory."""
CLOSING = 5.0
"""Seconds for a browser to say that it has heard the end of TLS."""
BEAT = 10
"""Seconds between two signs of life to the service manager."""


class Server(uvicorn.Server):
    """uvicorn's own would end by the signal, and take whoever comes, for a minute each."""

    def __init__(self, app: ASGIApp, certificate: Certificate | None, systemd: Systemd, limits: Limits) -> None:
        async def beat() -> None:
            systemd.watchdog()

        super().__init__(
            uvicorn.Config(
                app, http="h11", ws="none", lifespan="off", interface="asgi3", workers=1, log_config=None,
                access_log=False, server_header=False, proxy_headers=False, callback_notify=beat, timeout_notify=BEAT,
                timeout_keep_alive=limits.idle, h11_max_incomplete_event_size=limits.head_size,
            )
        )  # fmt: skip
        self._certificate = certificate
        self._systemd = systemd
        self._limits = limits
        self._visits: dict[Connection, asyncio.Task[None]] = {}  # the oldest first

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """SIGTERM and SIGINT end it, SIGHUP reads the certificate again; nothing of them is left for later."""
        loop = asyncio.get_running_loop()
        handlers = {signal.SIGTERM: self._stop, signal.SIGINT: self._stop, signal.SIGHUP: self._renew}
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        (self._bound,) = sockets or []
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_say)
        self.servers = []
        self._loop.add_reader(self._bound, self._accept)
        self.started = True
        log.info("portal: listening on %s", name(self._bound))
        self._systemd.ready(f"listening on {name(self._bound)}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._systemd.stopping("finishing what is under way")
        self._loop.remove_reader(self._bound)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.farewell):
                await super().shutdown(sockets)
        for left in (list(self._visits.values()), list(self.server_state.tasks)):
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _stop(self) -> None:
        self.should_exit = True

    def _renew(self) -> None:
        if self._certificate is not None:
            self._certificate.renew()
        log.info("portal: a change of the configuration needs a restart")

    def _accept(self) -> None:
        """Take whoever waits."""
        try:
            for _ in range(BATCH):
                self._take(self._bound.accept()[0])
        except (BlockingIOError, ConnectionError):
            return  # nobody is left, or has gone already
        except OSError as error:
            log.error("portal: no connection can be taken: %s", error.strerror)
            self._loop.remove_reader(self._bound)
            self._loop.call_later(RECOVERY, self._resume)

    def _resume(self) -> None:
        if not self.should_exit:
            self._loop.add_reader(self._bound, self._accept)

    def _take(self, connection: socket.socket) -> None:
        if len(self._visits) >= self._limits.connections and not self._make_room():
            connection.close()
            return
        connection.setblocking(False)
        visit = Connection(self.config, self.server_state, self._limits)
        task = self._visits[visit] = self._loop.create_task(self._attend(visit, connection))
        task.add_done_callback(partial(self._end, visit, connection))

    def _make_room(self) -> bool:
        """Hang up on the oldest that says nothing, if there is one: whoever only holds the line keeps nobody out."""
        for visit, task in self._visits.items():
            if visit.idle:
                del self._visits[visit]
                task.cancel()
                return True
        return False

    def _end(self, visit: Connection, connection: socket.socket, _: asyncio.Task[None]) -> None:
        self._visits.pop(visit, None)
        if not visit.made:
            connection.close()  # else it is its transport's

    async def _attend(self, visit: Connection, connection: socket.socket) -> None:
        """Until the connection is lost. A handshake that fails is nobody's fault."""
        tls: dict[str, Any] = {}
        if self._certificate is not None:
            tls = {"ssl": self._certificate.context, "ssl_handshake_timeout": self._limits.head}
            tls["ssl_shutdown_timeout"] = CLOSING
        with contextlib.suppress(OSError):
            await self._loop.connect_accepted_socket(lambda: visit, connection, **tls)
            try:
                await visit.lost.wait()
            finally:
                visit.hang_up()


async def serve(
    app: ASGIApp,
    bound: socket.socket,
    certificate: Certificate | None,
    systemd: Systemd,
    limits: Limits = LIMITS,
) -> None:
    """Answer on this socket until SIGTERM or SIGINT, then finish what is under way. SIGHUP renews the certificate."""
    await Server(app, certificate, systemd, limits).serve([bound])


def _say(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """What went wrong in the loop, without the objects that asyncio would show."""
    fault = context.get("exception")
    log.error("portal: %s: %s", context["message"], where(fault) if isinstance(fault, BaseException) else "?")
