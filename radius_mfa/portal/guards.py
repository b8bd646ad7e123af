"""What a request has to be before a page sees it: ours by name, sent by a page of ours, whole, and not too much.

The API is reached by programs, with a token that no browser adds by itself: for it, who sent a request says nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radius_mfa.portal.limits import Limits
from radius_mfa.portal.proxies import Proxies

API = "/api/"
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
_LOOKS = ("GET", "HEAD")

Refusal = Callable[[str, int, Mapping[str, str]], Response]
"""The answer of this status to whoever asked for this path, with these headers."""


class Refused(Exception):
    """A request that no page is to see."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers or {}


class Guards:
    """Around the application. `url`: the setting portal.url."""

    def __init__(self, app: ASGIApp, url: str, refusal: Refusal, proxies: Proxies, limits: Limits) -> None:
        self._app = app
        self._place = Place(url)
        self._refusal = refusal
        self._proxies = proxies
        self._limits = limits
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            _check_shape(scope, headers, self._limits.head_size)
            self._place.check(scope, headers)
            body = await self._whole(scope["path"], headers, receive)
            if self._under_way >= self._limits.requests:
                raise Refused(503, {"Retry-After": "60"})
        except Refused as refused:
            # The rest of what it has sent is not waited for: what comes next is no request.
            end = {**refused.headers, "Connection": "close"}
            await self._refusal(scope["path"], refused.status, end)(scope, receive, send)
            return
        if body is not None:
            await self._pass_on(scope, headers, body, receive, send)

    async def _pass_on(self, scope: Scope, headers: Headers, body: bytes, receive: Receive, send: Send) -> None:
        peer = scope["client"][0] if scope["client"] else None
        visitor = self._proxies.visitor(peer, headers.getlist("x-forwarded-for"))
        self._under_way += 1
        try:
            await self._app({**scope, "scheme": "https", "client": (visitor, 0)}, _again(body, receive), send)
        finally:
            self._under_way -= 1

    async def _whole(self, path: str, headers: Headers, receive: Receive) -> bytes | None:
        """The body; None if nobody waits for an answer any more."""
        most = self._limits.document if path.startswith(API) else self._limits.form
        if int(headers.get("content-length", "0")) > most:
            raise Refused(413)
        try:
            async with asyncio.timeout(self._limits.body):
                return await _body(receive, most)
        except TimeoutError:
            raise Refused(408) from None


class Place:
    """The portal as browsers know it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url.lower())
        host = parts.netloc.removesuffix(":443")
        self._hosts = {host, f"{host}:443"} if parts.port in (None, 443) else {host}
        self._origin = f"https://{host}"

    def check(self, scope: Scope, headers: Headers) -> None:
        """Raises Refused for a request to somebody else, and for one that a page of somebody else has sent."""
        named = [name.lower() for name in headers.getlist("host")]
        if len(named) != 1 or named[0] not in self._hosts or not scope["raw_path"].startswith(b"/"):
            raise Refused(421)
        if not (scope["path"].startswith(API) or self._sent_by_us(scope["method"], headers)):
            raise Refused(403)

    def _sent_by_us(self, method: str, headers: Headers) -> bool:
        """Sec-Fetch-Site tells. A browser too old for it says at least, with a form, where the form is from.

        A link may stand anywhere, in a mail above all: whoever follows one looks at a page of ours in a page's place.
        """
        site = headers.get("sec-fetch-site")
        if method in _LOOKS:
            followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
            return site in (None, "none", "same-origin") or followed
        return headers.get("origin") == self._origin if site is None else site == "same-origin"


def _check_shape(scope: Scope, headers: Headers, most: int) -> None:
    """Raises Refused for a head that is too long, for methods that nothing here has, and where a proxy may see the end
    of a request elsewhere: RFC 9112 6.1 of Transfer-Encoding beside Content-Length, or with HTTP/1.0.
    """
    fields = sum(len(name) + len(text) for name, text in headers.raw)
    if len(scope["raw_path"]) + len(scope["query_string"]) + fields > most:
        raise Refused(431)  # h11 looks at its limit only while a head is not whole
    if scope["method"] not in METHODS and not scope["path"].startswith(API):  # which says of each path what it has
        raise Refused(405, {"Allow": ", ".join(METHODS)})
    if "transfer-encoding" in headers and ("content-length" in headers or scope["http_version"] == "1.0"):
        raise Refused(400)


async def _body(receive: Receive, most: int) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            raise Refused(413)
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body, in one piece."""
    left = [body]

    async def receive_again() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return receive_again
