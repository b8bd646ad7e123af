"""Recovery codes: sixteen base32 characters in groups of four, 80 bits each."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

OCTETS = 10
GROUP = 4
_SHOWN = re.compile("[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}")


def make(random: Callable[[int], bytes], count: int) -> list[str]:
    """`count` different normalised codes from a source of random octets.

    None ends in six digits: appended to a password without its dashes it would be read as an authenticator code.
    """
    codes: list[str] = []
    while len(codes) < count:
        code = base64.b32encode(random(OCTETS)).decode("ascii")
        if not code[-6:].isdecimal() and code not in codes:
            codes.append(code)
    return codes


def show(code: str) -> str:
    """A normalised code as people read and type it: XXXX-XXXX-XXXX-XXXX."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def is_shown(text: str) -> bool:
    """Whether this is a code exactly as `show` writes it."""
    return _SHOWN.fullmatch(text) is not None
