"""What judges the rounds of one process: store, passwords, audit and rules behind one Authenticator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from radius_mfa.audit import AuditFile
from radius_mfa.backends.local import MEMORY, LocalPasswords
from radius_mfa.backends.pam import PamPasswords
from radius_mfa.backends.slots import HashSlots
from radius_mfa.daemon.rules import rules
from radius_mfa.mail.address import is_address
from radius_mfa.ports import Clock, PasswordBackend, PasswordTries, Remembered
from radius_mfa.service import HASH_DEADLINE, Authenticator
from radius_mfa.settings import Settings
from radius_mfa.store.keys import DataKeys
from radius_mfa.store.remembered import PasswordDigests, RememberedPasswords
from radius_mfa.store.sqlite import SqliteStore

QUEUE = 128
"""Passwords that may wait for each hash slot: what one slot checks until they would be too old."""
_HASH = MEMORY * 1024  # octets of one


def rounds(
    settings: Settings,
    keys: DataKeys,
    clock: Clock,
    tries: PasswordTries,
    processes: int,
    patience: float = HASH_DEADLINE,
    threads: int | None = None,
    checked: PasswordDigests | None = None,
) -> tuple[Authenticator, HashSlots]:
    """The Authenticator of one of so many processes that check passwords, and the slots that it waits for.

    `patience`: seconds that a password may wait for its slot. `threads`: the most that check one at once; None for as
    many as there are cores. `checked`: where passwords are remembered, if the configuration wants that.
    """
    slots = HashSlots(*_hash_slots(settings, processes, patience, threads or cores()), clock)
    store = SqliteStore(settings.database, keys, clock)
    audit = AuditFile(str(settings.audit.file))
    remembered = _remembered(settings, checked, clock)
    passwords = _backends(settings, clock, remembered)
    judged, random = rules(settings), os.urandom
    made = Authenticator(judged, store, passwords, slots, audit, clock, random, tries, patience, remembered)
    return made, slots


def _remembered(settings: Settings, checked: PasswordDigests | None, clock: Clock) -> Remembered | None:
    lifetime = settings.passwords.remember
    return RememberedPasswords(checked, lifetime, clock) if checked is not None and lifetime else None


def _backends(settings: Settings, clock: Clock, remembered: Remembered | None) -> dict[str, PasswordBackend]:
    """Those of the configuration, in its order."""
    made: dict[str, PasswordBackend] = {}
    for given in settings.passwords.backends:
        if given.type == "local":
            made[given.type] = LocalPasswords(remembered)
        else:
            address = partial(_address, given.mail)
            made[given.type] = PamPasswords(settings.passwords.helper, given.service, given.min_uid, address, clock)
    return made


def _address(template: str | None, user: str) -> str | None:
    """The mail address of a user of this host; None where the template gives none that mail can be sent to."""
    made = template.format(user=user) if template else ""
    return made if is_address(made) else None


def beyond_memory(settings: Settings, processes: int) -> Iterator[str]:
    """A warning where so many processes that check passwords take more than `hash_memory`, with one slot each."""
    least = processes * MEMORY // 1024
    if settings.passwords.hash_memory < processes * _HASH:
        yield f"passwords.hash_memory: {processes} processes check passwords, and with one at a time take {least} MiB"


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def workers(settings: Settings) -> int:
    """How many answer RADIUS."""
    return cores() if settings.workers == "auto" else settings.workers


def processes(settings: Settings, workers: int) -> int:
    """How many check passwords beside so many workers; DB.shared has a table for each: workers, PAM door, portal."""
    return workers + (settings.listen.pam is not None) + (settings.listen.portal is not None)


def _hash_slots(settings: Settings, processes: int, patience: float, most: int) -> tuple[int, int]:
    """Threads and queue of one process: its share of `hash_memory`, and no more threads than `most`.

    With less than one hash for each process it is one all the same: see beyond_memory.
    """
    affordable = settings.passwords.hash_memory // _HASH // processes
    threads = max(1, min(affordable, most))
    return threads, int(threads * QUEUE * patience / HASH_DEADLINE)
