"""One connection of the PAM hook: a line out, a line in."""

from __future__ import annotations

import asyncio
import socket

from radius_mfa.errors import RadiusMfaError
from radius_mfa.transport.pam_lines import (
    LONGEST_LINE,
    Answer,
    Ask,
    BadLine,
    Fault,
    Hello,
    Same,
    decode,
    greeting,
    prompt,
)

PROMPTNESS = 5.0
"""Seconds for what the hook sends unasked, and for the rest of a line that has begun. People get longer."""


class HungUp(RadiusMfaError):
    """The hook is gone, or is silent where nobody has to think: there is nobody to tell anything."""

    def __init__(self) -> None:
        super().__init__("the PAM hook has hung up")


class Terminal:
    """The daemon's end of a connection. Used by one task. All methods but close() raise HungUp."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._waits_until: float | None = None
        self.hello: Hello | None = None
        """Who wants in; None until the hook has said it."""
        self.proven = False
        """Whether a first factor has been passed, as far as a conversation has come."""

    @property
    def expired(self) -> bool:
        """Whether a person has been asked who has let the time for the answer go by."""
        return self._waits_until is not None and self._loop.time() >= self._waits_until

    async def greet(self) -> Hello:
        """The hook's greeting, which is greeted before it has said anything: then it knows that somebody is there.

        Raises BadLine.
        """
        await self.say(greeting())
        line = decode(await self._line(PROMPTNESS))
        if not isinstance(line, Hello):
            raise BadLine(Fault.WORD)
        self.hello = line
        return line

    async def ask(self, ask: Ask, text: str, patience: float) -> Answer | Same:
        """Put a question and wait for the answer; after `patience` (seconds) nobody needs to. Raises BadLine.

        The wait goes on: a login that is only late is denied, while the hook takes a daemon that hangs up for one that
        is down, and a stack may let people in then without their code.
        """
        await self.say(prompt(ask, text))
        self._waits_until = self._loop.time() + patience
        line = decode(await self._line(None))
        self._waits_until = None
        if isinstance(line, Hello):
            raise BadLine(Fault.WORD)
        return line

    async def say(self, *lines: bytes) -> None:
        """Send lines of pam_lines; they are few and short enough for the socket's buffer."""
        try:
            await self._loop.sock_sendall(self._connection, b"".join(lines))
        except OSError:
            raise HungUp from None

    def close(self) -> None:
        self._connection.close()

    async def _line(self, patience: float | None) -> bytes:
        """All that has come when a newline has; without one, what came before the end or before it was too much."""
        try:
            async with asyncio.timeout(patience):
                heard = await self._receive()
            async with asyncio.timeout(PROMPTNESS):
                while b"\n" not in heard and len(heard) <= LONGEST_LINE and (more := await self._receive()):
                    heard += more
        except (TimeoutError, OSError):
            raise HungUp from None
        if not heard:
            raise HungUp
        return heard

    async def _receive(self) -> bytes:
        return await self._loop.sock_recv(self._connection, LONGEST_LINE + 1)
