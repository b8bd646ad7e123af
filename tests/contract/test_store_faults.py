"""A store whose disk, file or neighbours fail: it refuses, it changes nothing, and it comes back by itself."""

from __future__ import annotations

import fcntl
import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from radius_mfa.auth.asks import WON, Commit, Invite, Loss
from radius_mfa.auth.notices import Activated
from radius_mfa.errors import StoreBusy, StoreFailed
from radius_mfa.ports import Write
from radius_mfa.store.connection import connect
from radius_mfa.store.sqlite import SqliteStore
from tests.contract.stores import (
    CODES,
    NOW,
    SqliteStores,
    accepted,
    code,
    digest,
    first_step,
    state,
    step,
    use,
    wrong,
)
from tests.contract.test_store_invite import newcomer


def a_code(stores: SqliteStores) -> Write:
    alice = stores.account("alice")
    return use(alice, step(alice, 5), spend=state(alice, 1))


ROUNDS: dict[str, Callable[[SqliteStores], Write]] = {
    "a code": a_code,
    "the first code": lambda stores: use(
        alice := stores.account("alice", pending=True), first_step(alice, 5), spend=state(alice, 1)
    ),
    "a recovery code": lambda stores: use(
        alice := stores.account("alice"), code(stores.store(), alice), spend=state(alice, 1)
    ),
    "the first password": lambda stores: Write(
        Commit(newcomer(stores), accepted(), NOW, digest(1), mails=(Invite(NOW + 86400),))
    ),
    "a first code with its notice": lambda stores: Write(
        Commit(
            replace(alice := stores.account("alice", pending=True), mail="alice@example.com"),
            accepted(),
            NOW,
            digest(1),
            state(alice, 1),
            first_step(alice, 5),
            mails=(Activated(account="alice", at=NOW),),
        ),
        b"reply",
    ),
    "a wrong code": lambda stores: wrong(alice := stores.account("alice"), spend=state(alice, 1)),
}


class Faulty:
    """A connection of which some calls fail, counted from 0 over all connections of a test."""

    def __init__(self, path: Path, fails: Callable[[], bool]) -> None:
        self._real = connect(path)
        self._fails = fails

    def execute(self, statement: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        if self._fails():
            raise sqlite3.OperationalError("disk I/O error")
        return self._real.execute(statement, parameters)

    @property
    def in_transaction(self) -> bool:
        return self._real.in_transaction

    def close(self) -> None:
        self._real.close()


def faulty_store(stores: SqliteStores, first: int, last: int) -> SqliteStore:
    """A store whose calls of the database fail from the `first` to the `last`."""
    calls = iter(range(1_000_000))

    def fails() -> bool:
        return first <= next(calls) <= last

    return stores.store(lambda path: cast("sqlite3.Connection", Faulty(path, fails)))


def opened(stores: SqliteStores) -> tuple[SqliteStore, sqlite3.Connection]:
    """A store that has made its connection, and the connection."""
    connection = connect(stores.path)
    store = stores.store(lambda _: connection)
    store.load("alice")
    return store, connection


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("wal_autocheckpoint", 0)],
)
def test_a_commit_is_on_the_disk(stores: SqliteStores, pragma: str, value: str | int) -> None:
    """What a store has committed survives a loss of power: the log is synchronised before COMMIT returns."""
    with closing(connect(stores.path)) as connection:
        assert (value,) == connection.execute(f"PRAGMA {pragma}").fetchone()


@pytest.mark.parametrize("after", [0, 1_000], ids=["once", "for good"])
@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("kind", ROUNDS)
def test_the_nth_call_fails(stores: SqliteStores, kind: str, number: int, after: int) -> None:
    """Whichever call of a commit fails, and whether the next ones do: all of the round is written, or none of it."""
    write = ROUNDS[kind](stores)
    before = stores.dump()
    store = faulty_store(stores, number, number + after)
    try:
        assert [WON] == store.commit([write])
    except StoreFailed:
        assert before == stores.dump()
        assert [WON] == stores.store().commit([write])
    else:
        assert before != stores.dump()
        again = None if write.commit.spend is None else Loss.STATE
        assert [again] == [outcome.lost for outcome in stores.store().commit([write])]


@pytest.mark.parametrize("number", range(3))
def test_a_store_goes_on_after_a_failed_call(stores: SqliteStores, number: int) -> None:
    """The store whose commit failed once commits the same batch at the next try."""
    write = a_code(stores)
    store = faulty_store(stores, number, number)
    with pytest.raises(StoreFailed, match="the database refused: disk I/O error"):
        store.commit([write])
    assert [WON] == store.commit([write])


@pytest.mark.parametrize("kind", ROUNDS)
def test_a_statement_is_broken_off_in_the_middle(stores: SqliteStores, kind: str) -> None:
    """Interrupted after any number of steps of SQLite's machine, a round is written in full or not at all."""
    write = ROUNDS[kind](stores)
    before = stores.dump()
    store, connection = opened(stores)
    for steps in range(1, 400):
        connection.set_progress_handler(partial(next, iter([0] * steps + [1]), 0), 1)
        try:
            store.commit([write])
        except StoreFailed:
            if before == stores.dump():
                continue
        break
    # Broken off in the last step of COMMIT, a round may be written though its writer heard of a failure.
    assert steps > 20
    (again,) = stores.store().commit([write])
    lost = None if write.commit.spend is None else Loss.STATE
    assert (lost, write.reply or None) == (again.lost, again.stored)


@pytest.mark.parametrize("number", range(2))
def test_a_lookup_fails(stores: SqliteStores, number: int) -> None:
    """A lookup that fails raises, and never says that there is no such account or code."""
    alice = stores.account("alice")
    with pytest.raises(StoreFailed):
        faulty_store(stores, 0, number).load("alice")
    with pytest.raises(StoreFailed):
        faulty_store(stores, 0, number).find_recovery_code(alice.id, CODES[0])


def test_a_message_that_no_text_can_be_made_of(stores: SqliteStores) -> None:
    """What the driver raises when SQLite quotes octets of a damaged file is a failure of the store, too."""
    alice = stores.account("alice")
    store = stores.store(lambda path: cast("sqlite3.Connection", Faulty(path, lambda: bool(b"\xff".decode()))))
    for ask in (lambda: store.load("alice"), lambda: store.commit([use(alice, step(alice, 5))])):
        with pytest.raises(StoreFailed, match="the database is damaged"):
            ask()


def test_a_batch_that_fails_changes_nothing(stores: SqliteStores) -> None:
    """If one round of a batch fails, nothing of the others is written."""
    alice, bob = stores.account("alice"), stores.account("bob")
    before = stores.dump()
    with pytest.raises(StoreFailed):
        faulty_store(stores, 5, 5).commit([use(alice, step(alice, 5)), use(bob, step(bob, 5))])
    assert before == stores.dump()


def test_a_full_database_refuses(stores: SqliteStores) -> None:
    """With no page left a commit raises with what mends it, and goes through as soon as there is room."""
    alice = stores.account("alice")
    store, connection = opened(stores)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    number, failure = fill(stores, store)
    assert failure.hint == "make room on the disk of the store"
    assert store.load("alice") == alice
    connection.execute("PRAGMA max_page_count = 1000000")
    assert [WON] == store.commit([use(alice, spend=state(alice, number))])


def test_a_full_disk_refuses(stores: SqliteStores) -> None:
    """When the kernel writes no more, commits raise, logins that were told nothing lose nothing, and room is enough."""
    alice = stores.account("alice")
    store = stores.store()
    store.load("alice")
    with no_file_longer_than(stores.path.with_name(stores.path.name + "-wal").stat().st_size + 20_000):
        number, _ = fill(stores, store)
        assert store.load("alice") == alice
    assert [WON] == store.commit([use(alice, spend=state(alice, number))])


def fill(stores: SqliteStores, store: SqliteStore) -> tuple[int, StoreFailed]:
    """Spend States until the store refuses; the number of the first refused, of which nothing is left, and how."""
    alice = stores.load("alice")
    for number in range(5_000):
        try:
            store.commit([use(alice, spend=state(alice, number), request=number)])
        except StoreFailed as failure:
            assert number == stores.spent()
            return number, failure
    raise AssertionError("the store took everything")


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_foreign_writer_is_waited_for_and_refused(stores: SqliteStores) -> None:
    """While a program outside our queue holds the database, reads go on, commits raise, and afterwards they pass."""
    alice = stores.account("alice")
    store = stores.store()
    write = use(alice, step(alice, 5))
    with closing(connect(stores.path)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            store.commit([write])
        assert store.load("alice") == alice
    assert [WON] == store.commit([write])


def test_the_queue_of_writers_is_left_after_a_second(stores: SqliteStores) -> None:
    """While another process holds the lock, reads go on, commits raise, and afterwards they pass."""
    alice = stores.account("alice")
    store = stores.store()
    write = use(alice, step(alice, 5))
    queue = os.open(stores.path.with_name(stores.path.name + ".lock"), os.O_RDWR)
    fcntl.flock(queue, fcntl.LOCK_EX)
    with pytest.raises(StoreBusy):
        store.commit([write])
    assert store.load("alice") == alice
    os.close(queue)
    assert [WON] == store.commit([write])


def test_the_secret_of_another_token_does_not_open(stores: SqliteStores) -> None:
    """Two sealed secrets that change places are unreadable in both, and nothing else."""
    for name in ("alice", "bob"):
        stores.account(name)
    stores.edit("CREATE TABLE swap AS SELECT id, secret FROM token")
    stores.edit("UPDATE token SET secret = (SELECT secret FROM swap WHERE swap.id != token.id)")
    for name in ("alice", "bob"):
        (token,) = stores.load(name).tokens
        assert (None, 6) == (token.secret, token.digits)


@pytest.mark.parametrize(
    "damage",
    ["token SET status = 'activ'", "token SET kind = ''", "token SET algorithm = 'md5'", "account SET mfa = 'on'"],
)
def test_a_word_that_is_none_of_ours_is_a_failure(stores: SqliteStores, damage: str) -> None:
    """An account with a damaged row is not loaded as if it owed nothing."""
    stores.account("alice")
    stores.edit(f"UPDATE {damage}")
    with pytest.raises(StoreFailed, match="is damaged"):
        stores.store().load("alice")
