"""Packets of whatever octets, and the two computations of RADIUS, written from RFC 2865 and RFC 3579 for the tests."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from tests.daemon.server import PASSWORD, SECRET

SIGNATURE = 80
UNSIGNED = (SIGNATURE, bytes(16))
_EMPTY = bytes((SIGNATURE, 18)) + bytes(16)


def assemble(code: int, identifier: int, authenticator: bytes, attributes: list[tuple[int, bytes]]) -> bytes:
    """A packet with these attributes, whatever they are."""
    body = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in attributes)
    return bytes((code, identifier)) + (20 + len(body)).to_bytes(2, "big") + authenticator + body


def sign(packet: bytes, secret: bytes = SECRET.encode()) -> bytes:
    """The packet with every Message-Authenticator of 16 zero octets in it filled in (RFC 3579 section 3.2)."""
    return packet.replace(_EMPTY, _EMPTY[:2] + hmac.digest(secret, packet, "md5"))


def hidden(password: bytes, authenticator: bytes, secret: bytes = SECRET.encode()) -> bytes:
    """A User-Password (RFC 2865 section 5.2), of whatever length comes in."""
    padded = password + bytes(-len(password) % 16 or (16 if not password else 0))
    result, last = b"", authenticator
    for start in range(0, len(padded), 16):
        mask = hashlib.md5(secret + last).digest()
        last = bytes(a ^ b for a, b in zip(padded[start : start + 16], mask, strict=True))
        result += last
    return result


def is_signed(datagram: bytes, secret: bytes = SECRET.encode()) -> bool:
    """Whether a datagram is a packet with exactly one Message-Authenticator, which is right."""
    length = int.from_bytes(datagram[2:4], "big")
    if not 20 <= length <= len(datagram):
        return False
    packet, places, at = datagram[:length], [], 20
    while at + 2 <= length:
        if packet[at] == SIGNATURE:
            places.append(at)
        if packet[at + 1] < 2 or at + packet[at + 1] > length:
            return False
        at += packet[at + 1]
    if len(places) != 1 or packet[places[0] + 1] != 18:
        return False
    start = places[0] + 2
    zeroed = packet[:start] + bytes(16) + packet[start + 16 :]
    return packet[start : start + 16] == hmac.digest(secret, zeroed, "md5")


class Packets:
    """Access-Requests of a user with the right password and one thing that is unusual."""

    def __init__(self, name: str = "alice", password: str = PASSWORD) -> None:
        self.authenticator = secrets.token_bytes(16)
        self.name = (1, name.encode())
        self.password = (2, hidden(password.encode(), self.authenticator))
        self.signature = UNSIGNED

    def of(self, *attributes: tuple[int, bytes], identifier: int | None = None) -> bytes:
        """With these attributes; a Message-Authenticator of zero octets is filled in."""
        number = secrets.randbelow(256) if identifier is None else identifier
        return sign(assemble(1, number, self.authenticator, list(attributes)))
