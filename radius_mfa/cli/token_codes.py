"""Codes that an admin types for a user: the step they belong to, or in words why there is none."""

from __future__ import annotations

from collections.abc import Sequence

from radius_mfa.auth import credential, otp, resync
from radius_mfa.auth.model import Token
from radius_mfa.errors import OperationFailed, UsageError
from radius_mfa.settings import Settings


def first_step(token: Token, code: str, now: float, settings: Settings) -> otp.Match:
    """The step that gives the first code of a pending token. Raises UsageError and OperationFailed."""
    digits = _digits(code, token)
    found = otp.match([token], digits, now, settings.mfa.totp.window, settings.mfa.hotp.look_ahead)
    if found is not None and found.step > token.last_step:
        return found
    if otp.find_skew([token], digits, now).skew is otp.Skew.SKEWED:
        raise OperationFailed("the code belongs to another time", "set the clocks of the phone and of this host")
    raise OperationFailed("the code is wrong", "take the one that the app shows now")


def place(active: Sequence[Token], codes: tuple[str, str], now: float) -> otp.Match:
    """Which of the active tokens shows these two codes one after the other, and at which step.

    Raises UsageError and OperationFailed.
    """
    first, second = (_digits(code, active[0]) for code in codes)
    found = resync.place(active, first, second, now)
    if found is None:
        raise OperationFailed("the codes are wrong", "type two codes that the app shows one after the other")
    if resync.too_far(found):
        off = f"{abs(found.drift) * found.token.period // 60} minutes {'ahead' if found.drift > 0 else 'behind'}"
        hint = "set the clocks of the phone and of this host"
        raise OperationFailed(f"the clock of the authenticator is {off}", hint)
    return found


def _digits(code: str, token: Token) -> str:
    digits = credential.typed_code(code, token.digits)
    if digits is None:
        raise UsageError(f"a code of this authenticator has {token.digits} digits")
    return digits
