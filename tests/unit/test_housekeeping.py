"""Housekeeping ends what has expired, in slices, and keeps the log of SQLite short."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_mfa.errors import StoreBusy
from radius_mfa.store import codes, housekeeping
from radius_mfa.store.housekeeping import CHECKPOINT_EVERY, GRACE, SLICE, SWEEP_EVERY, Housekeeping
from radius_mfa.store.lock import WriterLock
from tests.contract.stores import CODES, NOW, SqliteStores, state, step, use


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[SqliteStores]:
    made = SqliteStores(tmp_path)
    yield made
    made.close()


@pytest.fixture
def keeper(stores: SqliteStores) -> Iterator[Housekeeping]:
    made = Housekeeping(stores.path, stores.clock)
    yield made
    made.close()


def log_size(stores: SqliteStores) -> int:
    return stores.path.with_name(stores.path.name + "-wal").stat().st_size


def test_spent_states_are_forgotten_an_hour_after_their_expiry(stores: SqliteStores, keeper: Housekeeping) -> None:
    """A nonce stays as long as a clock set back could revive its State."""
    alice = stores.account("alice")
    stores.store().commit([use(alice, spend=state(alice, 1, expires=NOW + 120))])
    stores.clock.time = NOW + 120 + 3600
    keeper.turn()
    assert 1 == stores.spent()
    stores.clock.time += SWEEP_EVERY
    keeper.turn()
    assert 0 == stores.spent()


def test_what_has_expired_goes_and_the_rest_stays(stores: SqliteStores, keeper: Housekeeping) -> None:
    """Pending tokens and codes past their expiry end; active tokens and codes without one never do."""
    stores.account("alice")
    stores.account("bob", pending=True)
    codes.add_one(stores.database, "alice", "ZZZZZZZZZZZZZZZZ", expires=NOW + 100)
    stores.clock.time = NOW + 100 + GRACE + 1
    keeper.turn()
    assert (1, 0) == (len(stores.load("alice").tokens), len(stores.load("bob").tokens))
    (rows,) = [
        line for line in stores.dump() if line.startswith("INSERT INTO \"sqlite_sequence\" VALUES('recovery_code'")
    ]
    assert "7" in rows
    assert 2 * len(CODES) == len([line for line in stores.dump() if line.startswith('INSERT INTO "recovery_code"')])


def test_a_turn_deletes_one_slice(stores: SqliteStores, keeper: Housekeeping) -> None:
    """No more than a slice of each table goes at once, and the next turn goes on without waiting."""
    alice = stores.account("alice")
    stores.store().commit([use(alice, spend=state(alice, number)) for number in range(SLICE + 5)])
    stores.clock.time = NOW + 121 + GRACE
    keeper.turn()
    assert 5 == stores.spent()
    keeper.turn()
    assert 0 == stores.spent()


def test_sweeps_are_a_minute_apart(stores: SqliteStores, keeper: Housekeeping) -> None:
    """With nothing left to do the queue of writers is left alone for a while."""
    alice = stores.account("alice")
    keeper.turn()
    stores.store().commit([use(alice, spend=state(alice, 1, expires=NOW + 1 - GRACE), at=NOW - 9000)])
    stores.clock.time = NOW + SWEEP_EVERY - 1
    keeper.turn()
    assert 1 == stores.spent()
    stores.clock.time = NOW + SWEEP_EVERY
    keeper.turn()
    assert 0 == stores.spent()


def test_a_checkpoint_every_three_seconds_keeps_the_log_short(stores: SqliteStores, keeper: Housekeeping) -> None:
    """With turns the log is written from its beginning again; without them it only grows."""
    alice = stores.account("alice")
    store = stores.store()
    sizes = []
    for number in range(1, 60):
        store.commit([use(alice, step(alice, number))])
        stores.clock.time += CHECKPOINT_EVERY
        keeper.turn()
        sizes.append(log_size(stores))
    assert sizes[10] == sizes[-1]
    for number in range(60, 120):
        store.commit([use(alice, step(alice, number))])
    assert sizes[-1] < log_size(stores)


def test_a_log_that_grows_fast_is_not_let_wait(
    stores: SqliteStores, keeper: Housekeeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log over the limit is checkpointed in the next turn, however soon that comes."""
    alice = stores.account("alice")
    store = stores.store()
    keeper.turn()
    monkeypatch.setattr(housekeeping, "CHECKPOINT_SIZE", log_size(stores))
    sizes = []
    for number in range(1, 60):
        store.commit([use(alice, step(alice, number))])
        keeper.turn()
        sizes.append(log_size(stores))
    assert sizes[10] == sizes[-1]


def test_a_sweep_stands_in_the_queue(stores: SqliteStores, keeper: Housekeeping) -> None:
    """While a login or a command writes, nothing is deleted; the turn says so and the next one does it."""
    alice = stores.account("alice")
    stores.store().commit([use(alice, spend=state(alice, 1))])
    stores.clock.time = NOW + 121 + GRACE
    other = WriterLock(stores.path)
    with other.held(), pytest.raises(StoreBusy):
        keeper.turn()
    other.close()
    assert 1 == stores.spent()
    keeper.turn()
    assert 0 == stores.spent()


def test_a_reader_holds_nobody_up(stores: SqliteStores, keeper: Housekeeping) -> None:
    """A checkpoint beside an open snapshot and a running login does what it can and waits for neither."""
    alice = stores.account("alice")
    with stores.database.read() as connection:
        connection.exec_driver_sql("SELECT * FROM account").fetchall()
        stores.store().commit([use(alice, step(alice, 1))])
        keeper.turn()
    assert 1 == stores.load("alice").tokens[0].last_step
