"""The database file itself: whether it is fit to be opened, its keys, and copies of it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from pkgutil import iter_modules

from radius_mfa.errors import AccessDenied, OperationFailed, StoreFailed, StoreNotReady
from radius_mfa.store.connection import CHECK, Connect, connect
from radius_mfa.store.engine import in_our_words
from radius_mfa.store.files import OTHERS, create_private, sync
from radius_mfa.store.keys import DataKeys, MasterKey
from radius_mfa.store.migrations import versions

MAGIC = b"SQLite format 3\0"
MAKE = "run: radius-mfa init, or radius-mfa db upgrade"
# Read off the names of the files: Alembic would tell the same, and costs every command a quarter of a second.
REVISIONS = tuple(sorted(module.name.partition("_")[0] for module in iter_modules(versions.__path__)))
"""The revisions this program knows, oldest first."""


def check(path: Path, *, thorough: bool = True, connect: Connect = connect) -> None:
    """Refuse a database that is missing, damaged, open to others, or of another schema. `thorough` reads every page.

    Raises StoreNotReady, AccessDenied or StoreBusy.
    """
    refuse_unfit(path)
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


def size(path: Path) -> int | None:
    """Octets of the file, None if there is none. Raises AccessDenied."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error


def refuse_unfit(path: Path) -> None:
    """What can be said of the file before SQLite opens it. Raises StoreNotReady or AccessDenied."""
    octets = size(path)
    if octets is None:
        raise StoreNotReady(f"there is no database {path}", MAKE)
    if not path.is_file():
        raise StoreNotReady(f"{path} is not a file", "correct `store` in the configuration")
    if path.stat().st_mode & OTHERS:
        raise StoreNotReady(f"others may read the database {path}", f"run: chmod 600 {path}")
    if octets == 0:
        raise StoreNotReady(f"the database {path} is empty", _restore(path))
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise StoreNotReady(f"{path} is not a database", _restore(path))
    except OSError as error:
        raise _unreadable(path, error) from error


def refuse_newer(path: Path, revision: str) -> None:
    """A database that another program has made, or a newer version of this one. Raises StoreNotReady."""
    if not revision:
        raise StoreNotReady(f"{path} is not a database of radius-mfa", _restore(path))
    if revision not in REVISIONS:
        message = f"the schema of {path} ({revision}) is newer than this program"
        raise StoreNotReady(message, "install the version of radius-mfa that made it, or a newer one")


def _copy(path: Path, file: Path) -> None:
    with in_our_words(), closing(connect(path)) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)


def _revision(connection: sqlite3.Connection) -> str:
    """The revision the database is at, empty if it is none of ours."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
    return row[0] if row else ""


def _refuse_schema(path: Path, revision: str) -> None:
    refuse_newer(path, revision)
    if revision != REVISIONS[-1]:
        raise StoreNotReady(f"the schema of {path} is older than this program", "run: radius-mfa db upgrade")


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
