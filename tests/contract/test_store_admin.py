"""What the admin does to accounts, tokens and codes, and what it means to logins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace

import pytest

from radius_mfa.auth.asks import WON, Loss
from radius_mfa.auth.model import Algorithm, Mfa, TokenKind, TokenStatus
from radius_mfa.errors import OperationFailed
from radius_mfa.store import accounts, codes, tokens
from radius_mfa.store.accounts import Changes, Imported, NewAccount
from radius_mfa.store.database import Database
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tokens import Ended, NewToken
from tests.contract.stores import CODES, NOW, SECRET, SqliteStores, first_step, step, use, wrong

GROWING: dict[str, Callable[[Database], object]] = {
    "password": lambda database: accounts.set_password_hash(database, "alice", "$new"),
    "mail": lambda database: accounts.change(database, "alice", Changes(mail="new@example.com")),
    "groups": lambda database: accounts.change(database, "alice", Changes(groups=frozenset({"new"}))),
    "mfa": lambda database: accounts.change(database, "alice", Changes(mfa=Mfa.REQUIRED)),
    "disable": lambda database: accounts.disable(database, "alice"),
    "unlock": lambda database: accounts.unlock(database, "alice"),
    "token disable": lambda database: tokens.disable(database, "alice"),
    "token reset": lambda database: tokens.reset(database, "alice"),
}
ABSENT: dict[str, Callable[[Database], object]] = {
    **GROWING,
    "get": lambda database: accounts.get(database, "alice"),
    "enable": lambda database: accounts.enable(database, "alice"),
    "delete": lambda database: accounts.delete(database, "alice"),
    "token enroll": lambda database: tokens.enroll(database, "alice", NewToken(SECRET), expires=NOW),
    "token list": lambda database: tokens.all_tokens(database, "alice"),
    "token pending": lambda database: tokens.pending(database, "alice"),
    "token confirm": lambda database: tokens.confirm(database, "alice", 1, step=1, drift=0),
    "token enable": lambda database: tokens.enable(database, "alice"),
    "codes replace": lambda database: codes.replace(database, "alice", CODES),
    "codes add": lambda database: codes.add_one(database, "alice", CODES[0], expires=NOW),
    "codes count": lambda database: codes.count(database, "alice"),
    "codes delete": lambda database: codes.delete(database, "alice"),
}


@pytest.fixture
def database(stores: SqliteStores) -> Database:
    return stores.database


def with_device(stores: SqliteStores) -> None:
    """Give the account a trusted device and a mail that waits, as later issues make them."""
    stores.edit(
        "INSERT INTO device (account_id, kind, client, hash, created, last_used, expires)"
        " SELECT id, 'token', 'pbx', x'00', 0, 0, ? FROM account",
        NOW + 9,
    )
    stores.edit(
        "INSERT INTO outbox (account_id, recipient, kind, body, message_id, created, not_before, expires)"
        " SELECT id, 'a@example.com', 'invitation', x'00', 'm', 0, 0, 9 FROM account"
    )


def test_a_new_account_is_as_it_was_asked_for(database: Database, store: SqliteStore) -> None:
    """What is added is what a list, a look and a login find."""
    new = NewAccount("alice", "a@example.com", frozenset({"ops"}), "de", Mfa.OFF, "$argon2id$x", "pam")
    row = accounts.add(database, new)
    assert (row.name, row.mail, row.groups, row.language) == ("alice", "a@example.com", frozenset({"ops"}), "de")
    assert (row.mfa, row.backend, row.has_password, row.disabled, row.epoch) == (Mfa.OFF, "pam", True, False, 1)
    assert (NOW, NOW, 0, 0) == (row.created, row.changed, row.active_tokens, row.recovery_left)
    assert [row] == accounts.all_accounts(database)
    account = store.load("alice")
    assert account is not None
    assert (account.mfa, account.backend, account.password_hash) == (Mfa.OFF, "pam", "$argon2id$x")
    with pytest.raises(FrozenInstanceError):
        row.name = "bob"  # type: ignore[misc]


def test_a_name_is_taken_once(database: Database) -> None:
    """A second account of the same name is refused, and the hint changes the first."""
    accounts.add(database, NewAccount("alice"))
    with pytest.raises(OperationFailed, match="there is an account alice already") as failure:
        accounts.add(database, NewAccount("alice"))
    assert "change it with: radius-mfa user set alice" == failure.value.hint


@pytest.mark.parametrize("group", ["", "two\nlines", "\x1b[0m"])
def test_a_group_is_one_line_of_text(database: Database, group: str) -> None:
    """A group that could be taken for two, or for none, is refused."""
    with pytest.raises(OperationFailed, match="is no name of a group"):
        accounts.add(database, NewAccount("alice", groups=frozenset({group})))


@pytest.mark.parametrize("act", ABSENT)
def test_an_account_that_is_not_there_is_said(database: Database, act: str) -> None:
    """Every operation on a name without an account ends with the way to see the names."""
    with pytest.raises(OperationFailed, match="there is no account alice") as failure:
        ABSENT[act](database)
    assert "see them with: radius-mfa user list" == failure.value.hint


@pytest.mark.parametrize("act", GROWING)
def test_a_change_that_counts_ends_what_was_loaded_before(
    stores: SqliteStores, store: SqliteStore, database: Database, act: str
) -> None:
    """After it the epoch is another, and a round that had loaded the account before takes no code."""
    alice = stores.account("alice")
    GROWING[act](database)
    assert alice.epoch + 1 == stores.load("alice").epoch
    assert [Loss.ACCOUNT] == [outcome.lost for outcome in store.commit([use(alice, step(alice, 5))])]


def test_a_change_to_the_same_ends_nothing(stores: SqliteStores, database: Database) -> None:
    """Setting what is set already, or the language, leaves every State alive."""
    stores.account("alice")
    accounts.change(database, "alice", Changes("a@example.com", frozenset({"x", "y"}), "en", Mfa.OFF))
    before = accounts.get(database, "alice")
    stores.clock.time += 1
    same = accounts.change(database, "alice", Changes("a@example.com", frozenset({"y", "x"}), "en", Mfa.OFF))
    other = accounts.change(database, "alice", Changes(language="de"))
    assert before == same
    assert replace(before, language="de", changed=NOW + 1) == other


def test_an_empty_text_empties(stores: SqliteStores, database: Database) -> None:
    """Mail, language and groups can be taken away again; what is not given stays."""
    stores.account("alice")
    accounts.change(database, "alice", Changes("a@example.com", frozenset({"x"}), "en", Mfa.OFF))
    row = accounts.change(database, "alice", Changes(mail="", groups=frozenset(), language=""))
    assert (None, frozenset(), None, Mfa.OFF) == (row.mail, row.groups, row.language, row.mfa)


def test_disabled_and_enabled_once(stores: SqliteStores, database: Database) -> None:
    """Each works once; saying it again is told."""
    stores.account("alice")
    accounts.disable(database, "alice")
    assert stores.load("alice").disabled
    with pytest.raises(OperationFailed, match="disabled already"):
        accounts.disable(database, "alice")
    accounts.enable(database, "alice")
    assert not stores.load("alice").disabled
    with pytest.raises(OperationFailed, match="not disabled"):
        accounts.enable(database, "alice")


@pytest.mark.parametrize("act", [accounts.unlock, tokens.reset])
def test_row_and_window_are_forgotten(
    stores: SqliteStores, store: SqliteStore, database: Database, act: Callable[[Database, str], object]
) -> None:
    """Unlock and reset clear the row, the window, the lock and the counted datagrams."""
    alice = stores.account("alice")
    store.commit([wrong(alice)])
    stores.edit("UPDATE account SET locked_until = ?", NOW + 9)
    act(database, "alice")
    history = stores.load("alice").history
    assert (0, 0, 0.0, 0.0, ()) == (
        history.failures,
        history.window_failures,
        history.window_started,
        history.locked_until,
        history.counted,
    )


def test_a_deleted_account_leaves_nothing(stores: SqliteStores, database: Database) -> None:
    """Tokens, codes, devices and mail go with it, and its number is not given again."""
    alice = stores.account("alice")
    with_device(stores)
    accounts.delete(database, "alice")
    left = [line for line in stores.dump() if line.startswith("INSERT INTO") and "alembic" not in line]
    assert [] == [line for line in left if "data_key" not in line and "sqlite_sequence" not in line]
    assert stores.account("alice").id > alice.id


def test_an_import_goes_in_slices(database: Database) -> None:
    """More rows than a slice are all made; names that are there are skipped if that is wished."""
    accounts.add(database, NewAccount("user7"))
    rows = [NewAccount(f"user{number}") for number in range(2 * accounts.SLICE + 1)]
    assert Imported(2 * accounts.SLICE, 1) == accounts.import_accounts(database, rows, skip_existing=True)
    assert 2 * accounts.SLICE + 1 == len(accounts.all_accounts(database))
    assert {"user1", "user2000"} == accounts.existing(database, ["user1", "nobody", "user2000"])


@pytest.mark.parametrize("names", [["bob", "alice"], ["bob", "bob"]])
def test_an_import_with_a_name_that_is_taken_makes_nothing(database: Database, names: list[str]) -> None:
    """A name that is there, or twice in the list, is told before anything is written."""
    accounts.add(database, NewAccount("alice"))
    with pytest.raises(OperationFailed, match=r"alice|bob is in the list more than once"):
        accounts.import_accounts(database, [NewAccount(name) for name in names])
    assert ["alice"] == [row.name for row in accounts.all_accounts(database)]


def test_a_token_is_pending_until_its_first_code(stores: SqliteStores, database: Database, store: SqliteStore) -> None:
    """Enrolled it is pending with its secret; confirmed it is active, and the step is taken."""
    accounts.add(database, NewAccount("alice"))
    new = NewToken(SECRET, TokenKind.HOTP, 6, Algorithm.SHA256, 60, 4, "phone")
    identity = tokens.enroll(database, "alice", new, expires=NOW + 10)
    (row,) = tokens.all_tokens(database, "alice")
    assert (identity, TokenStatus.PENDING, "phone", 4, NOW + 10) == (
        row.id,
        row.status,
        row.label,
        row.last_step,
        row.expires,
    )
    waiting = tokens.pending(database, "alice")
    assert (SECRET, TokenKind.HOTP, Algorithm.SHA256, 60) == (
        waiting.secret,
        waiting.kind,
        waiting.algorithm,
        waiting.period,
    )
    tokens.confirm(database, "alice", identity, step=5, drift=1)
    alice = stores.load("alice")
    assert (TokenStatus.ACTIVE, 5, 1, None) == (
        alice.tokens[0].status,
        alice.tokens[0].last_step,
        alice.tokens[0].drift,
        alice.tokens[0].expires,
    )
    assert [Loss.CONSUMED] == [outcome.lost for outcome in store.commit([use(alice, step(alice, 5))])]


@pytest.mark.parametrize("step_of", [4, 5])
def test_what_is_not_pending_is_not_confirmed(stores: SqliteStores, database: Database, step_of: int) -> None:
    """An expired token, one that is active already, and one of another account are refused."""
    accounts.add(database, NewAccount("bob"))
    accounts.add(database, NewAccount("alice"))
    identity = tokens.enroll(database, "alice", NewToken(SECRET), expires=NOW + 10)
    stores.clock.time = NOW + 10
    with pytest.raises(OperationFailed, match="alice has no pending token"):
        tokens.pending(database, "alice")
    with pytest.raises(OperationFailed, match="alice has no pending token"):
        tokens.confirm(database, "alice", identity, step=step_of, drift=0)
    stores.clock.time = NOW
    with pytest.raises(OperationFailed, match="bob has no pending token"):
        tokens.confirm(database, "bob", identity, step=step_of, drift=0)
    tokens.confirm(database, "alice", identity, step=5, drift=0)
    with pytest.raises(OperationFailed, match="alice has no pending token"):
        tokens.confirm(database, "alice", identity, step=6, drift=0)


def test_one_pending_token_an_account(stores: SqliteStores, database: Database) -> None:
    """Enrolling again puts a new pending token in the place of the old, and leaves the active ones."""
    stores.account("alice")
    tokens.enroll(database, "alice", NewToken(b"first" * 4), expires=NOW + 10)
    second = tokens.enroll(database, "alice", NewToken(b"other" * 4), expires=NOW + 10)
    assert (second, b"other" * 4) == (tokens.pending(database, "alice").id, tokens.pending(database, "alice").secret)
    assert [TokenStatus.ACTIVE, TokenStatus.PENDING] == [row.status for row in tokens.all_tokens(database, "alice")]
    with pytest.raises(Exception, match="UNIQUE"):
        stores.edit("UPDATE token SET status = 'pending'")


def test_tokens_of_an_account_have_one_number_of_digits(stores: SqliteStores, database: Database) -> None:
    """Another number of digits is refused beside an active or disabled token, and the pending one is still there."""
    stores.account("alice")
    tokens.disable(database, "alice")
    waiting = tokens.enroll(database, "alice", NewToken(SECRET), expires=NOW + 10)
    with pytest.raises(OperationFailed, match="the tokens of alice have 6 digits, not 8"):
        tokens.enroll(database, "alice", NewToken(SECRET, digits=8), expires=NOW + 10)
    assert waiting == tokens.pending(database, "alice").id


def test_a_disabled_token_takes_no_code_until_it_is_enabled(
    stores: SqliteStores, store: SqliteStore, database: Database
) -> None:
    """Disable switches off and ends devices; enable takes codes again, though none that was used."""
    stores.account("alice")
    with_device(stores)
    assert 1 == tokens.disable(database, "alice")
    off = stores.load("alice")
    assert [Loss.CONSUMED] == [outcome.lost for outcome in store.commit([use(off, step(off, 5))])]
    with pytest.raises(OperationFailed, match="alice has no active token"):
        tokens.disable(database, "alice")
    assert 1 == tokens.enable(database, "alice")
    alice = stores.load("alice")
    assert [WON] == store.commit([use(alice, step(alice, 5))])
    assert 0 == accounts.get(database, "alice").devices


def test_a_reset_ends_the_whole_second_factor(stores: SqliteStores, database: Database) -> None:
    """Tokens, pending token, codes, devices and queued mail go; mail that was sent and the account stay."""
    stores.account("alice")
    tokens.enroll(database, "alice", NewToken(SECRET), expires=NOW + 10)
    with_device(stores)
    stores.edit(
        "INSERT INTO outbox (account_id, recipient, kind, body, message_id, created, not_before, sent_at, expires)"
        " SELECT id, 'a@example.com', 'invitation', x'00', 'sent', 0, 0, 1, 9 FROM account"
    )
    assert Ended(tokens=2, recovery_codes=3, devices=1, mails=1) == tokens.reset(database, "alice")
    after = stores.load("alice")
    assert ((), 0, False) == (after.tokens, after.recovery_left, after.recovery_issued)
    mails = [line for line in stores.dump() if line.startswith('INSERT INTO "outbox"')]
    assert [True] == ["'sent'" in mail for mail in mails]


def test_a_password_change_ends_devices(stores: SqliteStores, database: Database) -> None:
    """What trusted the old password is gone."""
    stores.account("alice")
    with_device(stores)
    assert 1 == accounts.get(database, "alice").devices
    accounts.set_password_hash(database, "alice", "$new")
    assert 0 == accounts.get(database, "alice").devices


def test_a_new_set_of_codes_ends_the_old(stores: SqliteStores, store: SqliteStore, database: Database) -> None:
    """After `replace` only the new codes are found; one more leaves them."""
    alice = stores.account("alice")
    codes.replace(database, "alice", ["ZZZZZZZZZZZZZZZZ"])
    assert store.find_recovery_code(alice.id, CODES[0]) is None
    codes.add_one(database, "alice", CODES[1], expires=NOW + 10)
    assert 2 == codes.count(database, "alice")
    stores.clock.time = NOW + 10
    assert 1 == codes.count(database, "alice")


def test_deleted_codes_are_gone(stores: SqliteStores, database: Database) -> None:
    """`delete` says how many there were, and that there are none the next time."""
    stores.account("alice")
    assert 3 == codes.delete(database, "alice")
    assert 0 == codes.count(database, "alice")
    with pytest.raises(OperationFailed, match="alice has no recovery codes"):
        codes.delete(database, "alice")


def test_a_first_code_races_the_admin(stores: SqliteStores, store: SqliteStore, database: Database) -> None:
    """A pending token that was replaced while its first code was on the way is not activated."""
    alice = stores.account("alice", pending=True)
    tokens.enroll(database, "alice", NewToken(SECRET), expires=NOW + 10)
    assert [Loss.CONSUMED] == [outcome.lost for outcome in store.commit([use(alice, first_step(alice, 5))])]
