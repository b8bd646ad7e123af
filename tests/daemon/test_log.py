"""The log: one line an event and nothing secret in a trace."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from radius_mfa import log
from radius_mfa.errors import StoreFailed

Through = Callable[[logging.Formatter], tuple[logging.Logger, Callable[[], list[str]]]]

HOSTILE = "a\rb\nc\x1b]0;d\u2028e\u0085f\udcff"


@pytest.fixture
def lines() -> Iterator[Through]:
    """A logger that writes through a formatter, and what it has written."""
    logger = logging.getLogger("radius_mfa.tests")
    logger.propagate = False

    def through(formatter: logging.Formatter) -> tuple[logging.Logger, Callable[[], list[str]]]:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        logger.handlers = [handler]
        return logger, lambda: stream.getvalue().splitlines()

    yield through
    logger.handlers = []


def test_an_event_is_one_line_of_text(lines: Through) -> None:
    """Nothing in a message can start a second record or reach the terminal (THREATS 100)."""
    logger, written = lines(log.TextLines())
    logger.error("unknown client %s", HOSTILE)
    assert len(written()) == 1
    assert written()[0].isprintable()
    assert written()[0].endswith(r" error unknown client a\rb\nc\x1b]0;d\u2028e\x85f\udcff")


def test_an_event_is_one_object_of_json(lines: Through) -> None:
    """A JSON line parses back to the message as it was."""
    logger, written = lines(log.JsonLines())
    logger.warning("from %s", HOSTILE)
    assert len(written()) == 1
    assert json.loads(written()[0])["message"] == f"from {HOSTILE}"


@pytest.mark.parametrize("formatter", [log.TextLines(), log.JsonLines()])
def test_a_trace_has_places_and_no_values(lines: Through, formatter: logging.Formatter) -> None:
    """A trace says type, file, line and function on the same line; what an exception quotes stays out (THREATS 101)."""
    logger, written = lines(formatter)
    try:
        int("hunter2")
    except ValueError:
        logger.exception("a datagram was dropped")
    assert len(written()) == 1
    assert "ValueError at test_log.py:" in written()[0]
    assert "hunter2" not in written()[0]


def test_a_trace_keeps_the_words_of_the_system_and_our_own(lines: Through) -> None:
    """The text of an OSError and of our own errors helps, names no secret, and is kept, down to the cause."""
    logger, written = lines(log.TextLines())
    try:
        try:
            Path("/nonexistent/file").read_bytes()
        except OSError as error:
            raise StoreFailed("the database does not answer") from error
    except StoreFailed:
        logger.exception("no login")
    assert "StoreFailed at test_log.py:" in written()[0]
    assert ": the database does not answer from FileNotFoundError at test_log.py:" in written()[0]
    assert written()[0].endswith(": No such file or directory")


def test_libraries_stay_quiet_at_debug() -> None:
    """`level: debug` is for this program: SQLAlchemy would log parameters and pyrad whole packets."""
    root, ours = logging.getLogger(), logging.getLogger("radius_mfa")
    before = root.handlers[:], root.level, ours.level
    try:
        log.configure("text", "debug")
        assert ours.isEnabledFor(logging.DEBUG)
        assert not logging.getLogger("sqlalchemy.engine").isEnabledFor(logging.INFO)
        assert not logging.getLogger("pyrad").isEnabledFor(logging.INFO)
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        ours.setLevel(before[2])


def test_one_line_a_minute_and_kind() -> None:
    """The first event passes, the rest of its minute is counted, and the next that passes brings the count."""
    limit = log.RateLimit(interval=60)
    assert limit.admit("a", 0) == 0
    assert [None, None] == [limit.admit("a", 1), limit.admit("a", 59.9)]
    assert limit.admit("b", 59.9) == 0
    assert limit.admit("a", 60) == 2
    assert limit.admit("a", 61) is None


def test_kinds_are_bounded() -> None:
    """No more kinds than the limit pass in an interval; the oldest makes room when its time is over."""
    limit = log.RateLimit(interval=60, limit=10)
    passed = [kind for kind in range(1000) if limit.admit(kind, kind / 100) is not None]
    assert passed == list(range(10))
    assert limit.admit("later", 60) == 0
    assert limit.admit("and another", 60) is None
