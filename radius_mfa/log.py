"""Logging to standard error: one line an event, whatever is in it, and no secret in a trace."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

from radius_mfa.errors import RadiusMfaError, where


def configure(form: Literal["text", "json"], level: str) -> None:
    """Send every record to standard error. `level` is for this program; libraries speak from `warning` on.

    SQLAlchemy logs its parameters and pyrad whole packets once they are allowed to.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("radius_mfa").setLevel(level.upper())
    logging.raiseExceptions = False  # a broken standard error must not print the arguments of a record somewhere else


def escape(text: str) -> str:
    r"""The text on one line: what cannot be printed (CR, LF, ESC, U+2028, half surrogates) becomes \n, \x1b, \u2028."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def describe(error: BaseException) -> str:
    """Type and places of an exception, and of its cause.

    Its text only if it is ours or the system's: others quote what they choked on.
    """
    said = error.message if isinstance(error, RadiusMfaError) else getattr(error, "strerror", None)
    cause = f" from {describe(error.__cause__)}" if error.__cause__ else ""
    return f"{where(error)}{f': {said}' if said else ''}{cause}"


class _Lines(logging.Formatter):
    def formatException(  # noqa: N802 - logging's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return describe(ei[1]) if ei[1] is not None else ""

    def when(self, record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def trace(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class TextLines(_Lines):
    """`TIME LEVEL message`, and `: trace` after it."""

    def format(self, record: logging.LogRecord) -> str:
        trace = self.trace(record)
        message = f"{record.getMessage()}: {trace}" if trace else record.getMessage()
        return f"{self.when(record)} {record.levelname.lower()} {escape(message)}"


class JsonLines(_Lines):
    """One object a line: time, level, process, message, and trace if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.when(record),
            "level": record.levelname.lower(),
            "process": record.process,
            "message": record.getMessage(),
        }
        trace = self.trace(record)
        return json.dumps({**line, "trace": trace} if trace else line)


class RateLimit:
    """Lets the first event of a kind through, then one an `interval` (seconds), for at most `limit` kinds at a time."""

    def __init__(self, interval: float = 60.0, limit: int = 1024) -> None:
        self._interval = interval
        self._limit = limit
        self._kinds: dict[Hashable, tuple[float, int]] = {}

    def admit(self, kind: Hashable, now: float) -> int | None:
        """How many of this kind were held back since the last that passed, or None: hold this one back too."""
        last, held = self._kinds.get(kind, (None, 0))
        if last is None:
            if not self._has_room(now):
                return None
        elif now - last < self._interval:
            self._kinds[kind] = (last, held + 1)
            return None
        else:
            del self._kinds[kind]  # it goes to the end: the kinds stay in the order in which they passed
        self._kinds[kind] = (now, 0)
        return held

    def _has_room(self, now: float) -> bool:
        if len(self._kinds) < self._limit:
            return True
        oldest = next(iter(self._kinds))
        if now - self._kinds[oldest][0] < self._interval:
            return False
        del self._kinds[oldest]
        return True


class Quiet(logging.Filter):
    """Lets a warning through once a minute, for a process in which the network decides how often there is one.

    `now`: a clock that only goes on, in seconds. `but`: a logger that is heard each time.
    """

    def __init__(self, now: Callable[[], float], but: str) -> None:
        super().__init__()
        self._now = now
        self._but = but
        self._lines = RateLimit()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or record.name == self._but:
            return True
        line = record.getMessage().strip()
        held = self._lines.admit((record.name, line), self._now())
        record.msg, record.args = f"{line} ({held} more like it)" if held else line, None
        return held is not None


def quiet(now: Callable[[], float], but: str) -> None:
    """Let what configure() has set up be Quiet."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(Quiet(now, but))
