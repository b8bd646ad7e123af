"""The store of a login on SQLite: a handful of statements on the raw connection, one transaction a batch."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from radius_mfa.auth import throttle
from radius_mfa.auth.asks import (
    WON,
    ActivateToken,
    Brought,
    Commit,
    Invite,
    InviteAgain,
    Loss,
    Mail,
    Outcome,
    UseRecoveryCode,
    UseToken,
)
from radius_mfa.auth.model import Account, RecoveryCode
from radius_mfa.errors import StoreFailed
from radius_mfa.ports import Clock, Write
from radius_mfa.store import statements
from radius_mfa.store.connection import DRIVER_ERRORS, Connect, connect, translated
from radius_mfa.store.keys import DataKeys
from radius_mfa.store.lock import WriterLock
from radius_mfa.store.mailing import Addressee, Mailing
from radius_mfa.store.rows import account_of, groups_text, history_of
from radius_mfa.store.sealing import Seal

Written = TypeVar("Written")

STORED_FOR = 30.0
"""Seconds in which the stored reply answers its datagram again."""


class SqliteStore:
    """Implements ports.Store. Made anywhere, used by one thread of one process: the connection is made at first use."""

    def __init__(self, path: Path, keys: DataKeys, clock: Clock, connect: Connect = connect) -> None:
        self._path = path
        self._keys = keys
        self._secrets = Seal(keys.secrets)
        self._mailing = Mailing(keys)
        self._clock = clock
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._lock = WriterLock(path)

    def load(self, name: str) -> Account | None:
        rows = self._read(statements.LOAD, (self._clock.now(), name))
        return account_of(rows, self._secrets) if rows else None

    def find_recovery_code(self, account_id: int, code: str) -> RecoveryCode | None:
        keyed = self._keys.recovery_hash(account_id, code)
        rows = self._read(statements.FIND_RECOVERY_CODE, (self._clock.now(), account_id, keyed))
        return RecoveryCode(rows[0][0], rows[0][1] != 0) if rows else None

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
        return self._transaction(lambda connection: [self._write(connection, write) for write in writes])

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

    def _write(self, connection: sqlite3.Connection, write: Write) -> Outcome:
        """The write set of one round. What was written before a statement loses stays written."""
        commit = write.commit
        lost = _loss(connection, write)
        if lost is None and commit.mail is not None:
            lost = self._queue(connection, commit, commit.mail)
        if lost is None:
            return WON
        own = (commit.account.id, commit.digest, commit.at - STORED_FOR, commit.at + STORED_FOR)
        row = connection.execute(statements.STORED_REPLY, own * 3).fetchone()
        return Outcome(lost, row[0] if row else None)

    def _queue(self, connection: sqlite3.Connection, commit: Commit, mail: Mail) -> Loss | None:
        """The mail of a round, to the address of the account that was loaded: its epoch is still the same."""
        account = commit.account
        if not account.mail:
            raise StoreFailed("there is no address to send mail to")
        to = Addressee(account.id, account.name, account.language or "", account.mail)
        if not isinstance(mail, Invite | InviteAgain):
            self._mailing.notify(connection, to, mail, commit.at)
            return None
        if not _admitted(connection, commit):
            return Loss.ACCOUNT
        if isinstance(mail, Invite):
            return self._mailing.invite(connection, to, mail, commit.at)
        return self._mailing.invite_again(connection, to, mail, commit.at)


def _loss(connection: sqlite3.Connection, write: Write) -> Loss | None:
    """Write one round in the order that asks.Commit lays down, up to the statement that loses."""
    commit = write.commit
    if commit.spend is not None and not _spent(connection, commit):
        return Loss.STATE
    if commit.consume is not None:
        if not _consumed(connection, write):
            return _why(connection, commit)
        connection.execute(statements.CLEAR_FAILURES, (commit.account.id,))
    if commit.wrong_code and not _counted(connection, commit):
        return Loss.ACCOUNT
    return None


def _spent(connection: sqlite3.Connection, commit: Commit) -> bool:
    state = commit.spend
    if state is None or state.expires <= commit.at:
        return False
    key = state.expires.to_bytes(8, "big") + state.nonce
    return connection.execute(statements.SPEND, (key,)).rowcount == 1


def _consumed(connection: sqlite3.Connection, write: Write) -> bool:
    commit = write.commit
    at, account = commit.at, commit.account
    # A round without a reply, or without a datagram, leaves nothing behind that another round could be given.
    reply = (commit.digest, write.reply, at) if write.reply and commit.digest else (None, None, None)
    admission = (account.id, at, account.epoch)
    match commit.consume:
        case UseToken(row, step, drift):
            statement = statements.USE_TOKEN
            parameters: tuple[Any, ...] = (step, drift, *reply, row, account.id, step, *admission)
        case ActivateToken(row, step, drift):
            statement = statements.ACTIVATE_TOKEN
            parameters = (step, drift, *reply, row, account.id, step, at, *admission)
        case UseRecoveryCode(row):
            statement = statements.USE_RECOVERY_CODE
            parameters = (at, *reply, row, account.id, at, *admission)
        case _:
            raise StoreFailed(f"this store cannot consume {commit.consume!r}")
    return connection.execute(statement, parameters).rowcount == 1


def _why(connection: sqlite3.Connection, commit: Commit) -> Loss:
    return Loss.CONSUMED if _admitted(connection, commit) else Loss.ACCOUNT


def _admitted(connection: sqlite3.Connection, commit: Commit) -> bool:
    """Whether the account is still as it was loaded, not locked and not disabled."""
    account = commit.account
    return connection.execute(statements.ADMITS, (account.id, commit.at, account.epoch)).fetchone() is not None


def _counted(connection: sqlite3.Connection, commit: Commit) -> bool:
    """Admit and decide the attempt on the account as it stands now. False when the account is gone."""
    row = connection.execute(statements.HISTORY, (commit.account.id,)).fetchone()
    if row is None:
        return False
    before = history_of(row)
    after = throttle.count(before, commit.digest, commit.at)
    if after != before:
        growth = 1 if after.locked_until > before.locked_until else 0
        values = (after.failures, after.window_failures, after.window_started, after.locked_until)
        connection.execute(statements.COUNT, (growth, *values, b"".join(after.counted), commit.account.id))
    return True
