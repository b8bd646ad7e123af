"""The store of the suite: one at a time of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_mfa.store.sqlite import SqliteStore
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
