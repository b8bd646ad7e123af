"""Wrong codes as a function of history and now: what an account's row remembers of them, and when it locks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from radius_mfa.auth.model import CodeHistory

REMEMBERED = 16
"""Datagrams: a repetition of one of the last counted is not counted again."""
LONGEST = 24 * 3600.0
"""Seconds: no lock for codes in a row is longer."""


@dataclass(frozen=True, slots=True)
class Lockout:
    """`mfa.lockout`. Durations in seconds.

    `after` wrong codes in a row lock for `duration`, which doubles each time they do; `per_window` of them in a
    `window`, which starts with its first and does not slide, lock until it is over. `disable_after` in a row
    disable all tokens.
    """

    after: int = 5
    duration: float = 300.0
    per_window: int = 10
    window: float = 24 * 3600.0
    disable_after: int = 100


def count(history: CodeHistory, digest: bytes, at: float, limits: Lockout) -> CodeHistory:
    """The history after one more wrong code, brought by this datagram `at` seconds since the epoch."""
    if digest in history.counted:
        return history
    # Either side: a datagram that was decided after a later one does not begin a window of its own.
    within = abs(at - history.window_started) < limits.window
    counted = replace(
        history,
        failures=history.failures + 1,
        window_failures=history.window_failures + 1 if within else 1,
        window_started=history.window_started if within else at,
        counted=(*history.counted, digest)[-REMEMBERED:],
    )
    return replace(counted, locked_until=max(history.locked_until, _locked_until(counted, at, limits)))


def judged(history: CodeHistory, digest: bytes) -> CodeHistory:
    """The history after a datagram that counts for nothing, and is not to be judged once more."""
    if digest in history.counted:
        return history
    return replace(history, counted=(*history.counted, digest)[-REMEMBERED:])


def locked(history: CodeHistory, at: float) -> bool:
    """Whether no code of the account is looked at now."""
    return at < history.locked_until


def disables(history: CodeHistory, limits: Lockout) -> bool:
    """Whether so many wrong codes in a row disable the tokens of the account."""
    return history.failures >= limits.disable_after


def _locked_until(history: CodeHistory, at: float, limits: Lockout) -> float:
    until = 0.0
    times, rest = divmod(history.failures, limits.after)
    if times and not rest:
        until = at + min(limits.duration * 2.0 ** min(times - 1, 64), LONGEST)
    if history.window_failures >= limits.per_window:
        until = max(until, history.window_started + limits.window)
    return until
