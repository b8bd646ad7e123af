"""Passwords of local accounts: argon2id (RFC 9106), with the costs that OWASP gives for small memory."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY

from radius_mfa.auth.asks import Checked
from radius_mfa.auth.model import LOCAL, Account
from radius_mfa.ports import Remembered

MEMORY = 19456
"""KiB that one check takes."""
_HASHER = PasswordHasher(time_cost=2, memory_cost=MEMORY, parallelism=1, hash_len=RFC_9106_LOW_MEMORY.hash_len)


def hash_password(password: str) -> str:
    """The argon2id hash of a new password, in PHC format."""
    return _HASHER.hash(password)


class LocalPasswords:
    """The PasswordBackend of accounts that an admin has made here. `remembered`: None to remember no password."""

    name = LOCAL
    waits = False
    brings = False

    def __init__(self, remembered: Remembered | None = None) -> None:
        self._remembered = remembered
        self._dummy = _HASHER.hash(secrets.token_bytes(16))

    def check(self, account: Account | None, name: str, password: bytes, rhost: str) -> Checked:  # noqa: ARG002 - the port's
        """Passed only with the account's password.

        An unknown account, an account without a password and an empty password cost one hash all the same.
        """
        known = account if account is not None and account.password_hash and password else None
        verified = _verifies((known and known.password_hash) or self._dummy, password)
        if known is None or not verified:
            return Checked(passed=False)
        if self._remembered is not None:
            self._remembered.keep(known, password)
        return Checked(passed=True)


def _verifies(stored: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False
