"""Wrong codes as a function of history and now: what an account's row remembers of them."""

from __future__ import annotations

from dataclasses import replace

from radius_mfa.auth.model import CodeHistory

REMEMBERED = 16
"""Datagrams: a repetition of one of the last counted is not counted again."""
WINDOW = 24 * 3600.0
"""Seconds: the window starts with its first wrong code and does not slide."""


def count(history: CodeHistory, digest: bytes, at: float) -> CodeHistory:
    """The history after one more wrong code, brought by this datagram `at` seconds since the epoch."""
    if digest in history.counted:
        return history
    # Either side: a datagram that was decided after a later one does not begin a window of its own.
    within = abs(at - history.window_started) < WINDOW
    return replace(
        history,
        failures=history.failures + 1,
        window_failures=history.window_failures + 1 if within else 1,
        window_started=history.window_started if within else at,
        counted=(*history.counted, digest)[-REMEMBERED:],
    )


def locked(history: CodeHistory, at: float) -> bool:
    """Whether no code of the account is looked at now."""
    return at < history.locked_until
