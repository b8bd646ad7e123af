"""The mail child's side of the outbox: one row after the other on a raw connection, in the queue of writers."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any

from radius_mfa.errors import Unsealed
from radius_mfa.ports import Clock, Envelope
from radius_mfa.store import mail_statements as statements
from radius_mfa.store.connection import DRIVER_ERRORS, connect, translated
from radius_mfa.store.keys import DataKeys
from radius_mfa.store.lock import WriterLock
from radius_mfa.store.sealing import Seal

LEASE = 600.0
"""Seconds for which a mail is one process's own; longer than any delivery may take (mail.transport.timeout)."""
CRASHED = 5.0
"""Seconds, times its attempts, that a mail waits whose process has died: it may be what kills them."""
_log = logging.getLogger(__name__)


class SqliteOutbox:
    """Implements ports.Outbox. Made anywhere, used by one thread: the connection is made at first use."""

    def __init__(self, path: Path, keys: DataKeys, clock: Clock) -> None:
        self._path = path
        self._mail = Seal(keys.mail)
        self._clock = clock
        self._lock = WriterLock(path)
        self._connection: sqlite3.Connection | None = None

    def recover(self, owner: str, now: float) -> None:
        """Free what another process had taken and cannot finish any more; it is due a little later."""
        self._write(statements.RECOVER, (now, CRASHED, owner))

    def lease(self, now: float, owner: str, count: int) -> list[Envelope]:
        try:
            waiting = self._connected().execute(statements.DUE, (now, now, now, owner, count)).fetchall()
        except DRIVER_ERRORS as error:
            raise translated(error) from error
        if not waiting:
            return []
        rows = self._write(statements.LEASE, (now + LEASE, owner, now, now, now, owner, count))
        rows.sort(key=lambda row: (row[-1], row[0]))  # RETURNING promises no order
        return [envelope for row in rows if (envelope := self._opened(row)) is not None]

    def delivered(self, row: int, /) -> None:
        self._write(statements.DELIVERED, (b"", self._clock.now(), row))

    def deferred(self, row: int, /, text: str, not_before: float) -> None:
        self._write(statements.DEFERRED, (not_before, text, row))

    def failed(self, row: int, /, text: str) -> None:
        self._write(statements.FAILED, (text, row))

    def close(self) -> None:
        """Give connection and lock back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._lock.close()

    def _opened(self, row: tuple[Any, ...]) -> Envelope | None:
        number, unique, recipient, created, attempts, sealed, _ = row
        try:
            body = self._mail.open(sealed, table="outbox", column="body", row=number)
        except Unsealed as error:
            _log.error("mail %d failed: %s", number, error.message)
            self.failed(number, error.message)
            return None
        return Envelope(number, unique, recipient, created, attempts - 1, body)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
        return self._connection

    def _write(self, statement: str, parameters: tuple[Any, ...]) -> list[Any]:
        """One statement is one transaction: the connection commits by itself."""
        with self._lock.held():
            try:
                return self._connected().execute(statement, parameters).fetchall()
            except DRIVER_ERRORS as error:
                raise translated(error) from error
