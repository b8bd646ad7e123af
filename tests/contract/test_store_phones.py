"""Several tokens of an account: one of them is switched off, switched on, or brought into step again."""

from __future__ import annotations

import pytest

from radius_mfa.auth.asks import WON, Loss, UseToken
from radius_mfa.auth.model import TokenStatus
from radius_mfa.errors import OperationFailed
from radius_mfa.store import accounts, queue, sessions, tokens
from radius_mfa.store.database import Database
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tokens import NewToken
from tests.contract.stores import NOW, SECRET, SqliteStores, trusted, use

NEW = NewToken(b"another secret of 20")


@pytest.fixture
def database(stores: SqliteStores) -> Database:
    """alice with an old and a new phone, the tokens 1 and 2; bob with the token 3."""
    stores.account("alice")
    second = tokens.enroll(stores.database, "alice", NEW, expires=NOW + 100)
    tokens.confirm(stores.database, "alice", second, step=0, drift=0)
    stores.account("bob")
    return stores.database


def status(database: Database, name: str = "alice") -> list[str]:
    return [row.status.value for row in tokens.all_tokens(database, name)]


def test_one_of_two_is_switched_off_and_on(stores: SqliteStores, store: SqliteStore, database: Database) -> None:
    """The codes of the old phone are refused from then on, those of the new one are taken; and the other way back."""
    assert 1 == tokens.disable(database, "alice", 1)
    assert ["disabled", "active"] == status(database)
    alice = stores.load("alice")
    outcomes = store.commit([use(alice, UseToken(1, 5, 0), request=1), use(alice, UseToken(2, 5, 0), request=2)])
    assert [Loss.CONSUMED, None] == [outcome.lost for outcome in outcomes]
    assert 1 == tokens.enable(database, "alice", 1)
    assert [WON] == store.commit([use(stores.load("alice"), UseToken(1, 5, 0), request=3)])


def test_without_a_number_all_of_them_are_meant(database: Database) -> None:
    """Both are switched off, and what is switched off already does not count."""
    tokens.disable(database, "alice", 2)
    assert 1 == tokens.disable(database, "alice")
    assert ["disabled", "disabled"] == status(database)
    assert 2 == tokens.enable(database, "alice")
    assert ["active"] == status(database, "bob")


@pytest.mark.parametrize("number", [1, 3, 99])
def test_the_number_has_to_be_one_of_these(database: Database, number: int) -> None:
    """A token that is off already, that of another account, or none at all: refused, and nothing changed."""
    tokens.disable(database, "alice", 1)
    epoch = accounts.get(database, "alice").epoch
    with pytest.raises(OperationFailed, match=f"alice has no token {number} that is active"):
        tokens.disable(database, "alice", number)
    with pytest.raises(OperationFailed, match="alice has no token 2 that is disabled"):
        tokens.enable(database, "alice", 2)
    assert epoch == accounts.get(database, "alice").epoch
    assert ["active"] == status(database, "bob")


def test_a_pending_token_ends_with_the_last_active_one(database: Database) -> None:
    """Beside a phone another may wait for its first code; with the last phone it ends: it would let in past it."""
    tokens.enroll(database, "alice", NewToken(b"a third secret of 20"), expires=NOW + 100)
    tokens.disable(database, "alice", 1)
    assert ["disabled", "active", "pending"] == status(database)
    tokens.disable(database, "alice", 2)
    assert ["disabled", "disabled"] == status(database)


def test_a_token_is_brought_into_step(stores: SqliteStores, store: SqliteStore, database: Database) -> None:
    """It goes on from there with that drift: no code up to it is taken, and that of the other phone is as before."""
    tokens.resync(database, "alice", 2, step=50, drift=-3)
    rows = tokens.all_tokens(database, "alice")
    assert [(0, 0), (50, -3)] == [(row.last_step, row.drift) for row in rows]
    alice = stores.load("alice")
    tried = [use(alice, UseToken(2, at, 0), request=at) for at in (50, 51)]
    assert [Loss.CONSUMED, None] == [outcome.lost for outcome in store.commit(tried)]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_last_step_never_goes_back(database: Database, number: int) -> None:
    """The step that was taken last, a token that is off, and that of another account: refused, and unchanged."""
    tokens.resync(database, "alice", 2, step=50, drift=1)
    tokens.disable(database, "alice", 1)
    before = tokens.all_tokens(database, "alice"), tokens.all_tokens(database, "bob")
    with pytest.raises(OperationFailed, match="taken or passed over before"):
        tokens.resync(database, "alice", number, step=50, drift=2)
    assert before == (tokens.all_tokens(database, "alice"), tokens.all_tokens(database, "bob"))


def test_active_tokens_come_with_their_secrets(database: Database) -> None:
    """Those that take codes, oldest first; with none of them it is said."""
    assert [SECRET, NEW.secret] == [token.secret for token in tokens.active(database, "alice")]
    tokens.disable(database, "alice", 1)
    assert [(2, TokenStatus.ACTIVE)] == [(token.id, token.status) for token in tokens.active(database, "alice")]
    tokens.disable(database, "alice")
    with pytest.raises(OperationFailed, match="alice has no active token"):
        tokens.active(database, "alice")


def begin(database: Database, browser: bytes, name: str = "alice") -> int:
    """A session of the portal; its id."""
    row = accounts.get(database, name)
    assert sessions.begin(database, browser, row.id, row.epoch, code_given=True)
    found = sessions.find(database, browser, idle=1800, lifetime=43200)
    assert found is not None
    return found.id


def living(database: Database, *browsers: bytes) -> list[bool]:
    return [sessions.find(database, one, idle=1800, lifetime=43200) is not None for one in browsers]


def test_a_phone_that_is_removed_takes_along_what_may_rest_on_it(
    stores: SqliteStores, store: SqliteStore, database: Database
) -> None:
    """Trusted devices, and all sessions but the one that asks; those of others stay."""
    trusted(stores, store, stores.load("alice"))
    mine = begin(database, b"mine")
    begin(database, b"a thief's")
    begin(database, b"bob's", "bob")
    tokens.remove(database, "alice", 1, mine)
    assert [(2, "active")] == [(row.id, row.status.value) for row in tokens.all_tokens(database, "alice")]
    assert 0 == accounts.get(database, "alice").devices
    assert [True, False, True] == living(database, b"mine", b"a thief's", b"bob's")


@pytest.mark.parametrize("number", [3, 99])
def test_nobody_removes_the_phone_of_another(database: Database, number: int) -> None:
    """That of another account, or none at all: refused, and nothing ends."""
    begin(database, b"another browser")
    with pytest.raises(OperationFailed, match=f"alice has no token {number}"):
        tokens.remove(database, "alice", number, 0)
    assert ["active", "active"] == status(database)
    assert ["active"] == status(database, "bob")
    assert [True] == living(database, b"another browser")


@pytest.mark.parametrize("other", ["none", "off", "pending"])
def test_the_last_phone_is_not_removed(database: Database, other: str) -> None:
    """One that is off, or waits for its first code, is no other one."""
    tokens.disable(database, "alice", 2)
    if other == "none":
        tokens.remove(database, "alice", 2, 0)
    elif other == "pending":
        tokens.enroll(database, "alice", NewToken(b"a third secret of 20"), expires=NOW + 100)
    before = status(database)
    with pytest.raises(OperationFailed, match="the only authenticator"):
        tokens.remove(database, "alice", 1, 0)
    assert before == status(database)


def test_a_key_that_is_removed_is_not_mailed(database: Database) -> None:
    """Its mail ends with it if it has not left."""
    accounts.change(database, "alice", accounts.Changes(mail="alice@example.com"))
    third = tokens.enroll(database, "alice", NewToken(b"a third secret of 20"), expires=NOW + 100, content="qr")
    assert ["invitation"] == [mail.kind for mail in queue.queue(database)]
    tokens.remove(database, "alice", third, 0)
    assert [] == queue.queue(database)


def test_a_label_is_one_line(database: Database) -> None:
    """What lists cannot show is no label of an authenticator."""
    new = NewToken(b"a third secret of 20", label="two\nlines")
    with pytest.raises(OperationFailed, match="is no label"):
        tokens.enroll(database, "alice", new, expires=NOW + 100)
    assert ["active", "active"] == status(database)
