"""What every kind of file comes down to: tokens with the lines they stand in, and what is wrong in which line.

Mistakes are told without a word of the file: where a column is missing or two have changed places, any word of it may
be a secret.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from radius_mfa.auth.model import Algorithm, TokenKind
from radius_mfa.auth.otp import MAX_DRIFT
from radius_mfa.store.labels import LONGEST_LABEL, is_label
from radius_mfa.store.token_import import InUse
from radius_mfa.store.tokens import NewToken

LEAST_OCTETS, MOST_OCTETS = 10, 128
"""Of a secret: 80 bits are what old apps have; no hash of ours has a longer block."""
HIGHEST_COUNTER = 2**53
_NUMBER = re.compile(r"[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Mistake(Exception):
    """What is wrong with a line, in words that quote nothing of it."""

    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A token and the line it stands in; its account is empty where the file does not say it."""

    line: int
    row: InUse


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file has: tokens, and mistakes as line and text."""

    entries: list[Entry]
    mistakes: list[tuple[int, str]]


def lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, as an editor has them, but for blank ones and comments."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.rstrip("\r")


def read_lines(text: str, parse: Callable[[str], InUse | None]) -> Reading:
    """A file that has a token a line, or nothing of interest."""
    reading = Reading([], [])
    for number, line in lines(text):
        try:
            found = parse(line)
        except Mistake as mistake:
            reading.mistakes.append((number, mistake.text))
        else:
            if found is not None:
                reading.entries.append(Entry(number, found))
    return reading


def token(
    secret: bytes,
    *,
    kind: str = "totp",
    digits: str = "6",
    period: str = "30",
    algorithm: str = "sha1",
    counter: str = "",
    label: str = "",
) -> NewToken:
    """A token from the words of a file; `counter` is that of its next code. Raises Mistake."""
    if kind not in set(TokenKind):
        raise Mistake("the type is totp or hotp")
    if digits not in {"6", "7", "8"}:
        raise Mistake("a code has 6, 7 or 8 digits")
    if algorithm not in set(Algorithm):
        raise Mistake("the algorithm is SHA1, SHA256 or SHA512")
    if not is_label(label):
        raise Mistake(f"the label is not printable, or longer than {LONGEST_LABEL}")
    made = NewToken(secret, TokenKind(kind), int(digits), Algorithm(algorithm), label=label)
    if made.kind is TokenKind.HOTP:
        return replace(made, last_step=number(counter, 0, HIGHEST_COUNTER, "the counter of a hotp token") - 1)
    return replace(made, period=number(period, 15, 120, "the period in seconds"))


def base32(text: str) -> bytes:
    """A secret as people type it: case, spaces, dashes and padding do not matter. Raises Mistake.

    Bits that fill no octet are left out, as the apps do it.
    """
    bare = re.sub(r"[ -]", "", text).rstrip("=").upper()
    if not re.fullmatch(r"[A-Z2-7]+", bare):
        raise Mistake("the secret is not base32" if bare else "the secret is missing")
    return _sized(base64.b32decode(bare + "A" * (-len(bare) % 8))[: len(bare) * 5 // 8])


def hexadecimal(text: str) -> bytes:
    """A secret in hexadecimal digits. Raises Mistake."""
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", text):
        raise Mistake("the secret is not hexadecimal" if text else "the secret is missing")
    return _sized(bytes.fromhex(text))


def number(text: str, least: int, most: int, what: str) -> int:
    """A whole number in ASCII digits. Raises Mistake."""
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise Mistake(f"{what} is not a number from {least} to {most}")
    return int(text)


def drift(text: str, period: int, what: str) -> int:
    """Steps that a clock is off, as far as a login could have taught them. Raises Mistake."""
    steps = number(text.removeprefix("-").removeprefix("+"), 0, HIGHEST_COUNTER, what)
    if steps * period > MAX_DRIFT:
        raise Mistake(f"{what} is more than {MAX_DRIFT} seconds; set the clock of the phone and take it out")
    return -steps if text.startswith("-") else steps


def shown(name: str) -> str:
    """The name of an account for a message, unless it could be a secret that stands in the wrong column."""
    for decode in (base32, hexadecimal):
        try:
            decode(name)
        except Mistake:
            continue
        return "(a name that could be a secret)"
    return name


def _sized(secret: bytes) -> bytes:
    if len(secret) < LEAST_OCTETS:
        raise Mistake(f"the secret has fewer than {LEAST_OCTETS * 8} bits")
    if len(secret) > MOST_OCTETS:
        raise Mistake(f"the secret has more than {MOST_OCTETS * 8} bits")
    return secret
