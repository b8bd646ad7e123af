"""Secrets at rest: AES-256-GCM, bound to the place they stand in.

A sealed value is one octet of version, 12 of nonce, the ciphertext and 16 of tag. Table, column and row are the
associated data: a value that was moved to another row does not open there.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from radius_mfa.errors import Unsealed

KEY_SIZE = 32
VERSION = b"\x01"
NONCE_SIZE = 12


class Seal:
    """Seals and opens with one key of 32 octets, which it never shows."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError("a key has 32 octets")
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, *, table: str, column: str, row: int | str) -> bytes:
        """`plain`, sealed for that place."""
        nonce = os.urandom(NONCE_SIZE)
        return VERSION + nonce + self._cipher.encrypt(nonce, plain, _place(table, column, row))

    def open(self, sealed: bytes, *, table: str, column: str, row: int | str) -> bytes:
        """What was sealed for that place. Raises Unsealed: another key, another place, or tampered with."""
        nonce = sealed[1 : 1 + NONCE_SIZE]
        if sealed[:1] != VERSION or len(nonce) != NONCE_SIZE:
            raise Unsealed(f"{table}.{column} of row {row} is not sealed data")
        try:
            return self._cipher.decrypt(nonce, sealed[1 + NONCE_SIZE :], _place(table, column, row))
        except InvalidTag:
            raise Unsealed(f"{table}.{column} of row {row} does not open under its key") from None


def _place(table: str, column: str, row: int | str) -> bytes:
    return f"{table}|{column}|{row}".encode()
