"""The pages as HTML: Jinja2 templates, escaped by default, and the answers that are none of their own."""

from __future__ import annotations

from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse


class Pages:
    """Renders templates. `issuer` is on every page; `help`, where to ask, may be empty."""

    def __init__(self, issuer: str, help: str) -> None:  # noqa: A002 - the name it has in the configuration
        self._environment = Environment(
            loader=PackageLoader("radius_mfa.portal"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._environment.globals.update(issuer=issuer, help=help)
        self._environment.filters.update(when=when, day=day)

    def show(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """A page, `template` without its suffix."""
        page = self._environment.get_template(f"{template}.html")
        return HTMLResponse(page.render(values), status)


def when(seconds: float) -> str:
    """Seconds since the epoch as people read them, in the time zone of this machine."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%-d %b %Y, %H:%M %Z")


def day(seconds: float) -> str:
    """The day of these seconds since the epoch, in the time zone of this machine."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%-d %b %Y")


def to(path: str) -> RedirectResponse:
    """Go on to another page of ours with GET. `path` is never made of what a browser sent."""
    return RedirectResponse(path, 303)
