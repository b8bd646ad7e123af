"""`radius-mfa audit`: what was decided, newest last."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any

import click

from radius_mfa.cli import output
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Command, json_option
from radius_mfa.errors import OperationFailed

BLOCK = 64 * 1024
HEAD = ("TIME", "ACCOUNT", "CLIENT", "RESULT", "REASON", "METHOD", "SOURCE")


@click.command(cls=Command)
@click.option("--account", metavar="NAME", help="Only what concerns this account.")
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="At most so many.")
@json_option()
@click.pass_obj
def command(chosen: Chosen, account: str | None, last: int, as_json: bool) -> None:
    """Show the last decisions, and why each fell.

    The file is audit.file of the configuration, and the one it was rotated to.
    """
    path = settings_of(chosen).audit.file
    found = list(islice(records(path, account), last))[::-1]
    if as_json:
        for record in found:
            click.echo(json.dumps(record))
        return
    output.table(HEAD, (_row(record) for record in found))


def records(path: Path, account: str | None = None) -> Iterator[dict[str, Any]]:
    """The records of the audit file and of those rotated away from it, newest first. What is no record is left out."""
    files = rotated(path)
    if not files:
        raise OperationFailed(f"there is no audit file {path}", "it begins with the first decision")
    for file in files:
        with file.open("rb") as opened:
            for line in backwards(opened):
                record = _parsed(line)
                if record is not None and account in {None, record.get("account")}:
                    yield record


def rotated(path: Path) -> list[Path]:
    """The file, and beside it what logrotate has made of it and not compressed yet (`.1` or a date), newest first."""
    older = [file for file in path.parent.glob(f"{path.name}[.-]*") if file.name[len(path.name) + 1 :].isdecimal()]
    older.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    return [path, *older] if path.exists() else older


def backwards(file: BufferedReader) -> Iterator[bytes]:
    """The lines of a file from the last to the first, in blocks: a long file costs no more than a short one."""
    position = file.seek(0, os.SEEK_END)
    rest = b""
    while position:
        size = min(BLOCK, position)
        position -= size
        file.seek(position)
        rest, *lines = (file.read(size) + rest).split(b"\n")
        yield from reversed(lines)
    yield rest


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _row(record: dict[str, Any]) -> tuple[object, ...]:
    time = str(record.get("time", ""))[:19].replace("T", " ") + "Z"
    result = record.get("result") or record.get("event")
    before, after = ("account", "client"), ("reason", "method", "source")
    return (time, *map(record.get, before), result, *map(record.get, after))
