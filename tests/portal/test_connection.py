"""How long a visitor may take, on a clock that only the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from radius_mfa.clock import SystemClock
from radius_mfa.notify import Systemd
from radius_mfa.portal.connection import Connection
from radius_mfa.portal.limits import LIMITS
from radius_mfa.portal.server import Server

HEAD = b"GET / HTTP/1.1\r\nHost: portal.example.com\r\n"


class StandingLoop(asyncio.SelectorEventLoop):
    """Its time is what the test says."""

    now = 0.0

    def time(self) -> float:
        return self.now


class Line(asyncio.Transport):
    """A visitor who hears everything and says what the test says."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1024), "sockname": ("192.0.2.2", 8443)})
        self.written = b""
        self.closed = False
        self.cut = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.cut = True

    def pause_reading(self) -> None:
        """It never says much."""

    def resume_reading(self) -> None:
        """It never was paused."""


class Call:
    """A connection, and its visitor's end of it."""

    def __init__(self, loop: StandingLoop, *, answers: bool) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if not answers:
                await loop.create_future()
            await PlainTextResponse("here")(scope, receive, send)

        config = Server(app, None, Systemd(None, SystemClock()), LIMITS).config
        config.load()
        self.line = Line()
        self.connection = Connection(config, ServerState(), LIMITS)
        self.connection.connection_made(self.line)
        self._loop = loop

    async def say(self, octets: bytes) -> None:
        self.connection.data_received(octets)
        await self.after(0.0)

    async def after(self, seconds: float) -> None:
        """So much later."""
        self._loop.now += seconds
        for _ in range(10):
            await asyncio.sleep(0)


def hold(conversation: Callable[[Call], Awaitable[None]], *, answers: bool = True) -> None:
    """Let it take place, with an application that answers or never does."""

    async def held() -> None:
        call = Call(loop, answers=answers)
        await conversation(call)
        call.connection.connection_lost(None)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    loop = StandingLoop()
    try:
        loop.run_until_complete(held())
    finally:
        loop.close()


def test_silence_has_an_end() -> None:
    """Whoever has said nothing for ten seconds is hung up on."""

    async def conversation(call: Call) -> None:
        await call.after(9.9)
        assert not call.line.cut
        await call.after(0.2)
        assert call.line.cut

    hold(conversation)


def test_a_head_in_drops_has_the_same_end() -> None:
    """Each piece is in time, and all together are not."""

    async def conversation(call: Call) -> None:
        await call.say(HEAD)
        for number in range(3):
            await call.after(3.0)
            await call.say(b"X-%d: y\r\n" % number)
            assert not call.line.cut
        await call.after(1.1)
        assert call.line.cut

    hold(conversation)


def test_an_answer_has_its_own_time() -> None:
    """Thirty seconds from the head, whoever is to blame."""

    async def conversation(call: Call) -> None:
        await call.after(9.0)
        await call.say(HEAD + b"\r\n")
        await call.after(29.0)
        assert not call.line.cut
        await call.after(1.1)
        assert call.line.cut

    hold(conversation, answers=False)


def test_a_connection_is_kept_for_a_while() -> None:
    """Five seconds for the next request; what it answered before is unharmed."""

    async def conversation(call: Call) -> None:
        for _ in range(3):
            await call.say(HEAD + b"\r\n")
            assert call.line.written.endswith(b"here")
            await call.after(4.9)
            assert not call.line.closed
        await call.after(0.2)
        assert call.line.cut

    hold(conversation)


def test_a_second_head_in_drops_has_the_same_end() -> None:
    """A request that is begun and never whole does not keep a connection."""

    async def conversation(call: Call) -> None:
        await call.say(HEAD + b"\r\n" + HEAD)
        for number in range(3):
            await call.after(3.0)
            await call.say(b"X-%d: y\r\n" % number)
            assert not call.line.cut
        await call.after(1.1)
        assert call.line.cut

    hold(conversation)


@pytest.mark.parametrize("head", [HEAD + b"Connection: close\r\n\r\n", b"no HTTP at all\r\n\r\n"])
def test_an_end_that_nobody_reads_has_an_end(head: bytes) -> None:
    """A connection that is closed waits until what was written is read: thirty seconds at most."""

    async def conversation(call: Call) -> None:
        await call.say(head)
        assert (True, False) == (call.line.closed, call.line.cut)
        await call.after(31.0)
        assert call.line.cut

    hold(conversation)
