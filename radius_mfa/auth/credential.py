"""Takes what a user typed apart, on bytes: password and code, and what kind of code it is."""

from __future__ import annotations

import re

_DASHED = re.compile(rb"(?i:[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})\Z")
_RECOVERY = re.compile(rb"(?:[A-Z2-7]{16}|[0-9]{8})\Z")
_DIGITS = re.compile(rb"[0-9]+\Z")
DASHED = 19
"""Octets of a recovery code with its dashes."""
LONGEST_ANSWER = 128
"""Octets: no code is longer, however it is spaced."""
LONGEST_PASSWORD = 128
"""Octets: what a User-Password can carry (RFC 2865 section 5.2)."""
FEWEST_DIGITS = 6
"""RFC 4226 section 4, requirement R5: no authenticator shows fewer."""


def split(field: bytes, digits: int) -> tuple[bytes, bytes | None]:
    """The append reading: (password, code).

    The code is the last `digits` ASCII digits; else a recovery code with its dashes; else there is none and the whole
    field is the password.
    """
    if len(field) >= digits and _DIGITS.match(field, len(field) - digits):
        return field[:-digits], field[-digits:]
    if _DASHED.match(field, len(field) - DASHED):
        return field[:-DASHED], field[-DASHED:]
    return field, None


def can_be_password(octets: bytes) -> bool:
    """Whether every door could bring this as a password; PAM would read it up to a NUL."""
    return 0 < len(octets) <= LONGEST_PASSWORD and b"\0" not in octets


def ends_like_a_code(field: bytes) -> bool:
    """Whether some account could have a code at the end of this field: a question about the field alone."""
    return split(field, FEWEST_DIGITS)[1] is not None


def otp_code(answer: bytes, digits: int) -> str | None:
    """The answer as a code of exactly `digits` ASCII digits, or None: no other digit of Unicode is ever compared."""
    if len(answer) == digits and answer.isdigit():  # of octets these are the ASCII digits
        return answer.decode("ascii")
    return None


def typed_code(typed: str, digits: int) -> str | None:
    """What somebody has typed as a code of so many digits, or None: apps show a space in it, and people type it too."""
    return otp_code(typed.replace(" ", "").encode("utf-8", "replace"), digits)


def recovery_code(answer: bytes, digits: int) -> str | None:
    """The answer as a normalised recovery code, or None: 16 base32 characters, or 8 digits of an imported scratch code.

    Case, spaces and dashes do not matter. Eight digits are none where codes have as many (`digits`), nor behind a
    password (`split`).
    """
    if len(answer) > LONGEST_ANSWER:
        return None
    bare = answer.translate(None, b" -").upper()
    if not _RECOVERY.match(bare) or len(bare) == digits:
        return None
    return bare.decode("ascii")
