"""What a request has to be before a page sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from ipaddress import ip_network

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from radius_mfa.portal.guards import Guards
from radius_mfa.portal.headers import EVERYWHERE, OVER_TLS, Headers
from radius_mfa.portal.limits import LIMITS, Limits
from radius_mfa.portal.proxies import Proxies
from tests.portal.wire import Wire, serving

URL = "https://portal.example.com:8443"
HOST = "Host: portal.example.com:8443"
OURS = {"Sec-Fetch-Site": "same-origin"}


class Told:
    """An application behind the guards, and what it was told."""

    def __init__(self, url: str = URL, limits: Limits = LIMITS, *, tls: bool = True) -> None:
        self.bodies: list[bytes] = []
        self.visitors: list[str] = []
        self.released = asyncio.Event()
        self.arrived = asyncio.Event()
        paths = ("/", "/form", "/static/page.css", "/static/gone.css", "/api/v1/thing")
        routes = [Route(path, self.tell, methods=["GET", "POST", "PATCH", "DELETE"]) for path in paths]
        inner = Starlette(routes=[*routes, Route("/wait", self.wait)])
        guards = Guards(inner, url, _refusal, Proxies([ip_network("127.0.0.0/8")]), limits)
        self.app: ASGIApp = Headers(guards, tls=tls)

    async def tell(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        assert request.client is not None
        self.visitors.append(request.client.host)
        return PlainTextResponse(str(request.url), 404 if "gone" in request.url.path else 200)

    async def wait(self, _: Request) -> Response:
        self.arrived.set()
        await self.released.wait()
        return PlainTextResponse("done")


def _refusal(_: str, status: int, headers: Mapping[str, str]) -> Response:
    return PlainTextResponse("refused", status, headers)


class Visitor:
    """Somebody who asks."""

    def __init__(self, told: Told, url: str = URL) -> None:
        self._app = told.app
        self._url = url

    def get(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        return self.request("GET", path, headers)

    def post(self, path: str, headers: Mapping[str, str], content: Iterable[bytes] | bytes = b"") -> httpx.Response:
        return self.request("POST", path, headers, content)

    def request(
        self, method: str, path: str, headers: Mapping[str, str], content: Iterable[bytes] | bytes = b""
    ) -> httpx.Response:
        async def pieces() -> AsyncIterator[bytes]:
            for piece in content if not isinstance(content, bytes) else ():
                yield piece

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=self._url) as asking:
                body = content if isinstance(content, bytes) else pieces()
                return await asking.request(method, path, headers=headers, content=body)

        return asyncio.run(ask())


ANSWERS = [
    ("GET", "/", OURS, 200),
    ("GET", "/nowhere", OURS, 404),
    ("POST", "/form", {}, 403),
    ("PUT", "/form", OURS, 405),
    ("GET", "/", {"Host": "evil.example"}, 421),
    ("POST", "/form", OURS | {"Content-Length": "99999"}, 413),
    ("GET", "/static/gone.css", OURS, 404),
    ("GET", "/api/v1/thing", {}, 200),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), ANSWERS)
def test_every_answer_has_the_headers(method: str, path: str, headers: dict[str, str], status: int) -> None:
    """Pages, faults and refusals alike; over TLS of ours with the word that there is no other way."""
    visitor = Visitor(Told())
    answer = visitor.request(method, path, headers=headers)
    assert status == answer.status_code
    expected = {**EVERYWHERE, **OVER_TLS}
    assert expected == {name: answer.headers.get(name) for name in expected}


def test_the_headers_are_these() -> None:
    """Nothing runs or shows that is not ours, no frame has it, nobody learns the address, nothing is kept."""
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    expected = {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    assert expected.items() <= EVERYWHERE.items()
    assert "camera=()" in EVERYWHERE["Permissions-Policy"]


def test_a_static_file_may_be_kept() -> None:
    """And is asked for again: after an upgrade it is another one."""
    visitor = Visitor(Told())
    assert "no-cache" == visitor.get("/static/page.css", headers=OURS).headers["Cache-Control"]


def test_behind_a_proxy_its_tls_is_not_ours_to_promise() -> None:
    """No Strict-Transport-Security."""
    visitor = Visitor(Told(tls=False))
    assert "Strict-Transport-Security" not in visitor.get("/", headers=OURS).headers


@pytest.mark.parametrize(
    ("url", "host", "known"),
    [
        (URL, "portal.example.com:8443", True),
        (URL, "PORTAL.example.com:8443", True),
        (URL, "portal.example.com", False),
        (URL, "portal.example.com.:8443", False),
        (URL, "portal.example.com:8443.evil.example", False),
        (URL, "evil.example", False),
        (URL, "portal.example.com:8443@evil.example", False),
        ("https://Portal.Example.com/", "portal.example.com", True),
        ("https://portal.example.com:443", "portal.example.com:443", True),
        ("https://portal.example.com:443", "portal.example.com", True),
        ("https://portal.example.com", "portal.example.com:443", True),
        ("https://portal.example.com", "portal.example.com:80", False),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443", True),
    ],
)
def test_a_host_is_known_by_the_url_alone(url: str, host: str, known: bool) -> None:
    """Another name is refused, and stands nowhere in the answer."""
    told = Told(url)
    visitor = Visitor(told, url.lower().rstrip("/"))
    answer = visitor.get("/", headers={"Host": host})
    assert (200 if known else 421) == answer.status_code
    assert known or host not in answer.text + str(answer.headers)
    assert known == bool(told.bodies)


LOOKS = [
    ({}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "document"}, False),
]
FORMS = [
    ({}, False),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),  # what no-referrer makes of it
    ({"Sec-Fetch-Site": "none"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": URL}, False),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, False),
    ({"Origin": URL}, True),
    ({"Origin": "null"}, False),
    ({"Origin": "https://portal.example.com"}, False),
    ({"Origin": "http://portal.example.com:8443"}, False),
    ({"Origin": f"{URL}.evil.example"}, False),
    ({"Origin": "https://evil.example", "Referer": URL}, False),
]


@pytest.mark.parametrize(("headers", "ours"), LOOKS)
def test_a_page_is_looked_at_in_its_own_place(headers: dict[str, str], ours: bool) -> None:
    """Whoever follows a link is let in; a page of somebody else that loads one of ours is not."""
    visitor = Visitor(Told())
    assert (200 if ours else 403) == visitor.get("/", headers=headers).status_code


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize(("headers", "ours"), FORMS)
def test_a_form_is_taken_from_a_page_of_ours(headers: dict[str, str], ours: bool, method: str) -> None:
    """By what the browser says of it; one that says nothing at all is refused."""
    told = Told()
    visitor = Visitor(told)
    assert (200 if ours else 403) == visitor.request(method, "/form", headers=headers).status_code
    assert ours == bool(told.bodies)


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site", "Origin": "https://pbx.example.com"}])
def test_a_program_may_send_from_anywhere(headers: dict[str, str]) -> None:
    """The API takes no cookies."""
    visitor = Visitor(Told())
    assert 200 == visitor.post("/api/v1/thing", headers=headers).status_code
    assert 421 == visitor.post("/api/v1/thing", headers={"Host": "evil.example"}).status_code


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_refused(method: str) -> None:
    """And which there are is told."""
    visitor = Visitor(Told())
    answer = visitor.request(method, "/form", headers=OURS)
    assert (405, "GET, HEAD, POST, PATCH, DELETE") == (answer.status_code, answer.headers["Allow"])


@pytest.mark.parametrize(("path", "most"), [("/form", 16 << 10), ("/api/v1/thing", 64 << 10)])
@pytest.mark.parametrize("measured", [True, False])
def test_a_body_has_a_limit(path: str, most: int, measured: bool) -> None:
    """16 KiB for a form and 64 for the API, whether its length is said before or shows."""
    told = Told()

    def pieces(size: int) -> bytes | Iterator[bytes]:
        octets = b"x" * size
        return octets if measured else (octets[start : start + 1000] for start in range(0, size, 1000))

    visitor = Visitor(told)
    assert 200 == visitor.post(path, content=pieces(most), headers=OURS).status_code
    assert 413 == visitor.post(path, content=pieces(most + 1), headers=OURS).status_code
    assert 413 == visitor.post(path, content=pieces(1_000_000), headers=OURS).status_code
    assert [b"x" * most] == told.bodies


def test_a_request_that_is_refused_ends_the_connection() -> None:
    """What else it brings is not waited for."""
    told = Told()

    async def ask() -> None:
        async with serving(told.app, LIMITS) as (_, dial):
            wire = await dial()
            await wire.send("POST /form HTTP/1.1", HOST, "Sec-Fetch-Site: same-origin", "Content-Length: 99999", "")
            answer = await wire.answer()
            assert (413, "close") == (answer.status, answer.headers["connection"])
            assert b"" == await wire.end()

    asyncio.run(ask())


def test_a_slow_body_is_given_up() -> None:
    """408, and the application hears nothing of it."""
    told = Told(limits=Limits(body=0.2))

    async def ask() -> None:
        async with serving(told.app, LIMITS) as (_, dial):
            wire = await dial()
            await wire.send(
                "POST /form HTTP/1.1", HOST, "Sec-Fetch-Site: same-origin", "Content-Length: 3", "", body=b"x"
            )
            answer = await wire.answer()
            assert (408, "close") == (answer.status, answer.headers["connection"])
            assert b"" == await wire.end()

    asyncio.run(ask())
    assert [] == told.bodies


def test_more_requests_than_can_be_worked_on_are_told_so() -> None:
    """503 while one is under way and one is allowed; then all is as before."""
    told = Told(limits=Limits(requests=1))

    async def look(wire: Wire, path: str) -> None:
        await wire.send(f"GET {path} HTTP/1.1", HOST, "")

    async def ask() -> None:
        async with serving(told.app, LIMITS) as (_, dial):
            first, second, third = await dial(), await dial(), await dial()
            await look(first, "/wait")
            await told.arrived.wait()
            await look(second, "/")
            answer = await second.answer()
            assert (503, "60") == (answer.status, answer.headers["retry-after"])
            told.released.set()
            assert 200 == (await first.answer()).status
            await look(third, "/")
            assert 200 == (await third.answer()).status

    asyncio.run(ask())


NETWORKS = [ip_network("127.0.0.0/8"), ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "visitor"),
    [
        ("198.51.100.1", [], "198.51.100.1"),
        ("198.51.100.1", ["203.0.113.5"], "198.51.100.1"),  # a stranger says so
        ("127.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("192.0.2.9", ["203.0.113.5, 192.0.2.1"], "203.0.113.5"),
        ("127.0.0.1", ["10.9.9.9, 203.0.113.5"], "203.0.113.5"),  # what the visitor put before it
        ("127.0.0.1", ["10.9.9.9", "203.0.113.5,192.0.2.1"], "203.0.113.5"),  # in two headers
        ("127.0.0.1", ["127.0.0.1, 203.0.113.5, 192.0.2.1"], "203.0.113.5"),
        ("127.0.0.1", ["192.0.2.1"], "192.0.2.1"),  # a proxy asks for itself
        ("127.0.0.1", [" 203.0.113.5\t"], "203.0.113.5"),
        ("127.0.0.1", ["2001:DB8:0::1, 2001:0db9::1"], "2001:db9::1"),
        ("127.0.0.1", ["::ffff:203.0.113.5"], "203.0.113.5"),
        ("::ffff:192.0.2.9", ["203.0.113.5"], "203.0.113.5"),
        ("::ffff:198.51.100.1", ["203.0.113.5"], "198.51.100.1"),
        (None, ["203.0.113.5"], "203.0.113.5"),
        (None, ["127.0.0.1"], "127.0.0.1"),
        *((peer, odd, peer or "") for peer in ("127.0.0.1", None) for odd in (
            [], [""], ["unknown"], ["203.0.113.5, "], [",203.0.113.5"], ["203.0.113.5:80"], ["fe80::1%eth0"],
            ["[2001:db8::1]"], ["pbx.example.com, 203.0.113.5"], ["203.0.113.5;192.0.2.1"], ["203.0.113.05"],
        )),
    ],
)  # fmt: skip
def test_a_visitor_comes_from_before_the_last_trusted_proxy(
    peer: str | None, forwarded: list[str], visitor: str
) -> None:
    """What only the visitor can have said is not believed, and what is odd makes it the proxy's own address."""
    assert visitor == Proxies(NETWORKS).visitor(peer, forwarded)


def test_a_page_learns_where_its_visitor_comes_from() -> None:
    """Behind a proxy that is trusted; and it is asked over https, whatever the proxy speaks with us."""
    told = Told()

    async def ask() -> None:
        async with serving(told.app, LIMITS) as (_, dial):
            wire = await dial()
            await wire.send("GET / HTTP/1.1", HOST, "X-Forwarded-For: 203.0.113.5", "X-Forwarded-Proto: http", "")
            assert f"{URL}/".encode() == (await wire.answer()).body

    asyncio.run(ask())
    assert ["203.0.113.5"] == told.visitors
