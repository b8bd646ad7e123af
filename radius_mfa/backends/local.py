"""Passwords of local accounts: argon2id (RFC 9106), with the costs that OWASP gives for small memory."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY

from radius_mfa.auth.asks import Checked
from radius_mfa.auth.model import LOCAL, Account

MEMORY = 19456
"""KiB that one check takes."""
_HASHER = PasswordHasher(time_cost=2, memory_cost=MEMORY, parallelism=1, hash_len=RFC_9106_LOW_MEMORY.hash_len)


def hash_password(password: str) -> str:
    """The argon2id hash of a new password, in PHC format."""
    return _HASHER.hash(password)


class LocalPasswords:
    """The PasswordBackend of accounts that an admin has made here."""

    name = LOCAL
    waits = False
    brings = False

    def __init__(self) -> None:
        self._dummy = _HASHER.hash(secrets.token_bytes(16))

    def check(self, account: Account | None, name: str, password: bytes, rhost: str) -> Checked:  # noqa: ARG002 - the port's
        """Passed only with the account's password.

        An unknown account, an account without a password and an empty password cost one hash all the same.
        """
        known = account is not None and account.password_hash is not None and password != b""
        stored = account.password_hash if known and account and account.password_hash else self._dummy
        return Checked(passed=_verifies(stored, password) and known)


def _verifies(stored: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False
