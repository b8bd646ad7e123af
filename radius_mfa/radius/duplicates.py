"""Duplicate detection and the reply cache (RFC 5080 section 2.2.2)."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

Endpoint = tuple[str, int]
"""An IP address as text, and a port."""

LIMIT = 8 * 1024 * 1024
"""Octets a cache may take, by default."""

_COST = 700  # octets of one entry beside its reply, as measured: key, addresses, digest, entry, place in the table


@lru_cache(maxsize=4096)
def way(client: str, destination: Endpoint, source: Endpoint) -> bytes:
    """Where a datagram came from (a client's shortname, an endpoint) and where it went.

    No part of it has a NUL, so no two can run together.
    """
    return f"{client}\0{destination[0]}\0{destination[1]}\0{source[0]}\0{source[1]}\0".encode()


def key(way: bytes, datagram: bytes) -> bytes:
    """What two datagrams have in common when the one repeats, or contradicts, the other: Identifier and authenticator.

    The datagram has at least 20 octets.
    """
    return way + datagram[1:2] + datagram[4:20]


def digest(way: bytes, datagram: bytes) -> bytes:
    """32 octets that name the whole datagram together with its way."""
    return hashlib.sha256(way + datagram).digest()


class Seen(Enum):
    """What the cache knows of a datagram, if it has no reply for it."""

    NEW = "new"
    IN_WORK = "in-work"
    """The same datagram is at work: send nothing."""
    CONFLICT = "conflict"
    """Identifier and authenticator of another datagram: drop it."""


@dataclass(slots=True)
class _Entry:
    digest: bytes
    since: float
    reply: bytes | None = field(default=None, repr=False)


class Duplicates:
    """The verified datagrams of the last seconds with their replies, in at most `limit` octets.

    `lifetime` in seconds, 5 to 30, counts from the reply. When there is no room the oldest goes first. Times are those
    of a monotonic clock.
    """

    def __init__(self, *, lifetime: float = 30.0, limit: int = LIMIT) -> None:
        self._lifetime = lifetime
        self._limit = limit
        # In the order of `since`. In a plain dict the search for the oldest passes every entry that is gone.
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._due = 0.0  # nothing is too old before
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def look(self, key: bytes, digest: bytes, now: float) -> Seen | bytes:
        """The reply that this datagram was given, or what else is known of it. Changes nothing."""
        entry = self._entries.get(key)
        if entry is None or now - entry.since >= self._lifetime:
            return Seen.NEW
        if entry.digest != digest:
            return Seen.CONFLICT
        return Seen.IN_WORK if entry.reply is None else entry.reply

    def begin(self, key: bytes, digest: bytes, now: float) -> None:
        """Note that a verified datagram is at work."""
        if key in self._entries:
            self.forget(key)
        self._entries[key] = _Entry(digest, now)
        self.size += _COST
        if now >= self._due or self.size > self._limit:
            self._trim(now)

    def finish(self, key: bytes, reply: bytes, now: float) -> None:
        """Keep the reply of a datagram at work. One that was evicted meanwhile is not kept."""
        entry = self._entries.get(key)
        if entry is None:
            return
        self._entries.move_to_end(key)
        entry.since = now
        self.size += len(reply) - len(entry.reply or b"")
        entry.reply = reply
        if self.size > self._limit:
            self._trim(now)

    def forget(self, key: bytes) -> None:
        """Let the next datagram of this key be new: the work on this one was dropped."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= _COST + len(entry.reply or b"")

    def _trim(self, now: float) -> None:
        while self._entries:
            oldest = next(iter(self._entries))
            since = self._entries[oldest].since
            if self.size <= self._limit and now - since < self._lifetime:
                self._due = since + self._lifetime
                return
            self.forget(oldest)
