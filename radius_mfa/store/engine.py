"""SQLAlchemy's engine over our connections, with transactions that SQLite knows of from their first statement."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from radius_mfa.errors import StoreFailed
from radius_mfa.store.connection import DRIVER_ERRORS, Connect, connect, translated


def engine_of(path: Path, connect: Connect = connect) -> sa.Engine:
    """An engine that opens nothing yet. With the execution option `immediate` a transaction takes the write lock."""
    engine = sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=sa.pool.QueuePool)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: sa.Connection) -> None:
    # The driver is in autocommit mode: left alone it would begin late, and not at all before DDL.
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def raw(connection: sa.Connection) -> sqlite3.Connection:
    """The driver's connection under a transaction of SQLAlchemy, for the statements of statements.py."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - engine_of makes no other
    return driver


@contextlib.contextmanager
def transaction(engine: sa.Engine, *, immediate: bool) -> Iterator[sa.Connection]:
    """One transaction: `immediate` to write, else a snapshot to read. Raises StoreBusy or StoreFailed."""
    with in_our_words(), engine.connect().execution_options(immediate=immediate) as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def in_our_words() -> Iterator[None]:
    """Errors of the driver inside the block become StoreBusy or StoreFailed."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise translated(error.orig) from error
        raise StoreFailed("the database refused") from error
    except DRIVER_ERRORS as error:
        raise translated(error) from error
