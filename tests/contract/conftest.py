"""The store of the suite: one at a time of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_mfa.backends.slots import HashSlots
from radius_mfa.service import Authenticator
from radius_mfa.store.sqlite import SqliteStore
from tests.contract.judging import Recorder, judge
from tests.contract.stores import SqliteStores

KINDS = {"sqlite": SqliteStores}


@pytest.fixture(params=sorted(KINDS))
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteStores]:
    made = KINDS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def store(stores: SqliteStores) -> SqliteStore:
    return stores.store()


@pytest.fixture
def world(stores: SqliteStores) -> Recorder:
    stores.account("alice")
    return Recorder(stores.store())


@pytest.fixture
def slots(stores: SqliteStores) -> Iterator[HashSlots]:
    made = HashSlots(2, 512, stores.clock)
    yield made
    made.close()


@pytest.fixture
def service_of(world: Recorder, stores: SqliteStores, slots: HashSlots) -> Authenticator:
    return judge(world, slots, stores)
