"""The database file itself: make it, bring it up to date, check it, copy it."""

from __future__ import annotations

# Alembic would import it late, when root has become the owner of the store, who may be unable to read this Python.
import importlib.readers  # noqa: F401
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from radius_mfa.errors import AccessDenied, OperationFailed, StoreFailed, StoreNotReady
from radius_mfa.ports import Clock
from radius_mfa.store.connection import CHECK, Connect, connect
from radius_mfa.store.engine import engine_of, in_our_words, transaction
from radius_mfa.store.files import OTHERS, create_private, sync
from radius_mfa.store.keys import DataKeys, MasterKey, make_missing
from radius_mfa.store.lock import WriterLock

MAGIC = b"SQLite format 3\0"
MAKE = "run: radius-mfa init, or radius-mfa db upgrade"
PATIENCE = 10.0
"""Seconds to stand in the queue of writers."""


def upgrade(path: Path, master: MasterKey, clock: Clock) -> None:
    """Make the database with its data keys, or bring it to this program's schema; nothing to do is no error.

    All of it or nothing. Raises StoreNotReady, SecretError, AccessDenied, StoreBusy or StoreFailed.
    """
    lock = WriterLock(path)
    try:
        with lock.held(PATIENCE):
            if _size(path) is None:
                _create(path, master, clock)
            else:
                _refuse_unfit(path)
                _migrate(path, master, clock)
    finally:
        lock.close()


def check(path: Path, *, thorough: bool = True, connect: Connect = connect) -> None:
    """Refuse a database that is missing, damaged, open to others, or of another schema. `thorough` reads every page.

    Raises StoreNotReady, AccessDenied or StoreBusy.
    """
    _refuse_unfit(path)
    try:
        with in_our_words(), closing(connect(path)) as connection:
            _refuse_schema(path, _revision(connection))
            if thorough:
                _refuse_damage(path, connection)
    except StoreFailed as error:
        raise StoreNotReady(f"{path}: {error}", _restore(path) if error.hint == CHECK else error.hint) from error


def unlock(path: Path, master: MasterKey, connect: Connect = connect) -> DataKeys:
    """The data keys of a database, opened with the master key. Raises StoreNotReady, SecretError or Unavailable."""
    with in_our_words(), closing(connect(path)) as connection:
        wrapped = dict(connection.execute("SELECT purpose, wrapped FROM data_key").fetchall())
    return DataKeys.unwrap(master, wrapped, path)


def backup(path: Path, file: Path) -> None:
    """Copy the database, as it stands at one moment, into a new file that only its owner may read.

    Raises OperationFailed when the file is there, StoreNotReady, AccessDenied, StoreBusy or StoreFailed.
    """
    check(path, thorough=False)
    try:
        os.close(create_private(file))
    except FileExistsError:
        raise OperationFailed(f"{file} is already there and is not overwritten", "name another file") from None
    try:
        _copy(path, file)
        sync(file)
        sync(file.absolute().parent)
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _copy(path: Path, file: Path) -> None:
    with in_our_words(), closing(connect(path)) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)


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
        _refuse_newer(path, MigrationContext.configure(connection).get_current_revision() or "")
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "radius_mfa.store:migrations")
    return config


def _size(path: Path) -> int | None:
    """Octets of the file, None if there is none. Raises AccessDenied."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error


def _refuse_unfit(path: Path) -> None:
    """What can be said of the file before SQLite opens it."""
    size = _size(path)
    if size is None:
        raise StoreNotReady(f"there is no database {path}", MAKE)
    if not path.is_file():
        raise StoreNotReady(f"{path} is not a file", "correct `store` in the configuration")
    if path.stat().st_mode & OTHERS:
        raise StoreNotReady(f"others may read the database {path}", f"run: chmod 600 {path}")
    if size == 0:
        raise StoreNotReady(f"the database {path} is empty", _restore(path))
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise StoreNotReady(f"{path} is not a database", _restore(path))
    except OSError as error:
        raise _unreadable(path, error) from error


def _revision(connection: sqlite3.Connection) -> str:
    """The revision the database is at, empty if it is none of ours."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
    return row[0] if row else ""


def _refuse_schema(path: Path, revision: str) -> None:
    _refuse_newer(path, revision)
    if revision != ScriptDirectory.from_config(_config()).get_current_head():
        raise StoreNotReady(f"the schema of {path} is older than this program", "run: radius-mfa db upgrade")


def _refuse_newer(path: Path, revision: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if not revision:
        raise StoreNotReady(f"{path} is not a database of radius-mfa", _restore(path))
    if revision not in known:
        message = f"the schema of {path} ({revision}) is newer than this program"
        raise StoreNotReady(message, "install the version of radius-mfa that made it, or a newer one")


def _refuse_damage(path: Path, connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreNotReady(f"{path} is damaged: {' '.join(verdict.split())}", _restore(path))
    orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    if orphan:
        raise StoreNotReady(f"{path} is damaged: a row of {orphan[0]} belongs to no row of {orphan[2]}", _restore(path))


def _restore(path: Path) -> str:
    # The log of the old file, left beside the copy, would be taken for the copy's.
    return f"stop the server, delete {path}-wal and {path}-shm, and put back a copy made by: radius-mfa db backup"


def _unreadable(path: Path, error: OSError) -> AccessDenied:
    return AccessDenied(f"cannot read {path}: {error.strerror}", "run it as root, or as the owner of the database")
