"""RecordAccount: what a backend brings is written once, and never over another backend's account."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from radius_mfa.auth.asks import Brought
from radius_mfa.errors import OperationFailed, StoreBusy
from radius_mfa.store import accounts
from radius_mfa.store.accounts import Changes, NewAccount
from radius_mfa.store.sqlite import SqliteStore
from tests.contract.stores import NOW, SqliteStores

STAFF = frozenset({"staff", "pbx-admins"})
ALICE = Brought("alice", "pam", STAFF, "alice@example.com")


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[SqliteStores]:
    made = SqliteStores(tmp_path)
    yield made
    made.close()


def test_an_account_is_made_with_what_was_brought(stores: SqliteStores) -> None:
    """It is the account that the next round loads, and the one the admin sees."""
    made = stores.store().record(ALICE, NOW)
    assert made == stores.load("alice")
    assert ("pam", STAFF, "alice@example.com", None, 1) == (
        made.backend, made.groups, made.mail, made.password_hash, made.epoch,
    )  # fmt: skip
    seen = accounts.get(stores.database, "alice")
    assert ("pam", STAFF, False, NOW) == (seen.backend, seen.groups, seen.has_password, seen.created)


def test_the_same_again_changes_nothing(stores: SqliteStores) -> None:
    """Groups that are the same leave the row as it is, also another address: that one is the admin's by now."""
    first = stores.store().record(ALICE, NOW)
    before = accounts.get(stores.database, "alice")
    assert first == stores.store().record(Brought("alice", "pam", STAFF, "other@example.com"), NOW + 10)
    assert before == accounts.get(stores.database, "alice")


@pytest.mark.parametrize("groups", [frozenset(), frozenset({"staff"}), None])
def test_other_groups_let_the_epoch_grow(stores: SqliteStores, groups: frozenset[str] | None) -> None:
    """Fewer, none, or none that could be read: they are those of the next round, and what came before is dead."""
    stores.store().record(ALICE, NOW)
    changed = stores.store().record(Brought("alice", "pam", groups), NOW + 10)
    assert (groups, 2, "alice@example.com") == (changed.groups, changed.epoch, changed.mail)
    assert groups == accounts.get(stores.database, "alice").groups


def test_the_account_of_another_backend_stays_as_it_is(stores: SqliteStores) -> None:
    """It is handed back as it is: the rules see that it is not the one they meant."""
    accounts.add(stores.database, NewAccount("alice", groups=frozenset({"local"}), password_hash="x"))
    before = accounts.get(stores.database, "alice")
    assert "local" == stores.store().record(ALICE, NOW).backend
    assert before == accounts.get(stores.database, "alice")


def test_many_at_once_make_one(stores: SqliteStores) -> None:
    """Workers that meet the same newcomer at the same moment end with the same account."""

    def worker(_: int) -> int:
        store = SqliteStore(stores.path, stores.database.keys, stores.clock)
        try:
            return store.record(ALICE, NOW).id
        finally:
            store.close()

    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(worker, range(8)))
    assert {stores.load("alice").id} == made


def test_a_store_that_is_busy_says_so(stores: SqliteStores) -> None:
    """A foreign writer holds the database: nothing is made, and nobody gets in."""
    foreign = sqlite3.connect(stores.path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy):
        stores.store().record(ALICE, NOW)
    foreign.execute("ROLLBACK")
    foreign.close()
    assert "alice" not in {row.name for row in accounts.all_accounts(stores.database)}


def test_what_the_host_keeps_is_changed_there(stores: SqliteStores) -> None:
    """Groups and password of such an account cannot be set here; its address can."""
    stores.store().record(ALICE, NOW)
    with pytest.raises(OperationFailed, match="groups of alice are kept by pam"):
        accounts.change(stores.database, "alice", Changes(groups=frozenset()))
    with pytest.raises(OperationFailed, match="password of alice is kept by pam"):
        accounts.set_password_hash(stores.database, "alice", "x")
    assert "new@example.com" == accounts.change(stores.database, "alice", Changes(mail="new@example.com")).mail
