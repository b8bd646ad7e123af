"""Two codes that follow one another show where an authenticator stands, farther off than a login would look."""

from __future__ import annotations

from collections.abc import Iterable

from radius_mfa.auth.model import Token, TokenKind
from radius_mfa.auth.otp import HOTP_LOOK_BACK, LOOK_BACK, MAX_DRIFT, Match, code_at

LOOK_AHEAD = 1000
"""Counters ahead in which a HOTP token is looked for; two codes in a row make a hit by chance unlikely enough."""


def find(tokens: Iterable[Token], first: str, second: str, at: float, within: float = MAX_DRIFT) -> Match | None:
    """The step of `second`, of the first token that gives `first` and `second` one after the other.

    `at`: seconds since the epoch. `within`: seconds either way (TOTP). A step that has not been taken is preferred; one
    that has been is returned all the same, since the store decides who takes a step. Its drift may be more than
    MAX_DRIFT where `within` is.
    """
    taken = None
    for token in tokens:
        now = int(at // token.period)
        for step in _steps(token, now, within):
            if _code(token, step - 1) == first and _code(token, step) == second:
                match = Match(token, step, 0 if token.kind is TokenKind.HOTP else step - now)
                if step > token.last_step:
                    return match
                taken = taken or match
    return taken


def place(tokens: Iterable[Token], first: str, second: str, at: float) -> Match | None:
    """As `find`; where that finds nothing, as far as a day off, which is `too_far` to be learned."""
    tokens = tuple(tokens)
    return find(tokens, first, second, at) or find(tokens, first, second, at, within=LOOK_BACK)


def too_far(found: Match) -> bool:
    """Whether a clock is off by more than is ever learned: it has to be set."""
    return abs(found.drift) * found.token.period > MAX_DRIFT


def _steps(token: Token, now: int, within: float) -> range:
    """Where the second code may belong; the first is one step before."""
    if token.kind is TokenKind.HOTP:
        return range(max(token.last_step - HOTP_LOOK_BACK, 1), token.last_step + LOOK_AHEAD + 1)
    bound = int(within // token.period)
    return range(max(now - bound, 1), now + bound + 1)


def _code(token: Token, step: int) -> str | None:
    return None if token.secret is None else code_at(token.secret, step, token.digits, token.algorithm)
