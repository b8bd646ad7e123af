"""What a browser sends with a form."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

TYPE = "application/x-www-form-urlencoded"
MOST = 16
"""Fields of a form."""


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
