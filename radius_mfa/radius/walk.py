"""The strict walk over a datagram: every rule that needs no secret, before anything is believed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from radius_mfa.radius.drops import Drop, Dropped

USER_NAME = 1
USER_PASSWORD = 2
CHAP_PASSWORD = 3
REPLY_MESSAGE = 18
STATE = 24
VENDOR_SPECIFIC = 26
CALLING_STATION_ID = 31
NAS_IDENTIFIER = 32
PROXY_STATE = 33
ARAP_PASSWORD = 70
PROMPT = 76
EAP_MESSAGE = 79
MESSAGE_AUTHENTICATOR = 80
DIGEST_RESPONSE = 103

ACCESS_REQUEST = 1
ACCESS_ACCEPT = 2
ACCESS_REJECT = 3
ACCESS_CHALLENGE = 11
STATUS_SERVER = 12

Packet = OrderedDict[int | tuple[int, int], list[bytes]]
"""Values by attribute type, or by (vendor, type), as pyrad keeps them."""

MAX_PROXY_STATE = 2048
"""Octets of Proxy-State that a reply has room for, whatever else is in it: see attributes.MAX_LENGTH."""

_MIN_LENGTH, _MAX_LENGTH = 20, 4096
_MAX_ATTRIBUTES = 200
_ONCE = frozenset({USER_NAME, USER_PASSWORD, CHAP_PASSWORD, STATE, CALLING_STATION_ID, MESSAGE_AUTHENTICATOR})

# pyrad's packets override these with slower ones that know names.
get: Callable[[Packet, int | tuple[int, int]], list[bytes] | None] = OrderedDict.get
put: Callable[[Packet, int | tuple[int, int], list[bytes]], None] = OrderedDict.__setitem__


def length(datagram: bytes) -> int:
    """The length of the packet in the datagram, 20..4096; what follows it is padding (RFC 2865 section 3)."""
    if len(datagram) < _MIN_LENGTH:
        raise Dropped(Drop.SHORT)
    size = datagram[2] << 8 | datagram[3]
    if size > _MAX_LENGTH:
        raise Dropped(Drop.LONG)
    if size < _MIN_LENGTH or size > len(datagram):
        raise Dropped(Drop.BAD_LENGTH)
    if datagram[0] not in (ACCESS_REQUEST, STATUS_SERVER):
        raise Dropped(Drop.BAD_CODE)
    return size


def walk(datagram: bytes, end: int, packet: Packet) -> int:
    """Put the attributes that end at `end` into `packet`; the offset of the Message-Authenticator's value, or 0.

    Vendor-Specific attributes are left whole. Raises Dropped.
    """
    start = _MIN_LENGTH
    signature = 0
    for _ in range(_MAX_ATTRIBUTES):
        if start >= end - 1:
            break
        kind = datagram[start]
        size = datagram[start + 1]
        if not kind or size < 2 or start + size > end:
            raise Dropped(Drop.BAD_ATTRIBUTE)
        values = get(packet, kind)
        if values is None:
            put(packet, kind, [datagram[start + 2 : start + size]])
            if kind == MESSAGE_AUTHENTICATOR:
                if size != 18:
                    raise Dropped(Drop.BAD_MESSAGE_AUTHENTICATOR_LENGTH)
                signature = start + 2
        elif kind in _ONCE:
            raise Dropped(Drop.REPEATED_ATTRIBUTE)
        else:
            values.append(datagram[start + 2 : start + size])
        start += size
    if start != end:
        raise Dropped(Drop.BAD_ATTRIBUTE if start == end - 1 else Drop.TOO_MANY_ATTRIBUTES)
    return signature


def check(packet: Packet, status: bool, signed: bool) -> None:
    """The rules over all attributes of a request. Raises Dropped."""
    password = get(packet, USER_PASSWORD)
    if password is not None:
        size = len(password[0])
        if not 16 <= size <= 128 or size % 16:
            raise Dropped(Drop.BAD_PASSWORD_LENGTH)
        if get(packet, CHAP_PASSWORD) is not None:
            raise Dropped(Drop.PASSWORD_AND_CHAP)
    if not signed and (status or get(packet, EAP_MESSAGE) is not None):
        raise Dropped(Drop.NO_MESSAGE_AUTHENTICATOR)  # RFC 3579 section 3.1, RFC 5997 section 3
    passed_on = get(packet, PROXY_STATE)
    if passed_on is not None and sum(map(len, passed_on)) + 2 * len(passed_on) > MAX_PROXY_STATE:
        raise Dropped(Drop.PROXY_STATE_TOO_LONG)


def split_vendor(packet: Packet) -> None:
    """Take the Vendor-Specific attributes apart, so that `packet` has them by (vendor, type) (RFC 2865 section 5.26).

    One whose content is not in the recommended form stays whole. Raises Dropped when they hold too many.
    """
    room = _MAX_ATTRIBUTES
    whole: list[bytes] = []
    for value in packet.pop(VENDOR_SPECIFIC, ()):
        parts = _parts(value, room)
        if not parts:
            whole.append(value)
        room -= len(parts)
        for kind, part in parts:
            known = get(packet, kind)
            if known is None:
                put(packet, kind, [part])
            else:
                known.append(part)
    if whole:
        put(packet, VENDOR_SPECIFIC, whole)


def _parts(value: bytes, room: int) -> list[tuple[tuple[int, int], bytes]]:
    vendor = int.from_bytes(value[:4], "big")
    parts: list[tuple[tuple[int, int], bytes]] = []
    start, end = 4, len(value)
    while start < end:
        size = value[start + 1] if start + 1 < end else 0
        if size < 2 or start + size > end:
            return []
        if len(parts) == room:
            raise Dropped(Drop.TOO_MANY_ATTRIBUTES)
        parts.append(((vendor, value[start]), value[start + 2 : start + size]))
        start += size
    return parts
