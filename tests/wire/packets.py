"""Datagrams for tests, built octet by octet, beside the code they test: only hashlib and hmac sign them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

from radius_mfa.auth.model import ClientPolicy, LoginRequest
from radius_mfa.radius.clients import DOCUMENTATION_VENDOR, Client
from radius_mfa.radius.codec import Request
from radius_mfa.radius.drops import Drop, Dropped
from radius_mfa.radius.secret import SharedSecret
from radius_mfa.radius.state import States

SECRET = b"testing123"
AUTHENTICATOR = bytes(range(16))
SOURCE = "192.0.2.10"
NOW = 1_700_000_000.0
DIGEST = bytes(32)
VECTORS = Path(__file__).parent.parent / "vectors"


def counting_random(size: int) -> bytes:
    """Random octets that differ from call to call, as a States wants them."""
    counting_random.calls += 1  # type: ignore[attr-defined]
    return hashlib.sha256(b"%d" % counting_random.calls).digest()[:size]  # type: ignore[attr-defined]


counting_random.calls = 0  # type: ignore[attr-defined]
STATES = States(b"k" * 32, counting_random)


def client(
    secret: bytes = SECRET,
    *,
    network: str = "192.0.2.0/24",
    shortname: str = "pbx",
    require_message_authenticator: bool = True,
    vendor: int = DOCUMENTATION_VENDOR,
) -> Client:
    """A client as the settings make it."""
    return Client(
        shortname,
        ip_network(network),
        0,
        ClientPolicy(shortname),
        SharedSecret(secret),
        require_message_authenticator=require_message_authenticator,
        vendor=vendor,
    )


STRICT = client()
LENIENT = client(require_message_authenticator=False)


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute."""
    return bytes((kind, len(value) + 2)) + value


def vendor(number: int, kind: int, value: bytes) -> bytes:
    """One Vendor-Specific attribute with one attribute in it."""
    return attribute(26, number.to_bytes(4, "big") + attribute(kind, value))


def packet(*attributes: bytes, code: int = 1, identifier: int = 7, authenticator: bytes = AUTHENTICATOR) -> bytes:
    """A packet that is signed by nobody."""
    body = b"".join(attributes)
    return bytes((code, identifier)) + (20 + len(body)).to_bytes(2, "big") + authenticator + body


def signed(*attributes: bytes, secret: bytes = SECRET, last: bool = False, code: int = 1) -> bytes:
    """A packet with a right Message-Authenticator before (or after) the other attributes."""
    blank = attribute(80, bytes(16))
    whole = packet(*attributes, blank, code=code) if last else packet(blank, *attributes, code=code)
    start = len(whole) - 16 if last else 22
    return whole[:start] + hmac.digest(secret, whole, "md5") + whole[start + 16 :]


def hidden(password: bytes, *, secret: bytes = SECRET, authenticator: bytes = AUTHENTICATOR) -> bytes:
    """The value of a User-Password, RFC 2865 section 5.2; padded to at least one block."""
    padded = password.ljust(max(16, (len(password) + 15) // 16 * 16), b"\0")
    value, before = b"", authenticator
    for start in range(0, len(padded), 16):
        mask = hashlib.md5(secret + before).digest()
        before = bytes(a ^ b for a, b in zip(mask, padded[start : start + 16], strict=True))
        value += before
    return value


def hidden_salted(plain: bytes, *, salt: bytes = b"\x80\0", whole: bool = False) -> bytes:
    """The value of an attribute with encrypt=2 and no tag, RFC 2868 section 3.5; `whole`: its length is in it."""
    clear = plain if whole else bytes((len(plain),)) + plain
    clear += bytes(-len(clear) % 16)
    value, before = salt, AUTHENTICATOR + salt
    for start in range(0, len(clear), 16):
        mask = hashlib.md5(SECRET + before).digest()
        before = bytes(a ^ b for a, b in zip(mask, clear[start : start + 16], strict=True))
        value += before
    return value


NAME = attribute(1, b"alice")
PASSWORD = attribute(2, hidden(b"correct horse"))


def accepted(datagram: bytes, by: Client = STRICT) -> Request:
    """The request, read and verified."""
    request = Request.decode(datagram, by)
    request.verify()
    return request


def login(datagram: bytes, by: Client = STRICT) -> LoginRequest:
    """What the rules get."""
    return accepted(datagram, by).login(source=SOURCE, digest=DIGEST, at=NOW, states=STATES)


def dropped(datagram: bytes, by: Client = STRICT) -> Drop | None:
    """Why the datagram is dropped, or None if it is not."""
    try:
        accepted(datagram, by)
    except Dropped as drop:
        return drop.reason
    return None


class Vector(NamedTuple):
    """A datagram from a file, with what has to become of it."""

    name: str
    outcome: str
    datagram: bytes


def vectors(file: str) -> Iterator[Vector]:
    """The vectors of a file: `name outcome hex` on each line that is neither empty nor a comment."""
    for line in (VECTORS / file).read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            name, outcome, octets = line.split()
            yield Vector(name, outcome, bytes.fromhex(octets))


def attributes_of(reply: bytes) -> list[tuple[int, bytes]]:
    """The attributes of a well-formed packet in their order."""
    found, start = [], 20
    while start < len(reply):
        found.append((reply[start], reply[start + 2 : start + reply[start + 1]]))
        start += reply[start + 1]
    return found
