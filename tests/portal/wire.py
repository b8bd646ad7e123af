"""The server of the portal in the test's own loop, and connections to it octet by octet."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from starlette.types import ASGIApp

from radius_mfa.clock import SystemClock
from radius_mfa.notify import Systemd
from radius_mfa.portal.limits import Limits
from radius_mfa.portal.server import Server
from radius_mfa.portal.tls import Certificate

PATIENCE = 20.0
"""Seconds that a test waits for what has to come."""


@dataclass(frozen=True)
class Answer:
    """A response; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *lines: str, body: bytes = b"") -> None:
        """A request's head, or a part of it, and what follows."""
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode("latin-1") + body)
        await self._writer.drain()

    async def answer(self) -> Answer:
        """The next response."""
        async with asyncio.timeout(PATIENCE):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = [line.split(": ", 1) for line in head[1:] if line]
            headers = {name.lower(): value for name, value in pairs}
            assert len(pairs) == len(headers), head
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(head[0].split()[1]), headers, body)

    async def end(self) -> bytes:
        """What comes until the other side hangs up."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self._reader.read()
            except ConnectionError:
                return b""

    def close(self) -> None:
        self._writer.close()


class Dial(Protocol):
    """Connects; `over_tls` to a server with a certificate that nobody has signed."""

    def __call__(self, *, over_tls: bool = False) -> Awaitable[Wire]: ...


@asynccontextmanager
async def serving(
    app: ASGIApp, limits: Limits, certificate: Certificate | None = None
) -> AsyncIterator[tuple[Server, Dial]]:
    """A server, and what connects to it."""
    bound = socket.create_server(("127.0.0.1", 0))
    bound.setblocking(False)
    port: int = bound.getsockname()[1]
    wires: list[Wire] = []

    async def dial(*, over_tls: bool = False) -> Wire:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        wires.append(Wire(*await asyncio.open_connection("127.0.0.1", port, ssl=context if over_tls else None)))
        return wires[-1]

    server = Server(app, certificate, Systemd(None, SystemClock()), limits)
    running = asyncio.get_running_loop().create_task(server.serve([bound]))
    try:
        yield server, dial
    finally:
        server.should_exit = True
        await running
        for wire in wires:
            wire.close()
