"""One-time codes: which step of a token gives this code (RFC 4226, RFC 6238).

Codes are compared as text of ASCII digits, made by `credential.otp_code`; a step is verified as HOTP at that step, so
that the step which matched is known and can be taken exactly once.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

from radius_mfa.auth.model import Algorithm, Token, TokenKind
from radius_mfa.value import value

LOOK_BACK = 24 * 3600
"""Seconds back in which a code that was right once is not counted as a guess."""
LOOK_BACK_APPENDED = 7 * 24 * 3600
"""The same for a code behind a password: nothing in such a datagram is only good today, so somebody may keep it."""
LOOK_FORWARD = 600
"""Seconds ahead in which a code that will be right is a clock that is off, not a guess."""
HOTP_LOOK_BACK = 100
"""Counters back in which a HOTP code that was right once is not counted as a guess."""
MAX_DRIFT = 600
"""Seconds: drift is never learned beyond this, whatever a patient clock does."""


@value
class Match:
    """A token gives the code at `step` (time step or counter); `drift` is what to remember of its clock."""

    token: Token
    step: int
    drift: int


class Skew(Enum):
    """What is known of a code that no token gives within its window."""

    UNKNOWN = "unknown"
    STALE = "stale"
    """Right at a step up to the last one taken: used, or left behind."""
    SKEWED = "skewed"
    """Right at a step that was never taken: a clock is off."""


@value
class Skewed:
    """The answer to FindSkew; with STALE, `match` is the step that the code belongs to."""

    skew: Skew
    match: Match | None = None


def code_at(secret: bytes, step: int, digits: int, algorithm: Algorithm) -> str:
    """The code of one step: RFC 4226 section 5.3, with the hash of RFC 6238 section 1.2."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), algorithm)
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def match(tokens: Iterable[Token], code: str, at: float, window: int, look_ahead: int) -> Match | None:
    """The step within the window that gives `code`, of the first token that has one.

    A step that has not been taken is preferred; one that has been is returned all the same, since the store decides
    who takes a step. `window` is in steps either way (TOTP), `look_ahead` in counters (HOTP).
    """
    taken = None
    for token in tokens:
        for step in _window(token, at, window, look_ahead):
            if _gives(token, step, code):
                found = Match(token, step, _learned(token, step, at) if window else 0)
                if step > token.last_step:
                    return found
                taken = taken or found
    return taken


def find_skew(tokens: Iterable[Token], code: str, at: float, back: int = LOOK_BACK) -> Skewed:
    """What a code outside every window is: see Skew. Runs through all steps of `back` seconds, whatever it finds."""
    found = Skewed(Skew.UNKNOWN)
    for token in tokens:
        for step in _far_steps(token, at, back):
            if _gives(token, step, code) and found.skew is not Skew.STALE:
                stale = step <= token.last_step
                found = Skewed(Skew.STALE, Match(token, step, token.drift)) if stale else Skewed(Skew.SKEWED)
    return found


def _window(token: Token, at: float, window: int, look_ahead: int) -> Iterable[int]:
    """The steps to try, the likeliest first.

    Both where the learned drift expects the code and where a right clock would have it: one that was set right lets its
    owner in, and unlearns the drift login by login.
    """
    if token.kind is TokenKind.HOTP:
        # The counter taken last is tried too: its code is a repetition, not a guess.
        return range(max(token.last_step, 0), token.last_step + 2 + look_ahead)
    now = int(at // token.period)
    offsets = _offsets(token.drift if window else 0, window)
    return [now + offset for offset in offsets if now + offset >= 0]


@lru_cache(maxsize=256)
def _offsets(drift: int, window: int) -> tuple[int, ...]:
    """`window` steps either way of the drift and of 0, each once, from the middle outwards."""
    around = sorted(range(-window, window + 1), key=abs)
    return tuple(dict.fromkeys(centre + offset for centre in (drift, 0) for offset in around))


def _learned(token: Token, step: int, at: float) -> int:
    """The drift that a code of this step teaches: one step more or less than the one before, at most."""
    if token.kind is TokenKind.HOTP:
        return 0
    offset, bound = step - int(at // token.period), MAX_DRIFT // token.period
    return max(-bound, min(bound, token.drift + max(-1, min(1, offset - token.drift))))


def _far_steps(token: Token, at: float, back: int) -> range:
    if token.kind is TokenKind.HOTP:
        return range(max(token.last_step - HOTP_LOOK_BACK, 0), token.last_step + 1)
    now = int(at // token.period)
    return range(max(now - back // token.period, 0), now + LOOK_FORWARD // token.period + 1)


def _gives(token: Token, step: int, code: str) -> bool:
    if token.secret is None:
        return False
    return hmac.compare_digest(code_at(token.secret, step, token.digits, token.algorithm), code)
