"""How a connection to SQLite is made, and what its errors mean to a login."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from radius_mfa.errors import StoreBusy, StoreFailed, Unavailable

BUSY_TIMEOUT = 0.5
"""Seconds SQLite itself waits for a foreign writer; ours queue on the lock file (lock.py)."""

Connect = Callable[[Path], sqlite3.Connection]

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA wal_autocheckpoint=0",  # housekeeping checkpoints, so that no login has to
    "PRAGMA cache_size=-16384",  # KiB: the inner pages of a million accounts
    "PRAGMA cell_size_check=ON",
    "PRAGMA trusted_schema=OFF",
)
_READING = ("PRAGMA cell_size_check=ON", "PRAGMA trusted_schema=OFF")

CHECK = "run: radius-mfa db check"
"""The hint of what only a look at the whole file can tell."""

DRIVER_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What the driver raises: the second when a message of SQLite quotes octets of a damaged file."""

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HINTS = {
    sqlite3.SQLITE_FULL: "make room on the disk of the store",
    sqlite3.SQLITE_IOERR: "look for disk errors in the log of the system, and for a full disk",
    sqlite3.SQLITE_CORRUPT: CHECK,
    sqlite3.SQLITE_NOTADB: CHECK,
    sqlite3.SQLITE_READONLY: "give the store and its directory to the user the server runs as",
    sqlite3.SQLITE_CANTOPEN: "give the store and its directory to the user the server runs as",
    sqlite3.SQLITE_ERROR: CHECK,
}


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode to a database that exists: it never makes one.

    Transactions are begun by hand. Raises StoreBusy or StoreFailed.
    """
    return _connected(path, "rw", _PRAGMAS)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, not even a checkpoint when it is closed. Raises StoreBusy or StoreFailed."""
    return _connected(path, "ro", _READING)


def _connected(path: Path, mode: str, pragmas: tuple[str, ...]) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None
        )
        for pragma in pragmas:
            connection.execute(pragma)
    except DRIVER_ERRORS as error:
        raise translated(error) from error
    return connection


def translated(error: sqlite3.Error | UnicodeDecodeError) -> Unavailable:
    """The error of SQLite in our words. The messages of SQLite name tables and columns, never values."""
    if isinstance(error, UnicodeDecodeError):
        return StoreFailed("the database is damaged", CHECK)
    # The low octet is the primary code: SQLITE_IOERR_WRITE is SQLITE_IOERR to an admin.
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in _BUSY:
        return StoreBusy("another program holds the database", "end whatever else has the file open")
    what = "is damaged" if code in _DAMAGE else "refused"
    return StoreFailed(f"the database {what}: {error}", _HINTS.get(code, ""))
