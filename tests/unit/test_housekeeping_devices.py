"""Housekeeping forgets a trusted device as soon as it has expired."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_mfa.store.housekeeping import SLICE, SWEEP_EVERY, Housekeeping
from radius_mfa.store.lock import PATIENCE, WriterLock
from tests.contract.stores import NOW, SqliteStores


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[SqliteStores]:
    made = SqliteStores(tmp_path)
    made.account("alice")
    yield made
    made.close()


@pytest.fixture
def keeper(stores: SqliteStores) -> Iterator[Housekeeping]:
    made = Housekeeping(stores.path, stores.clock)
    yield made
    made.close()


def trusted(stores: SqliteStores, many: int, *, expires: float) -> None:
    stores.edit(
        "WITH RECURSIVE row(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM row WHERE n < ?)"
        " INSERT INTO device (account_id, kind, client, hash, created, last_used, expires)"
        " SELECT 1, 'token', 'pbx', CAST(? || n AS BLOB), 0, 0, ? FROM row",
        many,
        f"{expires}-",
        expires,
    )


def left(stores: SqliteStores) -> int:
    return len([line for line in stores.dump() if line.startswith('INSERT INTO "device"')])


def test_a_clock_that_is_set_back_revives_no_device(stores: SqliteStores, keeper: Housekeeping) -> None:
    """At the second of its expiry a device goes for good; one that lives a second longer stays."""
    trusted(stores, 1, expires=NOW)
    trusted(stores, 1, expires=NOW + 1)
    keeper.turn()
    assert 1 == left(stores)


def test_devices_go_in_slices(stores: SqliteStores, keeper: Housekeeping) -> None:
    """No more than a slice goes at once, the next turn goes on without waiting, and then there is a minute's rest."""
    trusted(stores, SLICE + 5, expires=NOW - 1)
    keeper.turn()
    assert 5 == left(stores)
    keeper.turn()
    assert 0 == left(stores)
    trusted(stores, 1, expires=NOW - 1)
    keeper.turn()
    assert 1 == left(stores)
    stores.clock.time += SWEEP_EVERY
    keeper.turn()
    assert 0 == left(stores)


def test_looking_for_expired_devices_stands_in_no_queue(
    stores: SqliteStores, keeper: Housekeeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No index leads to them: the rows are read before the lock is taken, and without one there is no lock."""
    taken: list[WriterLock] = []
    acquire = WriterLock.acquire

    def count(lock: WriterLock, patience: float = PATIENCE) -> None:
        taken.append(lock)
        acquire(lock, patience)

    monkeypatch.setattr(WriterLock, "acquire", count)
    trusted(stores, 3, expires=NOW + 1)
    keeper.turn()
    before = len(taken)
    stores.clock.time = NOW + SWEEP_EVERY
    keeper.turn()
    assert (before + 1, 0) == (len(taken) - before, left(stores))
