"""The audit file read backwards: what was decided, the newest first."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from radius_mfa.errors import OperationFailed

BLOCK = 64 * 1024


def records(path: Path, account: str | None = None, most: int | None = None) -> Iterator[dict[str, Any]]:
    """The records of the audit file and of those rotated away from it, newest first. What is no record is left out.

    With `account`, a canonical name, only its own. With `most` no more than so many octets are read. Raises
    OperationFailed where there is no file, and OSError.
    """
    files = rotated(path)
    if not files:
        raise OperationFailed(f"there is no audit file {path}", "it begins with the first decision")
    left = most
    named = b"" if account is None else f'"account":{json.dumps(account)}'.encode("ascii")
    for file in files:
        with file.open("rb") as opened:
            for line in backwards(opened, left):
                if named in line and (record := _parsed(line)) and account in {None, record.get("account")}:
                    yield record
            if left is not None:
                left -= opened.seek(0, os.SEEK_END)
        if left is not None and left <= 0:
            return


def rotated(path: Path) -> list[Path]:
    """The file, and beside it what logrotate has made of it and not compressed yet (`.1` or a date), newest first."""
    older = [file for file in path.parent.glob(f"{path.name}[.-]*") if file.name[len(path.name) + 1 :].isdecimal()]
    older.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    return [path, *older] if path.exists() else older


def backwards(file: BufferedReader, most: int | None = None) -> Iterator[bytes]:
    """The lines of a file from the last to the first, in blocks: a long file costs no more than a short one.

    With `most`, those that show their beginning within so many octets of its end.
    """
    position = file.seek(0, os.SEEK_END)
    begin = 0 if most is None else max(0, position - most)
    rest = b""
    while position > begin:
        size = min(BLOCK, position - begin)
        position -= size
        file.seek(position)
        rest, *lines = (file.read(size) + rest).split(b"\n")
        yield from reversed(lines)
    if not begin:
        yield rest


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
