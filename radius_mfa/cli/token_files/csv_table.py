"""A table of our own: CSV with the header name,secret and what differs from the defaults of every app."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

from radius_mfa.cli.token_files.entry import Entry, Mistake, Reading, base32, token
from radius_mfa.store.token_import import InUse

COLUMNS = ("name", "secret", "type", "digits", "period", "algorithm", "counter", "label")
_NEEDED = {"name", "secret"}

Row = dict[str | Any, str | Any]


def recognises(text: str) -> bool:
    """Its first line is a header with name and secret."""
    return set(_header(text)) >= _NEEDED


def read(text: str) -> Reading:
    """A token a row. A wrong header or a quote that does not end is the only mistake told."""
    header = _header(text)
    if set(header) - set(COLUMNS) or len(set(header)) != len(header):
        return Reading([], [(1, f"the header is not {','.join(COLUMNS)}; only name and secret are required")])
    reading = Reading([], [])
    lines = StringIO(text, newline="")
    table = csv.DictReader(lines, strict=True, skipinitialspace=True, fieldnames=header)
    try:
        next(table)
        for row in table:
            try:
                reading.entries.append(Entry(table.line_num, _token(row)))
            except Mistake as mistake:
                reading.mistakes.append((table.line_num, mistake.text))
    except csv.Error:
        reading.mistakes.append((table.line_num + 1, "this is no CSV; look for a quote that does not end"))
    return reading


def _header(text: str) -> list[str]:
    return [column.strip(' "') for column in text.partition("\n")[0].rstrip("\r").split(",")]


def _token(row: Row) -> InUse:
    if None in row or None in row.values():
        raise Mistake(f"{'more' if None in row else 'fewer'} fields than the header has")
    words = {column: value.strip() for column, value in row.items() if value.strip()}
    if "name" not in words:
        raise Mistake("the name is missing")
    name, secret = words.pop("name"), words.pop("secret", "")
    if "counter" in words and "type" not in words:
        raise Mistake("a counter is for a token of type hotp")
    kind, algorithm = words.pop("type", "totp").lower(), words.pop("algorithm", "sha1").lower()
    return InUse(name, token(base32(secret), kind=kind, algorithm=algorithm, **words))
