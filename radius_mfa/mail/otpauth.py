"""What an authenticator app is given: the key as people type it, and the otpauth URI a QR code holds."""

from __future__ import annotations

import hashlib
import unicodedata

import pyotp

from radius_mfa.auth.notices import Invitation
from radius_mfa.errors import OperationFailed

_LINE_ENDS = {"Cc", "Cs", "Zl", "Zp"}


def uri(
    key: str, account: str, issuer: str, *, digits: int = 6, period: int = 30, algorithm: str = "sha1"
) -> str:  # fmt: skip
    """The otpauth URI of a TOTP key in base32, without what equals the default of every app (SHA1, 6, 30).

    Raises OperationFailed for an account or issuer with control characters: no app can show one.
    """
    for what, text in (("account", account), ("issuer", issuer)):
        if not text or any(unicodedata.category(c) in _LINE_ENDS for c in text):
            raise OperationFailed(f"an authenticator app cannot show the name of this {what}")
    token = pyotp.TOTP(key, digits=digits, digest=getattr(hashlib, algorithm), interval=period)
    return token.provisioning_uri(name=account, issuer_name=issuer)


def of(facts: Invitation, issuer: str) -> str:
    """The URI of an invitation. Raises OperationFailed."""
    digits, period, algorithm = facts.digits, facts.period, facts.algorithm
    return uri(facts.key, facts.account, issuer, digits=digits, period=period, algorithm=algorithm)


def grouped(key: str) -> str:
    """The key in groups of four, as people type it; apps ignore the spaces."""
    return " ".join(key[i : i + 4] for i in range(0, len(key), 4))
