"""`passwords.remember`: which passwords were checked in full a moment ago, for all workers of one start.

In memory that is shared by fork and named nowhere: it ends with the daemon. An account has one place, with the time of
the check and a keyed digest over that time, account, epoch, stored hash and password. Whatever changes one of them, or
was half written, is a password that is not remembered.
"""

from __future__ import annotations

import mmap
from hashlib import blake2b
from hmac import compare_digest
from struct import Struct

from radius_mfa.auth.model import Account
from radius_mfa.ports import Clock, Random

PLACES = 1 << 17
"""Accounts whose ids are as far apart share a place: the later one has it. 4 MiB, taken when they are written."""
_DIGEST = 24
_PLACE = Struct(f"=d{_DIGEST}s")  # when it was checked (monotonic seconds), digest
_ABOUT = Struct("=dqq")


class PasswordDigests:
    """The places and their key. Made before the workers are forked, and for all generations of them."""

    def __init__(self, random: Random) -> None:
        self._places = mmap.mmap(-1, PLACES * _PLACE.size)
        self._keyed = blake2b(digest_size=_DIGEST, key=random(32))

    def put(self, account: Account, password: bytes, at: float) -> None:
        """Remember it, checked `at` (monotonic seconds). From any thread and process."""
        place = _place(account)
        self._places[place : place + _PLACE.size] = _PLACE.pack(at, self._digest(account, password, at))

    def since(self, account: Account, password: bytes) -> float | None:
        """When it was checked (monotonic seconds), None if that is not remembered."""
        at, digest = _PLACE.unpack_from(self._places, _place(account))
        return at if compare_digest(digest, self._digest(account, password, at)) else None

    def _digest(self, account: Account, password: bytes, at: float) -> bytes:
        made = self._keyed.copy()
        about = _ABOUT.pack(at, account.id, account.epoch)
        made.update(b"%b%b\0%b" % (about, (account.password_hash or "").encode(), password))
        return made.digest()


class RememberedPasswords:
    """ports.Remembered: for `lifetime` seconds after the check, however often they are used."""

    def __init__(self, digests: PasswordDigests, lifetime: float, clock: Clock) -> None:
        self._digests = digests
        self._lifetime = lifetime
        self._clock = clock

    def keep(self, account: Account, password: bytes) -> None:
        self._digests.put(account, password, self._clock.monotonic())

    def has(self, account: Account, password: bytes) -> bool:
        since = self._digests.since(account, password)
        return since is not None and since <= self._clock.monotonic() < since + self._lifetime


def _place(account: Account) -> int:
    return account.id % PLACES * _PLACE.size
