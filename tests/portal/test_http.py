"""What the server makes of the octets of strangers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from radius_mfa.portal.guards import Guards
from radius_mfa.portal.headers import EVERYWHERE, Headers
from radius_mfa.portal.limits import LIMITS, Limits
from radius_mfa.portal.proxies import Proxies
from radius_mfa.portal.server import Server
from radius_mfa.portal.tls import Certificate
from tests.portal.site import self_signed
from tests.portal.wire import Dial, serving

HOST = "Host: portal.example.com"
FORM = ("POST /form HTTP/1.1", HOST, "Sec-Fetch-Site: same-origin")
SECOND = b"GET /second HTTP/1.1\r\n" + HOST.encode() + b"\r\n\r\n"


class Behind:
    """An application behind server and guards: which paths it was asked for."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.visitors: list[str] = []
        self.arrived = asyncio.Event()
        self.released = asyncio.Event()
        paths = ("/", "/form", "/second")
        routes = [Route(path, self.show, methods=["GET", "POST"]) for path in paths]
        inner = Starlette(routes=[*routes, Route("/wait", self.wait)])
        guards = Guards(inner, "https://portal.example.com", _refusal, Proxies(()), LIMITS)
        self.app = Headers(guards, tls=False)

    async def show(self, request: Request) -> Response:
        self.paths.append(request.url.path)
        assert request.client is not None
        self.visitors.append(request.client.host)
        return PlainTextResponse("shown")

    async def wait(self, _: Request) -> Response:
        self.arrived.set()
        await self.released.wait()
        return PlainTextResponse("waited")

    def serve(self, talk: Callable[[Server, Dial], Awaitable[None]], limits: Limits = LIMITS) -> None:
        """Let somebody talk to it."""

        async def served() -> None:
            async with serving(self.app, limits) as (server, dial):
                await talk(server, dial)

        asyncio.run(served())


def _refusal(_: str, status: int, headers: Mapping[str, str]) -> Response:
    return Response(None, status, headers)


SMUGGLED = {
    "both lengths": ((*FORM, "Content-Length: 4", "Transfer-Encoding: chunked", ""), b"0\r\n\r\n"),
    "both lengths, the other way round": ((*FORM, "Transfer-Encoding: chunked", "Content-Length: 4", ""), b"0\r\n\r\n"),
    "chunked in HTTP/1.0": (
        ("POST /form HTTP/1.0", HOST, "Sec-Fetch-Site: same-origin", "Transfer-Encoding: chunked", ""),
        b"0\r\n\r\n",
    ),
    "two lengths": ((*FORM, "Content-Length: 0", "Content-Length: 4", ""), b""),
    "two lengths in one": ((*FORM, "Content-Length: 0, 4", ""), b""),
    "a length with a sign": ((*FORM, "Content-Length: +0", ""), b""),
    "a length in hexadecimal": ((*FORM, "Content-Length: 0x0", ""), b""),
    "another coding": ((*FORM, "Transfer-Encoding: xchunked", ""), b"0\r\n\r\n"),
    "two codings": ((*FORM, "Transfer-Encoding: gzip, chunked", ""), b"0\r\n\r\n"),
    "a coding with a tab": ((*FORM, "Transfer-Encoding:\x0bchunked", ""), b"0\r\n\r\n"),
    "a coding twice": ((*FORM, "Transfer-Encoding: chunked", "Transfer-Encoding: identity", ""), b"0\r\n\r\n"),
    "a blank before the colon": ((*FORM, "Content-Length : 0", ""), b""),
    "a chunk with a sign": ((*FORM, "Transfer-Encoding: chunked", ""), b"+0\r\n\r\n"),
    "a chunk that is longer than it says": ((*FORM, "Transfer-Encoding: chunked", ""), b"1\r\nxx\r\n0\r\n\r\n"),
    "no host": (("GET / HTTP/1.1", ""), b""),
    "no host in HTTP/1.0": (("GET / HTTP/1.0", ""), b""),
    "two hosts": (("GET / HTTP/1.1", HOST, "Host: evil.example", ""), b""),
    "two equal hosts": (("GET / HTTP/1.1", HOST, HOST, ""), b""),
    "a host in the target": (("GET https://evil.example/ HTTP/1.1", HOST, ""), b""),
    "ours in the target": (("GET https://portal.example.com/ HTTP/1.1", "Host: evil.example", ""), b""),
    "a tunnel": (("CONNECT portal.example.com:443 HTTP/1.1", HOST, ""), b""),
    "the server as a whole": (("OPTIONS * HTTP/1.1", HOST, ""), b""),
    "HTTP/2": (("PRI * HTTP/2.0", "", "SM", ""), b""),
    "TLS": ((), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600)),
}


@pytest.mark.parametrize("octets", SMUGGLED.values(), ids=SMUGGLED)
def test_what_a_proxy_may_read_in_another_way_is_refused(octets: tuple[tuple[str, ...], bytes]) -> None:
    """And no second request is found in what follows: the connection ends."""
    behind = Behind()

    async def talk(_: Server, dial: Dial) -> None:
        wire = await dial()
        await wire.send(*octets[0], body=octets[1] + SECOND)
        answer = await wire.answer()
        assert answer.status in {400, 405, 421}
        assert {name.lower(): value for name, value in EVERYWHERE.items()}.items() <= answer.headers.items()
        assert "evil" not in str(answer)
        assert b"" == await wire.end()

    behind.serve(talk)
    assert [] == behind.paths


def test_requests_one_behind_the_other_are_answered_in_turn() -> None:
    """A body that is whole does not swallow what follows."""
    behind = Behind()

    async def talk(_: Server, dial: Dial) -> None:
        wire = await dial()
        await wire.send(*FORM, "Content-Length: 4", "", body=b"x" * 4 + SECOND)
        assert (200, 200) == ((await wire.answer()).status, (await wire.answer()).status)
        await wire.send(*FORM, "Transfer-Encoding: chunked", "", body=b"4\r\nxxxx\r\n0\r\n\r\n" + SECOND)
        assert (200, 200) == ((await wire.answer()).status, (await wire.answer()).status)

    behind.serve(talk)
    assert ["/form", "/second"] * 2 == behind.paths


@pytest.mark.parametrize("name", ["X-Long", "Cookie"])
def test_a_head_has_a_limit(name: str) -> None:
    """16 KiB, whether it comes in one piece or not."""
    behind = Behind()

    async def talk(_: Server, dial: Dial) -> None:
        fits, does_not = await dial(), await dial()
        await fits.send("GET / HTTP/1.1", HOST, f"{name}: {'x' * 15_000}", "")
        assert 200 == (await fits.answer()).status
        await does_not.send("GET / HTTP/1.1", HOST, f"{name}: {'x' * 17_000}", "")
        assert 431 == (await does_not.answer()).status
        in_pieces = await dial()
        await in_pieces.send("GET / HTTP/1.1", HOST, body=f"{name}: {'x' * 17_000}".encode())
        assert 400 == (await in_pieces.answer()).status

    behind.serve(talk)


def test_nobody_is_believed_who_is_no_proxy_of_the_configuration() -> None:
    """A neighbour on this host neither: what the libraries would trust by themselves is not trusted."""
    behind = Behind()

    async def talk(_: Server, dial: Dial) -> None:
        wire = await dial()
        await wire.send("GET / HTTP/1.1", HOST, "X-Forwarded-For: 203.0.113.5", "X-Forwarded-Proto: http", "")
        assert 200 == (await wire.answer()).status

    behind.serve(talk)
    assert ["127.0.0.1"] == behind.visitors


def test_the_server_does_not_say_what_it_is() -> None:
    """No Server header."""

    async def talk(_: Server, dial: Dial) -> None:
        wire = await dial()
        await wire.send("GET / HTTP/1.1", HOST, "")
        assert "server" not in (await wire.answer()).headers

    Behind().serve(talk)


@pytest.mark.parametrize("part", ["", "GET / HTTP/1.1\r\n", "\r\n".join((*FORM, "Content-Length: 4", "", "xx"))])
def test_whoever_only_holds_the_line_makes_room(part: str) -> None:
    """The oldest that says nothing, or not all, is hung up on for whoever comes; the others stay."""
    behind = Behind()

    async def talk(_: Server, dial: Dial) -> None:
        busy = await dial()
        await busy.send("GET /wait HTTP/1.1", HOST, "")
        await behind.arrived.wait()
        oldest = await dial()
        await oldest.send(body=part.encode())
        older = await dial()
        await older.send("GET / HTTP/1.1", HOST, "")
        assert 200 == (await older.answer()).status
        newest = await dial()
        await newest.send("GET / HTTP/1.1", HOST, "")
        assert 200 == (await newest.answer()).status
        assert b"" == await oldest.end()
        for wire in (older, newest):
            await wire.send("GET / HTTP/1.1", HOST, "")
            assert 200 == (await wire.answer()).status
        behind.released.set()
        assert 200 == (await busy.answer()).status

    behind.serve(talk, Limits(connections=3))


def test_no_more_are_taken_than_there_is_room_for() -> None:
    """While all are busy whoever comes is hung up on."""
    behind = Behind()

    async def talk(_: Server, dial: Dial) -> None:
        busy = await dial()
        await busy.send("GET /wait HTTP/1.1", HOST, "")
        await behind.arrived.wait()
        assert b"" == await (await dial()).end()
        behind.released.set()
        assert b"waited" == (await busy.answer()).body

    behind.serve(talk, Limits(connections=1))


@pytest.mark.parametrize("octets", [b"", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_handshake_that_comes_to_nothing_has_an_end(tmp_path: Path, octets: bytes) -> None:
    """Whoever does not speak TLS in time is hung up on, and makes room as others do."""

    async def talk() -> None:
        certificate = Certificate(*self_signed(tmp_path))
        async with serving(Behind().app, Limits(head=0.2, connections=2), certificate) as (_, dial):
            for wire in [await dial() for _ in range(3)]:
                await wire.send(body=octets)
                assert b"HTTP" not in await wire.end()

    asyncio.run(talk())


def test_over_tls_it_is_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A head that is not whole in time, a silent connection, one that makes room: cut without a fault."""
    behind = Behind()

    async def talk() -> None:
        certificate = Certificate(*self_signed(tmp_path))
        async with serving(behind.app, Limits(head=0.5, idle=1, connections=2), certificate) as (_, dial):
            used, begun = await dial(over_tls=True), await dial(over_tls=True)
            await used.send("GET / HTTP/1.1", HOST, "")
            assert b"shown" == (await used.answer()).body
            await begun.send("GET / HTTP/1.1", HOST)
            newest = await dial(over_tls=True)
            await newest.send("GET / HTTP/1.1", HOST, "Connection: close", "")
            assert b"shown" == (await newest.answer()).body
            for wire in (used, begun, newest):
                assert b"" == await wire.end()

    asyncio.run(talk())
    assert [] == caplog.records


def test_what_is_under_way_is_finished() -> None:
    """At the end of the server a request gets its answer, and nobody else is taken."""
    behind = Behind()

    async def talk(server: Server, dial: Dial) -> None:
        busy, idle = await dial(), await dial()
        await busy.send("GET /wait HTTP/1.1", HOST, "")
        await behind.arrived.wait()
        server.should_exit = True
        assert b"" == await idle.end()
        with pytest.raises(ConnectionError):
            await dial()
        behind.released.set()
        assert b"waited" == (await busy.answer()).body
        assert b"" == await busy.end()

    behind.serve(talk)


def test_what_does_not_end_is_ended() -> None:
    """A request that nothing comes of does not keep the server alive."""
    behind = Behind()

    async def talk(server: Server, dial: Dial) -> None:
        busy = await dial()
        await busy.send("GET /wait HTTP/1.1", HOST, "")
        await behind.arrived.wait()
        server.should_exit = True
        assert b"" == await busy.end()

    behind.serve(talk, Limits(farewell=0))
