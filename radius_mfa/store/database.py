"""An open store for everything but logins: SQLAlchemy as it is, the queue of writers, and the keys."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa

from radius_mfa.ports import Clock
from radius_mfa.store.connection import Connect, connect
from radius_mfa.store.engine import engine_of, transaction
from radius_mfa.store.fitness import check, unlock
from radius_mfa.store.keys import DataKeys, MasterKey
from radius_mfa.store.lock import WriterLock
from radius_mfa.store.mailing import Mailing
from radius_mfa.store.sealing import Seal

PATIENCE = 10.0
"""Seconds a command waits for its turn to write; a login waits one."""


class Database:
    """What the admin operations work on. Used by one thread of one process; opens nothing before the first use."""

    def __init__(self, path: Path, keys: DataKeys, clock: Clock, connect: Connect = connect) -> None:
        self.path = path
        self.keys = keys
        self.clock = clock
        self.secrets = Seal(keys.secrets)
        self.mailing = Mailing(keys)
        self.lock = WriterLock(path)
        self.engine = engine_of(path, connect)
        self._admit: Callable[[sa.Connection], None] | None = None

    @classmethod
    def open(cls, path: Path, master: MasterKey, clock: Clock, connect: Connect = connect) -> Database:
        """A database that has passed `fitness.check`. Raises as that does, and SecretError."""
        check(path, thorough=False, connect=connect)
        return cls(path, unlock(path, master, connect), clock, connect)

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One snapshot. Raises StoreBusy or StoreFailed."""
        with transaction(self.engine, immediate=False) as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction in the queue of writers, of 1,000 rows at most. Raises StoreBusy or StoreFailed."""
        with self.lock.held(PATIENCE), transaction(self.engine, immediate=True) as connection:
            if self._admit is not None:
                self._admit(connection)
            yield connection

    def admitting(self, admit: Callable[[sa.Connection], None]) -> Database:
        """The same database, in which every transaction that writes asks `admit` first; what it raises ends it."""
        same = copy.copy(self)
        same._admit = admit
        return same

    def close(self) -> None:
        """Give connections and lock back."""
        self.engine.dispose()
        self.lock.close()
