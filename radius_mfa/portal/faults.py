"""Pages for what goes wrong: what happened, and what to do now. None of them repeats anything that was sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from radius_mfa.errors import Unavailable, where
from radius_mfa.portal.pages import Pages

log = logging.getLogger(__name__)

_PAGES = {
    400: ("That did not arrive whole", "The server could not read what your browser sent. Go back and try again."),
    403: (
        "That form is not from here",
        "The server takes forms from its own pages alone. Open this site anew and begin there.",
    ),
    404: ("There is no such page", "The address may be mistyped, or the link may have ended."),
    405: ("Not that way", "This address belongs to a form. Open the page that has it."),
    408: ("That took too long", "Your browser did not send all of it in time. Go back and try again."),
    413: ("That was too much", "Your browser sent more than any form here has. Go back and try again."),
    415: ("That is no form of ours", "The server takes forms from its own pages alone. Open the page and try again."),
    421: ("Another address", "This server is not known by the name your browser used. Use the address you were given."),
    429: ("Too much at once", "Too many requests came from where you are. Wait a minute, then try again."),
    500: (
        "Something is broken here",
        "It is not your fault. Try again; if it stays, tell your administrator when it happened.",
    ),
    503: ("Not at the moment", "The server is busy or does not answer. Nothing was changed. Try again in a minute."),
}  # fmt: skip


class Faults:
    """Shows them. Used by the application for exceptions, and by whoever refuses a request before it gets there."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def page(self, status: int, headers: Mapping[str, str] | None = None) -> Response:
        """The page of this status."""
        title, words = _PAGES.get(status) or _PAGES[500 if status >= 500 else 400]
        response = self._pages.show("message", status, title=title, words=words)
        response.headers.update(headers or {})
        return response

    def handlers(self) -> dict[type[Exception], ExceptionHandler]:
        """For exceptions that say what is wrong with a request, or who does not answer."""

        async def refused(_: Request, error: Exception) -> Response:
            return self.page(error.status_code, error.headers) if isinstance(error, HTTPException) else self.page(500)

        async def unavailable(_: Request, error: Exception) -> Response:
            why = f"{error.message}; hint: {error.hint}" if isinstance(error, Unavailable) else where(error)
            log.warning("portal: not available: %s", why)
            return self.page(503, {"Retry-After": "60"})

        return {HTTPException: refused, Unavailable: unavailable, TimeoutError: unavailable}


class Faultless:
    """Around the application: a fault of ours is logged by where it happened, for its message may quote a password."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as fault:  # noqa: BLE001 - whatever it is, nothing of it reaches the browser
            log.error("a page failed: %s", where(fault))
            if not begun:  # else the connection ends before the page does
                await self._faults.page(500)(scope, receive, send)
