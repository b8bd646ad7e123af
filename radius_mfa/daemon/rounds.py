"""What judges the rounds of one process: store, passwords, audit and rules behind one Authenticator."""

from __future__ import annotations

import os
from functools import partial

from radius_mfa.audit import AuditFile
from radius_mfa.backends.local import MEMORY, LocalPasswords
from radius_mfa.backends.pam import PamPasswords
from radius_mfa.backends.slots import HashSlots
from radius_mfa.daemon.rules import rules
from radius_mfa.mail.address import is_address
from radius_mfa.ports import Clock, PasswordBackend, PasswordTries
from radius_mfa.service import HASH_DEADLINE, Authenticator
from radius_mfa.settings import Settings
from radius_mfa.store.keys import DataKeys
from radius_mfa.store.sqlite import SqliteStore

QUEUE = 128
"""Passwords that may wait for each hash slot: what one slot checks until they would be too old."""


def rounds(
    settings: Settings,
    keys: DataKeys,
    clock: Clock,
    tries: PasswordTries,
    processes: int,
    patience: float = HASH_DEADLINE,
) -> tuple[Authenticator, HashSlots]:
    """The Authenticator of one of so many processes that check passwords, and the slots that it waits for.

    `patience`: seconds that a password may wait for its slot.
    """
    slots = HashSlots(*_hash_slots(settings, processes, patience), clock)
    store = SqliteStore(settings.database, keys, clock)
    audit = AuditFile(str(settings.audit.file))
    passwords = _backends(settings, clock)
    made = Authenticator(rules(settings), store, passwords, slots, audit, clock, os.urandom, tries, patience)
    return made, slots


def _backends(settings: Settings, clock: Clock) -> dict[str, PasswordBackend]:
    """Those of the configuration, in its order."""
    made: dict[str, PasswordBackend] = {}
    for given in settings.passwords.backends:
        if given.type == "local":
            made[given.type] = LocalPasswords()
        else:
            address = partial(_address, given.mail)
            made[given.type] = PamPasswords(settings.passwords.helper, given.service, given.min_uid, address, clock)
    return made


def _address(template: str | None, user: str) -> str | None:
    """The mail address of a user of this host; None where the template gives none that mail can be sent to."""
    made = template.format(user=user) if template else ""
    return made if is_address(made) else None


def _hash_slots(settings: Settings, processes: int, patience: float) -> tuple[int, int]:
    """Threads and queue of one process: within `hash_memory`, and no more threads than there are cores."""
    affordable = settings.passwords.hash_memory // (MEMORY * 1024) // processes
    threads = max(1, min(affordable, len(os.sched_getaffinity(0))))
    return threads, int(threads * QUEUE * patience / HASH_DEADLINE)
