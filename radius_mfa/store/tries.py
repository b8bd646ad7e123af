"""Wrong passwords in DB.shared: ports.PasswordTries over the tables of all processes, without a lock.

A table is written by one process and read by all, so a read may meet a slot that is being written: then one try is
counted wrongly, once. A slot's key says nothing without the random key of this start. A table is a cache of fixed
size: a slot may stand in one of `_WAYS` places, and where all are taken, the one that means least makes room.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import cast

from radius_mfa.auth import tries
from radius_mfa.auth.tries import EMPTY, Bucket, TryLimits
from radius_mfa.errors import Unavailable
from radius_mfa.store import shared
from radius_mfa.store.shared import SLOT, SLOTS

_WAYS = 8
_SETS = SLOTS // _WAYS
_SET = _WAYS * SLOT.size
_KEY = 16
_ACCOUNT = b"account"
_BUCKET = struct.Struct("=ddII")  # a slot without its key

_Seen = tuple[bytes, int, Bucket, Bucket]
"""A key, where the first table has its slot (less than 0: nowhere), the bucket there, and the total of all tables."""
Taken = tuple[int, bytes, Bucket, Bucket]
"""Where a try was counted: offset and key of the slot, its bucket after and before."""


class SharedTries:
    """The tries at passwords of one process, which alone writes its table (`process` is its number)."""

    def __init__(self, path: str, process: int, limits: TryLimits) -> None:
        self._map, layout = shared.own(path)
        if process >= layout.tables:
            self._map.close()
            raise ValueError(f"{path} has no table for process {process}")
        self._account, self._place, self._known = (_hash(layout.key, which) for which in (_ACCOUNT, b"place", b"known"))
        self._limits = limits
        others = (layout.table(other) for other in range(layout.tables) if other != process)
        self._tables = (layout.table(process), *others)

    def take(self, account: str, place: str, at: float, known: Callable[[], bool]) -> tuple[Taken, ...] | None:
        """ports.PasswordTries.take."""
        key = _digest(self._account, account.encode())
        from_there = key + place.encode()
        everywhere = self._look(key, at)
        here = self._look(_digest(self._place, from_there), at)
        if tries.admits(here[-1], everywhere[-1], self._limits):
            return self._count(here, at), self._count(everywhere, at)
        if not known():
            return None
        spared = self._look(_digest(self._known, from_there), at)
        return (self._count(spared, at),) if tries.admits_known(spared[-1], at, self._limits) else None

    def room(self, account: str, place: str, at: float) -> bool:
        """ports.PasswordTries.room."""
        key = _digest(self._account, account.encode())
        from_there = _digest(self._place, key + place.encode())
        return tries.admits(self._total(from_there, at), self._total(key, at), self._limits)

    def give_back(self, taken: object) -> None:
        """ports.PasswordTries.give_back."""
        for offset, key, after, before in cast("tuple[Taken, ...]", taken):
            if self._map[offset : offset + _KEY] == key:
                self._write(offset, key, tries.given_back(_bucket(self._map, offset), after, before))

    def spend(self, taken: object) -> None:
        """ports.PasswordTries.spend."""
        for offset, key, after, _ in cast("tuple[Taken, ...]", taken):
            if self._map[offset : offset + _KEY] == key:
                self._write(offset, key, tries.spent(_bucket(self._map, offset), after))

    def may_come_back(self, account: str, place: str, at: float) -> bool:
        """ports.PasswordTries.may_come_back."""
        key = _digest(self._account, account.encode())
        looked_at = (self._look(each, at) for each in (key, _digest(self._known, key + place.encode())))
        return any(tries.may_come_back(own, total, at) for _, _, own, total in looked_at)

    def close(self) -> None:
        self._map.close()

    def _total(self, key: bytes, at: float) -> Bucket:
        within, find, total = _within(key), self._map.find, EMPTY
        for table in self._tables:
            offset = find(key, table + within, table + within + _SET)
            if offset >= 0:
                total = tries.joined(total, _bucket(self._map, offset), at, self._limits.window)
        return total

    def _look(self, key: bytes, at: float) -> _Seen:
        return _look(self._map, self._tables, key, at, self._limits.window)

    def _count(self, seen: _Seen, at: float) -> Taken:
        """Count one more in the own table."""
        key, offset, before, total = seen
        if offset < 0:
            offset = self._make_room(key, at)
        after = tries.counted(before, total, at, self._limits.window)
        self._write(offset, key, after)
        return offset, key, after, before

    def _make_room(self, key: bytes, at: float) -> int:
        """The slot of the set whose window is over, else the one with the fewest tries; of equals the oldest."""
        start = self._tables[0] + _within(key)
        best, least = start, (2**64, 0.0)
        for offset in range(start, start + _SET, SLOT.size):
            bucket = _bucket(self._map, offset)
            if not bucket.number:
                return offset
            worth = (bucket.number if tries.runs(bucket, at, self._limits.window) else 0), bucket.last
            if worth < least:
                best, least = offset, worth
        return best

    def _write(self, offset: int, key: bytes, bucket: Bucket) -> None:
        """In one piece: struct's pack_into would let others see zeroes on the way."""
        self._map[offset : offset + SLOT.size] = SLOT.pack(key, *bucket)


class FollowedTries:
    """SharedTries of a process beside the daemon, which puts another file in its place with each start and reload.

    Its table is the one behind those of the workers and of `before` others.
    """

    def __init__(self, path: str, before: int, limits: TryLimits) -> None:
        self._path = Path(path)
        self._before = before
        self._limits = limits
        self._file: tuple[int, int] | None = None
        self._tries: SharedTries | None = None

    def take(self, account: str, place: str, at: float, known: Callable[[], bool]) -> object | None:
        """ports.PasswordTries.take. Raises Unavailable where the daemon has left no table for this process."""
        return self._current().take(account, place, at, known)

    def room(self, account: str, place: str, at: float) -> bool:
        """ports.PasswordTries.room. Raises Unavailable as take does."""
        return self._current().room(account, place, at)

    def give_back(self, taken: object) -> None:
        """ports.PasswordTries.give_back."""
        if self._tries is not None:
            self._tries.give_back(taken)

    def spend(self, taken: object) -> None:
        """ports.PasswordTries.spend."""
        if self._tries is not None:
            self._tries.spend(taken)

    def may_come_back(self, account: str, place: str, at: float) -> bool:
        """ports.PasswordTries.may_come_back. Raises Unavailable as take does."""
        return self._current().may_come_back(account, place, at)

    def _current(self) -> SharedTries:
        try:
            status = self._path.stat()
            if self._tries is None or self._file != (status.st_dev, status.st_ino):
                self._tries = self._opened()
                self._file = status.st_dev, status.st_ino
        except (OSError, ValueError):
            self._tries = None
            hint = "start radius-mfa serve, or restart it: it makes room for the portal where listen.portal is set"
            raise Unavailable(f"{self._path} has no room for the portal", hint) from None
        return self._tries

    def _opened(self) -> SharedTries:
        data, layout = shared.own(str(self._path))
        data.close()
        return SharedTries(str(self._path), layout.workers + self._before, self._limits)


@dataclass(frozen=True, slots=True)
class AccountTries:
    """`wrong` passwords of an account in this window, those in flight included.

    `until`: so long only places it is known from may try (seconds since the epoch); 0 for no throttle.
    """

    wrong: int = 0
    until: float = 0.0


def tries_of(path: str, account: str, at: float, limits: TryLimits) -> AccountTries:
    """What the file of a daemon knows of this account (auth.tries.account_key); without a file, nothing.

    Raises OSError when the file may not be read.
    """
    found = shared.mapped(path, mmap.ACCESS_READ)
    if found is None:
        return AccountTries()
    data, layout = found
    with data:
        tables = [layout.table(process) for process in range(layout.tables)]
        *_, total = _look(data, tables, _digest(_hash(layout.key, _ACCOUNT), account.encode()), at, limits.window)
    return AccountTries(total.number, tries.throttled_until(total, limits))


def _hash(key: bytes, which: bytes) -> blake2b:
    return blake2b(digest_size=_KEY, key=key, person=which)


def _digest(keyed: blake2b, text: bytes) -> bytes:
    made = keyed.copy()
    made.update(text)
    return made.digest()


def _look(data: mmap.mmap, tables: Sequence[int], key: bytes, at: float, window: float) -> _Seen:
    within = _within(key)
    first, own, total = -1, EMPTY, EMPTY
    for table in tables:
        start = table + within
        offset = data.find(key, start, start + _SET)
        if offset >= 0:
            bucket = _bucket(data, offset)
            total = tries.joined(total, bucket, at, window)
            if table == tables[0]:
                first, own = offset, bucket
    return key, first, own, total


def _bucket(data: mmap.mmap, offset: int) -> Bucket:
    return tuple.__new__(Bucket, _BUCKET.unpack_from(data, offset + _KEY))


def _within(key: bytes) -> int:
    """Where in a table the set of this key begins."""
    return (key[0] << 8 | key[1]) % _SETS * _SET
