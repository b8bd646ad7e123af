"""What every answer tells the browser: to run nothing that is not ours, to show it in no frame, and to keep nothing."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = "/static/"
EVERYWHERE: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}
"""For the host whose TLS is ours; behind a proxy it is the proxy's to say."""
_KEPT = {"Cache-Control": "no-cache"}
"""A static file may be kept, and is asked for again: after an upgrade it is another one."""


class Headers:
    """Around an application: its answers have all of these, whatever they say themselves."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._everywhere = {**EVERYWHERE, **(OVER_TLS if tls else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = scope["path"].startswith(STATIC) and message["status"] in (200, 206, 304)
                MutableHeaders(scope=message).update({**self._everywhere, **(_KEPT if found else {})})
            await send(message)

        await self._app(scope, receive, with_headers)
