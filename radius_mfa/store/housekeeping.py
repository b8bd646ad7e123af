"""What a store needs done in the background: checkpoints, and an end to rows that have expired."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from radius_mfa.ports import Clock
from radius_mfa.store.connection import DRIVER_ERRORS, connect, translated
from radius_mfa.store.lock import WriterLock
from radius_mfa.store.mailing import DAY

CHECKPOINT_EVERY = 3.0
"""Seconds between checkpoints."""
CHECKPOINT_SIZE = 64 * 1024 * 1024
"""Octets of the write-ahead log that are not let wait for the next one."""
SWEEP_EVERY = 60.0
"""Seconds between sweeps, once nothing expired is left."""
SLICE = 1000
"""Rows deleted in one hold of the queue of writers."""
GRACE = 3600.0
"""Seconds a row outlives its expiry: a clock set back by less revives no State whose nonce is forgotten."""

_SPENT = "DELETE FROM spent WHERE key IN (SELECT key FROM spent WHERE key < ? LIMIT ?)"
_PENDING = """DELETE FROM token WHERE id IN
    (SELECT id FROM token WHERE status = 'pending' AND expires < ? LIMIT ?)"""
_CODES = """DELETE FROM recovery_code WHERE id IN
    (SELECT id FROM recovery_code WHERE expires IS NOT NULL AND expires < ? LIMIT ?)"""
_EXPIRED_DEVICES = "SELECT id FROM device WHERE expires <= ? LIMIT ?"
_DEVICES = "DELETE FROM device WHERE id IN (SELECT value FROM json_each(?)) AND expires <= ?"
_SESSIONS = "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE seen < ? LIMIT ?)"
_MAILS = """DELETE FROM outbox WHERE id IN
    (SELECT id FROM outbox WHERE expires < ? AND created < ? LIMIT ?)"""


class Housekeeping:
    """One turn at a time, in a process of its own; made there, or before the fork: it opens at the first turn."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self._clock = clock
        self._lock = WriterLock(path)
        self._connection: sqlite3.Connection | None = None
        self._checkpoint_due = 0.0
        self._sweep_due = 0.0

    def turn(self) -> None:
        """Do what is due, for some milliseconds; to be called about once a second. Raises StoreBusy or StoreFailed."""
        if self._connection is None:
            self._connection = connect(self._path)
        try:
            self._checkpoint(self._connection)
            self._sweep(self._connection)
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    def close(self) -> None:
        """Give connection and lock back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._lock.close()

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        now = self._clock.monotonic()
        if now < self._checkpoint_due and self._log_size() < CHECKPOINT_SIZE:
            return
        # PASSIVE waits for nobody and nobody waits for it.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        self._checkpoint_due = now + CHECKPOINT_EVERY

    def _log_size(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def _sweep(self, connection: sqlite3.Connection) -> None:
        now = self._clock.monotonic()
        if now < self._sweep_due:
            return
        before = self._clock.now() - GRACE
        deleted = [
            self._delete(connection, _SPENT, int(before).to_bytes(8, "big")),
            self._delete(connection, _PENDING, before),
            self._delete(connection, _CODES, before),
            self._delete(connection, _SESSIONS, before - DAY),
            self._delete(connection, _MAILS, before, self._clock.now() - DAY),
            self._delete_devices(connection, self._clock.now()),
        ]
        if max(deleted) < SLICE:
            self._sweep_due = now + SWEEP_EVERY

    def _delete(self, connection: sqlite3.Connection, statement: str, *before: bytes | float) -> int:
        with self._lock.held():
            return connection.execute(statement, (*before, SLICE)).rowcount

    def _delete_devices(self, connection: sqlite3.Connection, now: float) -> int:
        """Without grace, unlike the others: a clock set back is not to trust a device again.

        No index leads to them. They are looked for before the queue, in which no login is to wait for that.
        """
        expired = [row for (row,) in connection.execute(_EXPIRED_DEVICES, (now, SLICE))]
        if not expired:
            return 0
        with self._lock.held():
            return connection.execute(_DEVICES, (json.dumps(expired), now)).rowcount
