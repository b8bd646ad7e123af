"""What every store promises of wrong codes: counted on the account, inside the transaction that decides them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.asks import WON, Ended, Loss, Outcome
from radius_mfa.auth.model import CodeHistory, TokenStatus
from radius_mfa.auth.throttle import Lockout
from radius_mfa.errors import OperationFailed
from radius_mfa.ports import Write
from radius_mfa.store import devices, tokens
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tokens import NewToken
from tests.contract.stores import NOW, SqliteStores, digest, step, trusted, use, wrong


def test_wrong_codes_are_counted_on_the_account(stores: SqliteStores, store: SqliteStore) -> None:
    """Each wrong code adds to the row and the window, and its digest is remembered, over all rounds of a batch."""
    alice = stores.account("alice")
    assert [WON] * 3 == store.commit([wrong(alice, request=number, at=NOW + number) for number in (1, 2, 3)])
    assert CodeHistory(3, 3, NOW + 1, 0.0, (digest(1), digest(2), digest(3))) == stores.load("alice").history


def test_a_repeated_wrong_code_is_counted_once(stores: SqliteStores, store: SqliteStore) -> None:
    """A datagram among those that were counted changes nothing."""
    alice = stores.account("alice")
    store.commit([wrong(alice, request=1)])
    before = stores.version()
    assert [WON] == store.commit([wrong(alice, request=1, at=NOW + 1)])
    assert before == stores.version()


def test_the_last_sixteen_datagrams_are_remembered(stores: SqliteStores, store: SqliteStore) -> None:
    """The row of counted digests does not grow without end."""
    alice = stores.account("alice")
    patient = Lockout(after=1000, per_window=1000)
    store.commit([Write(replace(wrong(alice, request=n).commit, wrong_code=patient)) for n in range(20)])
    history = stores.load("alice").history
    assert tuple(digest(number) for number in range(4, 20)) == history.counted
    assert 20 == history.failures


def test_a_right_code_ends_the_row_and_not_the_window(stores: SqliteStores, store: SqliteStore) -> None:
    """A consumption sets the failures to 0; window and lock stay."""
    alice = stores.account("alice")
    store.commit([wrong(alice, request=1), use(alice, step(alice, 5), request=2)])
    assert CodeHistory(0, 1, NOW, 0.0, (digest(1),)) == stores.load("alice").history


def test_a_lost_code_leaves_the_row(stores: SqliteStores, store: SqliteStore) -> None:
    """A used code does not set the failures back."""
    alice = stores.account("alice")
    store.commit(
        [use(alice, step(alice, 5), request=1), wrong(alice, request=2), use(alice, step(alice, 5), request=3)]
    )
    assert 1 == stores.load("alice").history.failures


def test_a_lock_is_decided_in_the_transaction(stores: SqliteStores, store: SqliteStore) -> None:
    """The fifth wrong code raises the epoch and ends devices, so that the right code behind it in the batch loses."""
    alice = stores.account("alice")
    trusted(stores, store, alice)
    lost = [*[WON] * 4, Outcome(ended=Ended.LOCKED), Outcome(Loss.LOCKED), Outcome(Loss.ACCOUNT)]
    writes = [wrong(alice, request=number) for number in range(6)]
    assert lost == store.commit([*writes, use(alice, step(alice, 5), request=7)])
    after = stores.load("alice")
    assert (alice.epoch + 1, NOW + 300, 1) == (after.epoch, after.history.locked_until, after.tokens[0].last_step)
    assert 5 == after.history.failures, "what came while it was locked is not counted"
    assert [] == devices.all_devices(stores.database, "alice")


def test_a_hundred_in_a_row_disable_every_token(stores: SqliteStores, store: SqliteStore) -> None:
    """Active and pending ones: no code of the account lets in until an admin has looked at it."""
    alice = stores.account("alice")
    tokens.enroll(stores.database, "alice", NewToken(b"x" * 20), expires=NOW + 600)
    stores.edit("UPDATE account SET failures = 98")
    patient = Lockout(after=1000, per_window=1000)
    first, last = (replace(wrong(alice, request=number).commit, wrong_code=patient) for number in (1, 2))
    assert [WON, Outcome(ended=Ended.DISABLED)] == store.commit([Write(first), Write(last)])
    after = stores.load("alice")
    assert {TokenStatus.DISABLED} == {token.status for token in after.tokens}
    assert (2, alice.epoch + 1) == (len(after.tokens), after.epoch)


def test_tokens_that_are_enabled_again_begin_without_a_row(stores: SqliteStores, store: SqliteStore) -> None:
    """Else the next wrong code would disable them again."""
    alice = stores.account("alice")
    store.commit([Write(replace(wrong(alice).commit, wrong_code=Lockout(disable_after=1)))])
    tokens.enable(stores.database, "alice")
    assert CodeHistory() == stores.load("alice").history


def test_a_judged_datagram_is_remembered_and_counts_nothing(stores: SqliteStores, store: SqliteStore) -> None:
    """Its digest joins the counted ones; a lock that came meanwhile is told."""
    alice = stores.account("alice")
    judged = replace(wrong(alice, request=7).commit, wrong_code=None, judged=True)
    assert [WON, WON] == store.commit([Write(judged), Write(judged)])
    assert CodeHistory(counted=(digest(7),)) == stores.load("alice").history
    stores.edit("UPDATE account SET locked_until = ?", NOW + 1)
    assert [Outcome(Loss.LOCKED)] == store.commit([Write(judged)])


def test_a_pending_token_that_was_disabled_is_never_switched_on(stores: SqliteStores, store: SqliteStore) -> None:
    """Its first code has never come: `token enable` leaves it as it is."""
    alice = stores.account("alice", pending=True)
    store.commit([Write(replace(wrong(alice).commit, wrong_code=Lockout(disable_after=1)))])
    with pytest.raises(OperationFailed):
        tokens.enable(stores.database, "alice")
    assert [TokenStatus.DISABLED] == [token.status for token in stores.load("alice").tokens]


def test_a_wrong_code_that_does_not_lock_keeps_the_epoch(stores: SqliteStores, store: SqliteStore) -> None:
    """Counting alone ends nobody's session."""
    alice = stores.account("alice")
    store.commit([wrong(alice)])
    assert alice.epoch == stores.load("alice").epoch
