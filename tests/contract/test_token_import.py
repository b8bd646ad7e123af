"""Tokens of other programs in the store: all of a list or none, nothing twice, and nothing goes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.asks import WON, Loss
from radius_mfa.auth.model import Algorithm, TokenKind, TokenStatus
from radius_mfa.errors import OperationFailed
from radius_mfa.store import accounts, codes, token_import, tokens
from radius_mfa.store.accounts import NewAccount
from radius_mfa.store.database import Database
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.token_import import Finding, InUse, look_at, take_over
from radius_mfa.store.tokens import NewToken
from tests.contract.stores import NOW, SECRET, SqliteStores, step, use

TAKEN, THERE = Finding(), Finding(there=True)
OTHER = NewToken(b"another secret of 20")


@pytest.fixture
def database(stores: SqliteStores) -> Database:
    for name in ("alice", "bob"):
        accounts.add(stores.database, NewAccount(name))
    return stores.database


def test_a_token_is_active_at_once(stores: SqliteStores, store: SqliteStore, database: Database) -> None:
    """It is there with all that the file said of it, and takes the next code, though none up to its last step."""
    new = NewToken(SECRET, TokenKind.HOTP, 8, Algorithm.SHA256, last_step=41, label="old phone")
    take_over(database, [InUse("alice", new, 3)])
    (row,) = tokens.all_tokens(database, "alice")
    assert (TokenStatus.ACTIVE, "hotp", 8, "sha256", 41, 3) == (
        row.status, row.kind, row.digits, row.algorithm, row.last_step, row.drift,
    )  # fmt: skip
    assert ("old phone", NOW, None) == (row.label, row.created, row.expires)
    alice = stores.load("alice")
    assert SECRET == alice.tokens[0].secret
    assert [Loss.CONSUMED] == [outcome.lost for outcome in store.commit([use(alice, step(alice, 41))])]
    assert [WON] == store.commit([use(alice, step(alice, 42), request=2)])


def test_scratch_codes_come_with_their_token(store: SqliteStore, stores: SqliteStores, database: Database) -> None:
    """They are found as recovery codes beside those that were there, and not of another account."""
    codes.replace(database, "alice", ["ABCDEFGHIJKLMNOP"])
    take_over(database, [InUse("alice", NewToken(SECRET), scratch_codes=("11111111", "22222222"))])
    assert 3 == codes.count(database, "alice")
    alice, bob = stores.load("alice"), stores.load("bob")
    found = store.find_recovery_code(alice.id, "11111111")
    assert found is not None
    assert found.usable
    assert store.find_recovery_code(bob.id, "11111111") is None


def test_a_scratch_code_that_was_used_stays_used(store: SqliteStore, stores: SqliteStores, database: Database) -> None:
    """When its token is imported again after a reset that did not end it, it is not fresh again."""
    row = InUse("alice", NewToken(SECRET), scratch_codes=("11111111",))
    take_over(database, [row])
    stores.edit("UPDATE recovery_code SET used_at = 1")
    stores.edit("DELETE FROM token")
    take_over(database, [replace(row, scratch_codes=("11111111", "22222222"))])
    assert 1 == codes.count(database, "alice")
    found = store.find_recovery_code(stores.load("alice").id, "11111111")
    assert found is not None
    assert not found.usable


def test_the_same_list_again_changes_nothing(stores: SqliteStores, database: Database) -> None:
    """A secret makes no second token, which would let each of its codes in twice; a switched-off one stays off."""
    rows = [InUse("alice", NewToken(SECRET, last_step=7)), InUse("bob", NewToken(SECRET))]
    take_over(database, rows)
    tokens.disable(database, "alice")
    tokens.resync(database, "bob", 2, step=9, drift=0)
    before = stores.dump()
    assert [THERE, THERE] == look_at(database, rows)
    take_over(database, rows)
    assert before == stores.dump()


@pytest.mark.parametrize(
    "other",
    [{"digits": 7}, {"period": 60}, {"algorithm": Algorithm.SHA512}, {"kind": TokenKind.HOTP}],
    ids=lambda other: str(*other),
)
def test_a_secret_is_not_taken_in_another_kind_of_token(database: Database, other: dict[str, object]) -> None:
    """What differs from the token that is there is refused, not passed over in silence."""
    take_over(database, [InUse("alice", NewToken(SECRET))])
    (finding,) = look_at(database, [InUse("alice", replace(NewToken(SECRET), **other))])  # type: ignore[arg-type]
    assert "this secret is there already, in another kind of token" == finding.refused


def test_each_refusal_is_found_at_its_place(database: Database) -> None:
    """Unknown accounts, another number of digits, in the store or in the list, and a secret that comes twice."""
    tokens.enroll(database, "bob", NewToken(SECRET, digits=8), expires=NOW + 10)
    rows = [
        InUse("alice", NewToken(SECRET)),
        InUse("dave", NewToken(SECRET)),
        InUse("alice", OTHER),
        InUse("alice", replace(OTHER, secret=b"a third one", digits=8)),
        InUse("bob", OTHER),
        InUse("alice", NewToken(SECRET)),
    ]
    assert [
        "",
        "there is no such account",
        "",
        "the other tokens have 6 digits, not 8",
        "the other tokens have 8 digits, not 6",
        "the same secret stands in the file twice",
    ] == [finding.refused for finding in look_at(database, rows)]


def test_the_check_is_the_same_over_many_slices(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in one slice is known in the next: digits and secrets of one account far apart."""
    monkeypatch.setattr(token_import, "SLICE", 2)
    rows = [
        InUse("alice", NewToken(SECRET)),
        InUse("alice", replace(OTHER, digits=8)),
        InUse("alice", NewToken(SECRET)),
    ]
    assert [False, True, True] == [bool(finding.refused) for finding in look_at(database, rows)]
    take_over(database, [rows[0], InUse("alice", OTHER), InUse("bob", OTHER)])
    assert 2 == len(tokens.all_tokens(database, "alice"))


def test_what_changed_since_the_look_ends_the_import(stores: SqliteStores, database: Database) -> None:
    """An account that has other digits by now: its slice is not written at all, and the message names it."""
    rows = [InUse("alice", NewToken(SECRET)), InUse("bob", NewToken(SECRET))]
    assert [TAKEN, TAKEN] == look_at(database, rows)
    tokens.enroll(database, "bob", replace(OTHER, digits=8), expires=NOW + 10)
    before = stores.dump()
    with pytest.raises(OperationFailed, match="bob: the other tokens have 8 digits, not 6"):
        take_over(database, rows)
    assert before == stores.dump()


def test_a_transaction_is_short(database: Database) -> None:
    """A long list is written in many, each of 200 rows at most, and a token never without its scratch codes."""
    rows = [InUse("alice", NewToken(number.to_bytes(20, "big")), scratch_codes=("12345678",)) for number in range(300)]
    slices = list(token_import._slices(rows))
    assert rows == [row for some in slices for row in some]
    assert 198 == max(sum(2 + len(row.scratch_codes) for row in some) for some in slices)
    take_over(database, rows)
    assert 300 == len(tokens.all_tokens(database, "alice"))
