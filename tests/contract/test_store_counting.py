"""What every store promises of wrong codes: counted on the account, inside the transaction that decides them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth import throttle
from radius_mfa.auth.asks import WON, Loss, Outcome
from radius_mfa.auth.model import CodeHistory
from radius_mfa.store.sqlite import SqliteStore
from tests.contract.stores import NOW, SqliteStores, digest, step, use, wrong


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
    store.commit([wrong(alice, request=number) for number in range(20)])
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


def test_a_lock_is_decided_in_the_transaction(
    stores: SqliteStores, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong code that locks raises the epoch, so that the right code behind it in the same batch loses."""

    def locking(history: CodeHistory, _digest: bytes, at: float) -> CodeHistory:
        return replace(history, failures=history.failures + 1, locked_until=at + 300)

    monkeypatch.setattr(throttle, "count", locking)
    alice = stores.account("alice")
    assert [WON, Outcome(Loss.ACCOUNT)] == store.commit(
        [wrong(alice, request=1), use(alice, step(alice, 5), request=2)]
    )
    after = stores.load("alice")
    assert (alice.epoch + 1, NOW + 300, 0) == (after.epoch, after.history.locked_until, after.tokens[0].last_step)


def test_a_wrong_code_that_does_not_lock_keeps_the_epoch(stores: SqliteStores, store: SqliteStore) -> None:
    """Counting alone ends nobody's session."""
    alice = stores.account("alice")
    store.commit([wrong(alice)])
    assert alice.epoch == stores.load("alice").epoch
