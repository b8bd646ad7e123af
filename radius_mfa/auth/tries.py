"""Wrong passwords as a function of what was counted and now: who may still try one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

IN_USE = 5.0
"""Seconds after which it is known whether a password was right, at most."""


@dataclass(frozen=True, slots=True)
class TryLimits:
    """`passwords.throttle`. Durations in seconds.

    In a `window` an account has `after` wrong passwords from one place and `account` of them from all. Past either,
    only places it is known from may try: `known` in a window, then one `known_every` seconds.
    """

    after: int = 5
    account: int = 20
    window: float = 600.0
    known_every: float = 5.0
    known: int = 10


class Bucket(NamedTuple):
    """Tries of one window: when it started, the last of them (seconds since the epoch), how many.

    Of `in_use` it is not known yet whether the password was right: they may come back.
    """

    started: float
    last: float
    number: int
    in_use: int = 0


EMPTY = Bucket(0.0, 0.0, 0)


def account_key(name: str, epoch: int) -> str:
    """What the tries of an account hang on: its canonical name and its epoch, 0 for who has no account yet.

    Whatever lets the epoch grow (`user unlock`, another password) gives it fresh buckets.
    """
    return f"{name}\0{epoch}"


def runs(bucket: Bucket, at: float, window: float) -> bool:
    """Whether its window is not over. One that starts later than now runs too: a clock set back frees nobody."""
    return bucket.number > 0 and at - bucket.started < window


def joined(whole: Bucket, bucket: Bucket, at: float, window: float) -> Bucket:
    """Both as one bucket, for what several processes have counted of the same; `whole` is running or empty.

    Its `last` is the one that is nearer to now.
    """
    if not runs(bucket, at, window):
        return whole
    if not whole.number:
        return bucket
    last = bucket.last if abs(at - bucket.last) < abs(at - whole.last) else whole.last
    number, in_use = bucket.number + whole.number, bucket.in_use + whole.in_use
    return Bucket(min(bucket.started, whole.started), last, number, in_use)


def admits(place: Bucket, account: Bucket, limits: TryLimits) -> bool:
    """Whether anybody may try from that place, as far as these two totals go."""
    return place.number < limits.after and account.number < limits.account


def admits_known(known: Bucket, at: float, limits: TryLimits) -> bool:
    """Whether a place that the account is known from may try all the same, by the total of its own bucket.

    Either side: a clock that was set back does not keep it waiting.
    """
    return known.number < limits.known or abs(at - known.last) >= limits.known_every


def counted(own: Bucket, whole: Bucket, at: float, window: float) -> Bucket:
    """The bucket of one process after one more try; `whole` is the total over all of them.

    A window starts with its first try at whichever process, and does not slide.
    """
    if own.number > 0 and at - own.started < window:
        return Bucket(own.started, at, own.number + 1, own.in_use + 1)
    return Bucket(whole.started if whole.number else at, at, 1, 1)


def given_back(now: Bucket, taken: Bucket, before: Bucket) -> Bucket:
    """The bucket without the try that made it `taken`, which was `before`; a window begun since is left alone."""
    if now == taken:
        return before
    if not now.number or now.started != taken.started:
        return now
    last = before.last if now.last == taken.last else now.last
    return Bucket(now.started, last, now.number - 1, max(0, now.in_use - 1))


def spent(now: Bucket, taken: Bucket) -> Bucket:
    """The bucket once the try that made it `taken` counts for good."""
    return now._replace(in_use=now.in_use - 1) if now.in_use and now.started == taken.started else now


def may_come_back(own: Bucket, whole: Bucket, at: float) -> bool:
    """Whether others than the process of `own` have tries in use that may come back; `whole` is the total.

    A process that was killed gives nothing back: nobody waits for a try that was taken IN_USE ago.
    """
    return whole.in_use > own.in_use and abs(at - whole.last) < IN_USE


def throttled_until(account: Bucket, limits: TryLimits) -> float:
    """Until when only known places may try, by the account's total (seconds since the epoch); 0 for not at all."""
    return account.started + limits.window if account.number >= limits.account else 0.0
