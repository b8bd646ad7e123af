"""The shared secret of a client: everything RADIUS computes with it, with its MD5 work done once."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from struct import Struct

_BLOCK = 64  # octets in a block of MD5, RFC 1321
_HEAD = Struct(">BBH")
_HEAD_LENGTH = 20
MESSAGE_AUTHENTICATOR_LENGTH = 18
_SIGNATURE_HEAD = bytes((80, MESSAGE_AUTHENTICATOR_LENGTH))
_UNSIGNED = _SIGNATURE_HEAD + bytes(16)
SALT_LENGTH = 2


def _openssl(octets: bytes) -> hashlib._Hash:
    return hashlib.md5(octets, usedforsecurity=False)


_md5: Callable[[bytes], hashlib._Hash] = _openssl
"""MD5, which RADIUS is made of: also on hosts whose policy forbids it as a security measure."""
with contextlib.suppress(ImportError):  # not every distribution builds the interpreter's own, which is twice as fast
    from _md5 import md5 as _md5  # type: ignore[import-not-found, no-redef]


class SharedSecret:
    """The octets that client and server share. Never shown: not by repr, not by str."""

    __slots__ = ("_hiding", "_inner", "_outer", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        key = (octets if len(octets) <= _BLOCK else _md5(octets).digest()).ljust(_BLOCK, b"\0")
        self._inner = _md5(bytes(octet ^ 0x36 for octet in key))
        self._outer = _md5(bytes(octet ^ 0x5C for octet in key))
        self._hiding = _md5(octets)

    def __repr__(self) -> str:
        return "SharedSecret(***)"

    def authenticate(self, message: bytes) -> bytes:
        """HMAC-MD5 of `message` (RFC 2104), 16 octets: the value of a Message-Authenticator (RFC 3579 section 3.2)."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def reveal(self, hidden: bytes, authenticator: bytes) -> bytes:
        """The User-Password behind `hidden`, whole blocks of 16 octets, with its NUL padding (RFC 2865 section 5.2)."""
        first = self._hiding.copy()
        first.update(authenticator)
        mask = first.digest()
        for start in range(0, len(hidden) - 16, 16):
            block = self._hiding.copy()
            block.update(hidden[start : start + 16])
            mask += block.digest()
        return _xor(hidden, mask)

    def hide_salted(self, plain: bytes, authenticator: bytes, salt: bytes) -> bytes:
        """At most 239 octets behind a salt, as in a Tunnel-Password without its tag (RFC 2868 section 3.5).

        `salt`: two random octets, whose top bit is set here. Under the Request Authenticator, in requests and replies.
        """
        before = bytes((salt[0] | 0x80, salt[1]))
        hidden = before
        before = authenticator + before
        clear = bytes((len(plain),)) + plain
        for start in range(0, len(clear), 16):
            block = self._hiding.copy()
            block.update(before)
            before = _xor(clear[start : start + 16].ljust(16, b"\0"), block.digest())
            hidden += before
        return hidden

    def reveal_salted(self, hidden: bytes, authenticator: bytes) -> bytes:
        """What `hide_salted` has hidden; empty for octets that nobody can have hidden so."""
        salt, blocks = hidden[:SALT_LENGTH], hidden[SALT_LENGTH:]
        if not blocks or len(blocks) % 16:
            return b""
        clear = self.reveal(blocks, authenticator + salt)
        return clear[1 : 1 + clear[0]] if clear[0] < len(clear) else b""

    def reply(self, code: int, identifier: int, authenticator: bytes, attributes: bytes) -> bytes:
        """A whole reply to the request with this Identifier and Request Authenticator, signed twice.

        The Message-Authenticator comes first (CVE-2024-3596), then `attributes` as they are; the Response
        Authenticator is that of RFC 2865 section 3.
        """
        head = _HEAD.pack(code, identifier, _HEAD_LENGTH + MESSAGE_AUTHENTICATOR_LENGTH + len(attributes))
        signature = self.authenticate(head + authenticator + _UNSIGNED + attributes)
        signed = _SIGNATURE_HEAD + signature + attributes
        return head + _md5(head + authenticator + signed + self.octets).digest() + signed


def _xor(one: bytes, other: bytes) -> bytes:
    """Both have the same length."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")
