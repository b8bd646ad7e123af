"""What a command prints: tables for people, JSON for programs. Nothing printed can steer a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import click

from radius_mfa.cli import messages


def plain(value: object) -> str:
    """A value on one line of a terminal; None and the empty text are `-`."""
    return "-" if value is None or value == "" else messages.printable(str(value))


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> None:
    """Columns as wide as they need; those named in `right` are numbers. Without rows, the head alone."""
    cells = [list(head), *([plain(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        line = "  ".join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(row, widths, head, strict=True)
        ).rstrip()
        say(line, bold=number == 0)


def fields(values: Mapping[str, object]) -> None:
    """One `name  value` a line, for a single thing."""
    width = max(map(len, values))
    for name, value in values.items():
        say(f"{name:<{width}}  {plain(value)}")


def as_json(value: object) -> None:
    """One JSON document, indented. Times are ISO 8601, UTC."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True, default=_encode))


def say(text: str = "", **style: object) -> None:
    """A line for people; the style is left out where nobody sees colours."""
    styled = click.style(text, **style) if style else text  # type: ignore[arg-type]
    click.echo(styled, color=messages.output_colours())


def when(seconds: float | None) -> str | None:
    """Seconds since the epoch as people read them, UTC; None and 0 are never."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if seconds else None


def iso(seconds: float | None) -> str | None:
    """Seconds since the epoch for programs: ISO 8601, UTC; None and 0 are null."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None


def count(number: int, thing: str) -> str:
    """`1 code`, `2 codes`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _encode(value: object) -> object:
    if isinstance(value, frozenset | set):
        return sorted(value)
    return str(value)
