"""What a browser sends with a form."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

TYPE = "application/x-www-form-urlencoded"
MOST = 16
"""Fields of a form."""
LONGEST_NUMBER = 18
"""Digits: what 64 bits can hold."""


async def fields(request: Request) -> dict[str, str]:
    """The fields by name; of one that comes twice, the first. Raises HTTPException for what no page of ours sends."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != TYPE:
        raise HTTPException(415)
    try:
        pairs = parse_qsl(
            (await request.body()).decode("ascii"), keep_blank_values=True, max_num_fields=MOST, errors="strict"
        )
    except ValueError:
        raise HTTPException(400) from None
    return dict(reversed(pairs))


def row(typed: Mapping[str, str]) -> int | None:
    """The number in the field `id`; None where there is none, or one that no row of a table has."""
    number = typed.get("id", "")
    return int(number) if number.isascii() and number.isdecimal() and len(number) <= LONGEST_NUMBER else None
