"""The accounts of a whole turn, looked up at once."""

from __future__ import annotations

import pytest

from radius_mfa.store import accounts, statements, tokens
from radius_mfa.store.accounts import NewAccount
from radius_mfa.store.connection import connect
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tokens import NewToken
from tests.contract.stores import NOW, SqliteStores

STRANGE = ['quo"te', "back\\slash", "o'brien", "ünï", "\U0001f600", "[1,2]", "null", "%", "a b", "ALICE"]


def test_each_name_gets_its_own_account(stores: SqliteStores, store: SqliteStore) -> None:
    """In the order in which they were asked; one that is asked twice comes twice, and nobody is None."""
    for name in ("alice", "bob", "carol"):
        stores.account(name)
    names = ["carol", "nobody", "alice", "carol", "bob"]
    found = store.load_all(names)
    assert ["carol", None, "alice", "carol", "bob"] == [account and account.name for account in found]
    assert [stores.load("carol"), None, stores.load("alice")] == found[:3]


def test_no_name_is_no_account(store: SqliteStore) -> None:
    """An empty turn finds nobody."""
    assert [] == store.load_all([])


def test_all_tokens_of_an_account_come_with_it(stores: SqliteStores, store: SqliteStore) -> None:
    """Oldest first, beside other accounts with theirs."""
    for name in ("alice", "bob"):
        stores.account(name)
        for _ in range(2):
            token = tokens.enroll(stores.database, name, NewToken(b"another secret of 20"), expires=NOW + 100)
            tokens.confirm(stores.database, name, token, step=0, drift=0)
    alice, bob = store.load_all(["alice", "bob"])
    assert alice is not None
    assert bob is not None
    assert (3, 3) == (len(alice.tokens), len(bob.tokens))
    assert sorted(token.id for token in alice.tokens) == [token.id for token in alice.tokens]
    assert not {token.id for token in alice.tokens} & {token.id for token in bob.tokens}


@pytest.mark.parametrize("name", STRANGE)
def test_any_name_is_found(stores: SqliteStores, store: SqliteStore, name: str) -> None:
    """Names are compared as they are, whatever is in them."""
    accounts.add(stores.database, NewAccount(name))
    found = store.load_all(["alice", name, name + "x"])
    assert [None, name, None] == [account and account.name for account in found]


def test_more_names_than_a_turn_has(stores: SqliteStores, store: SqliteStore) -> None:
    """There is no limit on how many."""
    for number in range(10):
        accounts.add(stores.database, NewAccount(f"user{number}"))
    names = [f"user{number}" for number in range(2000)]
    found = store.load_all(names)
    assert names[:10] == [account.name for account in found if account]
    assert 2000 == len(found)


def test_the_lookup_uses_the_index_of_names(stores: SqliteStores, store: SqliteStore) -> None:
    """It costs the same whatever the number of accounts (P8)."""
    connection = connect(stores.path)
    plan = " ".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statements.LOAD}", (NOW, "[]")))
    connection.close()
    assert "SCAN account" not in plan
    assert "SCAN token" not in plan
    assert "SCAN recovery_code" not in plan
