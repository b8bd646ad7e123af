"""The portal as one ASGI application."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from radius_mfa.portal.faults import Faultless, Faults


def application(faults: Faults, routes: Iterable[BaseRoute]) -> Starlette:
    """All routes, the static files, and a page for whatever goes wrong."""
    static = Mount("/static", StaticFiles(packages=[("radius_mfa.portal", "static")]))
    made = Starlette(
        routes=[*routes, static],
        middleware=[Middleware(Faultless, faults=faults)],
        exception_handlers=faults.handlers(),
    )
    made.router.redirect_slashes = False  # no redirect is made of a path that was asked for
    return made
