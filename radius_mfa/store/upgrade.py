"""The schema of the database: made, and brought up to date."""

from __future__ import annotations

# Alembic would import it late, when root has become the owner of the store, who may be unable to read this Python.
import importlib.readers  # noqa: F401
import os
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from radius_mfa.ports import Clock
from radius_mfa.store.engine import engine_of, transaction
from radius_mfa.store.files import create_private, sync
from radius_mfa.store.fitness import refuse_newer, refuse_unfit, size
from radius_mfa.store.keys import MasterKey, make_missing
from radius_mfa.store.lock import WriterLock

PATIENCE = 10.0
"""Seconds to stand in the queue of writers."""


def upgrade(path: Path, master: MasterKey, clock: Clock) -> None:
    """Make the database with its data keys, or bring it to this program's schema; nothing to do is no error.

    All of it or nothing. Raises StoreNotReady, SecretError, AccessDenied, StoreBusy or StoreFailed.
    """
    lock = WriterLock(path)
    try:
        with lock.held(PATIENCE):
            if size(path) is None:
                _create(path, master, clock)
            else:
                refuse_unfit(path)
                _migrate(path, master, clock)
    finally:
        lock.close()


def _create(path: Path, master: MasterKey, clock: Clock) -> None:
    """Under another name first, so that a half-made database is never taken for one."""
    draft = path.with_name(path.name + ".new")
    for left_over in (draft, *(draft.with_name(draft.name + suffix) for suffix in ("-wal", "-shm", "-journal"))):
        left_over.unlink(missing_ok=True)
    os.close(create_private(draft))
    _migrate(draft, master, clock)
    sync(draft)
    draft.rename(path)
    sync(path.absolute().parent)


def _migrate(path: Path, master: MasterKey, clock: Clock) -> None:
    engine = engine_of(path)
    try:
        with transaction(engine, immediate=True) as connection:
            _run_revisions(path, connection)
            make_missing(connection, master, path, clock.now())
    finally:
        engine.dispose()


def _run_revisions(path: Path, connection: sa.Connection) -> None:
    if sa.inspect(connection).get_table_names():
        refuse_newer(path, MigrationContext.configure(connection).get_current_revision() or "")
    config = Config()
    config.set_main_option("script_location", "radius_mfa.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
