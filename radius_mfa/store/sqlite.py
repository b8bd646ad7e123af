"""The store of a login on SQLite: a handful of statements on the raw connection, one transaction a batch."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from radius_mfa.auth.asks import Brought, Outcome
from radius_mfa.auth.model import Account, Claim, Device, RecoveryCode
from radius_mfa.errors import StoreFailed
from radius_mfa.ports import Clock, Write
from radius_mfa.store import statements
from radius_mfa.store.connection import DRIVER_ERRORS, Connect, connect, translated
from radius_mfa.store.keys import DataKeys
from radius_mfa.store.lock import WriterLock
from radius_mfa.store.rows import accounts_of, device_of, groups_text
from radius_mfa.store.sealing import Seal
from radius_mfa.store.write_set import WriteSet

Written = TypeVar("Written")

_to_json = json.JSONEncoder(ensure_ascii=False).encode


class SqliteStore:
    """Implements ports.Store. Made anywhere, used by one thread of one process: the connection is made at first use."""

    def __init__(self, path: Path, keys: DataKeys, clock: Clock, connect: Connect = connect) -> None:
        self._path = path
        self._keys = keys
        self._secrets = Seal(keys.secrets)
        self._writes = WriteSet(keys)
        self._clock = clock
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._lock = WriterLock(path)

    def load(self, name: str) -> Account | None:
        return self.load_all((name,))[0]

    def load_all(self, names: Sequence[str]) -> list[Account | None]:
        rows = self._read(statements.LOAD, (self._clock.now(), _to_json(names)))
        accounts = accounts_of(rows, self._secrets)
        return [accounts.get(name) for name in names]

    def find_recovery_code(self, account_id: int, code: str) -> RecoveryCode | None:
        keyed = self._keys.recovery_hash(account_id, code)
        rows = self._read(statements.FIND_RECOVERY_CODE, (self._clock.now(), account_id, keyed))
        return RecoveryCode(rows[0][0], rows[0][1] != 0) if rows else None

    def find_device(self, account_id: int, claim: Claim, digest: bytes) -> Device | None:
        keyed = self._keys.device_hash(account_id, claim)
        rows = self._read(statements.FIND_DEVICE, (keyed, account_id, keyed, digest))
        return device_of(rows[0]) if rows else None

    def password_tag(self, account_id: int, password: bytes) -> bytes:
        return self._keys.password_tag(account_id, password)

    def knows(self, account: Account, place: str) -> bool:
        return self._keys.place_hash(account.id, place) in account.known

    def record(self, brought: Brought, at: float) -> Account:
        lines = groups_text(brought.groups)

        def write(connection: sqlite3.Connection) -> None:
            new = (brought.name, brought.backend, brought.mail, lines, at, at)
            if connection.execute(statements.MAKE_ACCOUNT, new).rowcount == 0:
                connection.execute(statements.REGROUP, (lines, at, brought.name, brought.backend, lines))

        self._transaction(write)
        account = self.load(brought.name)
        if account is None:
            raise StoreFailed("an account was deleted while it was written")
        return account

    def commit(self, writes: Sequence[Write]) -> list[Outcome]:
        places = self._writes.places(writes)

        def write(connection: sqlite3.Connection) -> list[Outcome]:
            return [self._writes.write(connection, one, place) for one, place in zip(writes, places, strict=True)]

        return self._transaction(write)

    def close(self) -> None:
        """Give connection and lock back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._lock.close()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect(self._path)
        return self._connection

    def _read(self, statement: str, parameters: tuple[Any, ...]) -> list[Any]:
        try:
            return self._connected().execute(statement, parameters).fetchall()
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    def _transaction(self, write: Callable[[sqlite3.Connection], Written]) -> Written:
        """All that `write` does, or nothing, in the queue of writers."""
        self._lock.acquire()
        try:
            return self._all_or_nothing(self._connected(), write)
        except DRIVER_ERRORS as error:
            raise translated(error) from error
        finally:
            self._lock.release()

    def _all_or_nothing(
        self, connection: sqlite3.Connection, write: Callable[[sqlite3.Connection], Written]
    ) -> Written:
        try:
            connection.execute("BEGIN IMMEDIATE")
            written = write(connection)
            connection.execute("COMMIT")
        except BaseException:
            self._abandon(connection)
            raise
        return written

    def _abandon(self, connection: sqlite3.Connection) -> None:
        """Roll back; a connection that cannot even do that is dropped, and the transaction with it."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except DRIVER_ERRORS:
            self._connection = None
            connection.close()
