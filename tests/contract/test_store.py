"""What every store promises to a login: the write set of a round, in order, and what becomes of a loser."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.asks import WON, Consumption, Loss, Outcome, UseRecoveryCode, UseToken
from radius_mfa.auth.model import INVALID_STATE, RecoveryCode, TokenStatus
from radius_mfa.store import accounts, codes, tokens
from radius_mfa.store.accounts import Changes
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tokens import NewToken
from tests.contract.stores import (
    CODES,
    NOW,
    SECRET,
    SqliteStores,
    code,
    first_step,
    state,
    step,
    use,
    wrong,
)

LOST_STEP = Outcome(Loss.CONSUMED)


def test_nobody_is_not_an_account(store: SqliteStore) -> None:
    """A name without an account loads None."""
    assert store.load("nobody") is None


def test_an_account_comes_with_all_a_round_needs(stores: SqliteStores, store: SqliteStore) -> None:
    """Loading brings the account, its tokens with open secrets and the number of its usable codes."""
    stores.account("alice")
    accounts.change(stores.database, "alice", Changes(mail="a@example.com", groups=frozenset({"ops", "pbx admins"})))
    accounts.set_password_hash(stores.database, "alice", "$argon2id$x")
    tokens.enroll(stores.database, "alice", NewToken(b"second" * 4), expires=NOW + 9)

    account = store.load("alice")

    assert account is not None
    assert (account.name, account.mail, account.password_hash) == ("alice", "a@example.com", "$argon2id$x")
    assert frozenset({"ops", "pbx admins"}) == account.groups
    assert [(SECRET, TokenStatus.ACTIVE, None), (b"second" * 4, TokenStatus.PENDING, NOW + 9)] == [
        (token.secret, token.status, token.expires) for token in account.tokens
    ]
    assert (3, True) == (account.recovery_left, account.recovery_issued)


def test_an_account_without_token_or_codes_loads(stores: SqliteStores, store: SqliteStore) -> None:
    """An account with nothing hanging on it loads with no tokens, no codes, and none ever issued."""
    accounts.add(stores.database, accounts.NewAccount("bob"))
    account = store.load("bob")
    assert account is not None
    assert ((), 0, False, frozenset()) == (
        account.tokens,
        account.recovery_left,
        account.recovery_issued,
        account.groups,
    )


def test_a_step_is_taken_once(stores: SqliteStores, store: SqliteStore) -> None:
    """The second round of the same step loses."""
    alice = stores.account("alice")
    assert [WON] == store.commit([use(alice, step(alice, 7), request=1)])
    assert [LOST_STEP] == store.commit([use(alice, step(alice, 7), request=2)])


def test_a_step_before_the_last_one_is_lost(stores: SqliteStores, store: SqliteStore) -> None:
    """After a newer step an older one is not taken, though it never was."""
    alice = stores.account("alice")
    store.commit([use(alice, step(alice, 8, drift=1), request=1)])
    assert [LOST_STEP] == store.commit([use(alice, step(alice, 7), request=2)])
    token = stores.load("alice").tokens[0]
    assert (8, 1) == (token.last_step, token.drift)


def test_a_batch_is_written_in_order(stores: SqliteStores, store: SqliteStore) -> None:
    """In one batch each round sees what came before it."""
    alice = stores.account("alice")
    writes = [use(alice, step(alice, number), request=request) for request, number in enumerate([5, 5, 4, 6])]
    assert [WON, LOST_STEP, LOST_STEP, WON] == store.commit(writes)


def test_another_account_has_its_own_steps(stores: SqliteStores, store: SqliteStore) -> None:
    """The same step of two accounts is two steps."""
    alice, bob = stores.account("alice"), stores.account("bob")
    assert [WON, WON] == store.commit([use(alice, step(alice, 5)), use(bob, step(bob, 5))])


def test_the_row_of_another_account_is_never_consumed(stores: SqliteStores, store: SqliteStore) -> None:
    """A token or code is only taken by the account it belongs to."""
    alice, bob = stores.account("alice"), stores.account("bob")
    writes = [use(bob, step(alice, 5)), use(bob, code(store, alice))]
    assert [LOST_STEP, LOST_STEP] == store.commit(writes)


@pytest.mark.parametrize("status", [TokenStatus.PENDING, TokenStatus.DISABLED])
def test_only_an_active_token_is_used(stores: SqliteStores, store: SqliteStore, status: TokenStatus) -> None:
    """A step of a pending or disabled token is not taken as one of an active."""
    alice = stores.account("alice")
    stores.edit("UPDATE token SET status = ?", status.value)
    assert [LOST_STEP] == store.commit([use(alice, step(alice, 5))])


def test_the_first_step_activates_a_pending_token(stores: SqliteStores, store: SqliteStore) -> None:
    """A pending token becomes active with its first step, expires no more, and that step is taken."""
    alice = stores.account("alice", pending=True)
    assert [WON, LOST_STEP] == store.commit(
        [use(alice, first_step(alice, 5), request=1), use(alice, first_step(alice, 6), request=2)]
    )
    token = stores.load("alice").tokens[0]
    assert (TokenStatus.ACTIVE, 5, None) == (token.status, token.last_step, token.expires)


def test_a_pending_token_that_has_expired_stays_pending(stores: SqliteStores, store: SqliteStore) -> None:
    """At its expiry a pending token is not activated any more; a moment before it is."""
    alice = stores.account("alice", pending=True)
    expires = alice.tokens[0].expires or 0
    assert [LOST_STEP] == store.commit([use(alice, first_step(alice, 5), at=expires)])
    assert TokenStatus.PENDING == stores.load("alice").tokens[0].status
    assert [WON] == store.commit([use(alice, first_step(alice, 5), at=expires - 0.001)])


def test_a_recovery_code_is_taken_once(stores: SqliteStores, store: SqliteStore) -> None:
    """A used code is found, not usable, not counted as left, and lost."""
    alice = stores.account("alice")
    taken = code(store, alice)
    assert [WON, LOST_STEP] == store.commit([use(alice, taken, request=1), use(alice, taken, request=2)])
    assert RecoveryCode(taken.code_id, usable=False) == store.find_recovery_code(alice.id, CODES[0])
    assert 2 == stores.load("alice").recovery_left


def test_ten_codes_are_ten_logins(stores: SqliteStores, store: SqliteStore) -> None:
    """Different codes in one batch are all taken."""
    ten = [f"ABCDEFGHIJKLMN2{letter}" for letter in "ABCDEFGHIJ"]
    alice = stores.account("alice", codes_of=ten)
    writes = [use(alice, code(store, alice, text), request=number) for number, text in enumerate(ten)]
    assert [WON] * 10 == store.commit(writes)
    assert 0 == stores.load("alice").recovery_left


def test_a_recovery_code_of_another_account_is_not_found(stores: SqliteStores, store: SqliteStore) -> None:
    """A code hangs on its account: the same text is no code of another."""
    alice, bob = stores.account("alice"), stores.account("bob", codes_of=["ZZZZZZZZZZZZZZZZ"])
    assert store.find_recovery_code(alice.id, CODES[0]) is not None
    assert store.find_recovery_code(bob.id, CODES[0]) is None


def test_an_expired_recovery_code_is_lost(stores: SqliteStores, store: SqliteStore) -> None:
    """A code with an expiry is usable before it and lost at it."""
    alice = stores.account("alice", codes_of=[])
    codes.add_one(stores.database, "alice", CODES[0], expires=NOW + 10)
    taken = code(store, alice)
    stores.clock.time = NOW + 10
    assert RecoveryCode(taken.code_id, usable=False) == store.find_recovery_code(alice.id, CODES[0])
    assert 0 == stores.load("alice").recovery_left
    assert [LOST_STEP] == store.commit([use(alice, taken, at=NOW + 10)])
    assert [WON] == store.commit([use(alice, taken, at=NOW + 9.999)])


def test_a_state_is_spent_once(stores: SqliteStores, store: SqliteStore) -> None:
    """The second verdict on a State loses, whatever it would have been."""
    alice = stores.account("alice")
    one = state(alice, 1)
    assert [WON] == store.commit([use(alice, spend=one, request=1)])
    assert [Outcome(Loss.STATE)] * 2 == store.commit(
        [use(alice, step(alice, 5), spend=one, request=2), wrong(alice, spend=one, request=3)]
    )
    assert (0, 0) == (stores.load("alice").tokens[0].last_step, stores.load("alice").history.failures)


def test_a_state_is_named_by_nonce_and_expiry(stores: SqliteStores, store: SqliteStore) -> None:
    """Another nonce is another State."""
    alice = stores.account("alice")
    writes = [use(alice, spend=state(alice, 1)), use(alice, spend=state(alice, 2))]
    assert [WON, WON] == store.commit(writes)


def test_an_expired_state_is_lost_by_definition(stores: SqliteStores, store: SqliteStore) -> None:
    """At its expiry a State is lost, and nothing is written for it; a moment before it is won."""
    alice = stores.account("alice")
    old = state(alice, 1, expires=NOW + 120)
    assert [Outcome(Loss.STATE)] == store.commit([use(alice, step(alice, 5), spend=old, at=NOW + 120)])
    assert (0, 0) == (stores.spent(), stores.load("alice").tokens[0].last_step)
    assert [WON] == store.commit([use(alice, step(alice, 5), spend=old, at=NOW + 119.999)])


def test_a_state_that_did_not_open_is_lost(stores: SqliteStores, store: SqliteStore) -> None:
    """INVALID_STATE spends nothing and loses."""
    alice = stores.account("alice")
    assert [Outcome(Loss.STATE)] == store.commit([wrong(alice, spend=INVALID_STATE)])
    assert (0, 0) == (stores.spent(), stores.load("alice").history.failures)


def test_a_state_stays_spent_when_the_step_is_lost(stores: SqliteStores, store: SqliteStore) -> None:
    """What a round wrote before the statement that lost stays written."""
    alice = stores.account("alice")
    store.commit([use(alice, step(alice, 5), request=1)])
    one = state(alice, 1)
    assert [LOST_STEP] == store.commit([use(alice, step(alice, 5), spend=one, request=2)])
    assert [Outcome(Loss.STATE)] == store.commit([use(alice, step(alice, 6), spend=one, request=3)])


@pytest.mark.parametrize(
    "change",
    ["disabled = 1", f"locked_until = {NOW + 0.001}", "epoch = epoch + 1"],
)
@pytest.mark.parametrize("kind", ["token", "pending", "recovery code"])
def test_nothing_is_consumed_by_an_account_that_changed(
    stores: SqliteStores, store: SqliteStore, change: str, kind: str
) -> None:
    """Disabled, locked or of another epoch since it was loaded: the account loses and nothing is taken."""
    alice = stores.account("alice", pending=kind == "pending")
    consumptions: dict[str, Consumption] = {
        "token": step(alice, 5),
        "pending": first_step(alice, 5),
        "recovery code": code(store, alice),
    }
    stores.edit(f"UPDATE account SET {change}")
    assert [Outcome(Loss.ACCOUNT)] == store.commit([use(alice, consumptions[kind])])
    after = stores.load("alice")
    assert (alice.tokens, 3) == (after.tokens, after.recovery_left)


def test_a_lock_that_has_ended_holds_nobody(stores: SqliteStores, store: SqliteStore) -> None:
    """From `locked_until` on codes are taken again."""
    alice = stores.account("alice")
    stores.edit("UPDATE account SET locked_until = ?", NOW)
    assert [WON] == store.commit([use(alice, step(alice, 5))])


def test_a_deleted_account_loses(stores: SqliteStores, store: SqliteStore) -> None:
    """Deleted while its rounds were at work: neither a code is taken nor a wrong one counted."""
    alice = stores.account("alice")
    accounts.delete(stores.database, "alice")
    assert [Outcome(Loss.ACCOUNT)] * 2 == store.commit([use(alice, step(alice, 5)), wrong(alice)])


def test_a_retransmission_gets_the_stored_reply(stores: SqliteStores, store: SqliteStore) -> None:
    """The datagram that consumed a step, a pending token or a code finds its reply in that row, at any worker."""
    alice, bob = stores.account("alice"), stores.account("bob", pending=True)
    first = [
        use(alice, step(alice, 5), spend=state(alice, 1), request=1, reply=b"one"),
        use(bob, first_step(bob, 5), request=2, reply=b"two"),
        use(alice, code(store, alice), request=3, reply=b"three"),
    ]
    assert [WON] * 3 == store.commit(first)
    assert [
        Outcome(Loss.STATE, b"one"),
        Outcome(Loss.CONSUMED, b"two"),
        Outcome(Loss.CONSUMED, b"three"),
    ] == stores.store().commit(first)


def test_another_datagram_gets_no_stored_reply(stores: SqliteStores, store: SqliteStore) -> None:
    """Only the digest of the very datagram finds the reply, and only in rows of its own account."""
    alice, bob = stores.account("alice"), stores.account("bob")
    store.commit([use(alice, step(alice, 5), request=1), use(bob, step(bob, 9), request=2)])
    assert [LOST_STEP, LOST_STEP] == store.commit(
        [use(alice, step(alice, 5), request=2), use(bob, step(bob, 5), request=1)]
    )


@pytest.mark.parametrize(("later", "stored"), [(30.0, b"reply"), (30.001, None), (-30.001, None)])
def test_a_stored_reply_lives_for_thirty_seconds(
    stores: SqliteStores, store: SqliteStore, later: float, stored: bytes | None
) -> None:
    """A reply is given again up to 30 seconds after its request."""
    alice = stores.account("alice")
    store.commit([use(alice, step(alice, 5))])
    assert [Outcome(Loss.CONSUMED, stored)] == store.commit([use(alice, step(alice, 5), at=NOW + later)])


def test_a_round_without_a_reply_stores_none(stores: SqliteStores, store: SqliteStore) -> None:
    """Rounds of doors that keep no reply, or have no digest, never find one of another."""
    alice = stores.account("alice")
    silent = replace(use(alice, step(alice, 5)), reply=b"")
    nameless = use(alice, step(alice, 6))
    nameless = replace(nameless, commit=replace(nameless.commit, digest=b""))
    assert [WON, LOST_STEP, WON, LOST_STEP] == store.commit([silent, silent, nameless, nameless])


def test_a_state_killed_by_a_wrong_code_never_gives_an_accept(stores: SqliteStores, store: SqliteStore) -> None:
    """The right code on a State that a wrong one has spent loses, its step stays unused, and so does its repetition."""
    alice = stores.account("alice")
    one = state(alice, 1)
    right = use(alice, step(alice, 5), spend=one, request=2)
    assert [WON, Outcome(Loss.STATE)] == store.commit([wrong(alice, spend=one, request=1), right])
    assert [Outcome(Loss.STATE)] == stores.store().commit([right])
    assert 0 == stores.load("alice").tokens[0].last_step


def test_an_empty_batch_is_nothing(stores: SqliteStores, store: SqliteStore) -> None:
    """Nothing to write, nothing written."""
    before = stores.version()
    assert [] == store.commit([])
    assert before == stores.version()


def test_a_plain_round_writes_the_consumed_row_alone(stores: SqliteStores, store: SqliteStore) -> None:
    """A right code without a State changes one row of one table."""
    alice = stores.account("alice")
    before = set(stores.dump())
    store.commit([use(alice, step(alice, 5))])
    changed = set(stores.dump()) - before
    assert 1 == len(changed)
    assert changed.pop().startswith('INSERT INTO "token"')


def test_rows_that_are_not_there_are_lost(stores: SqliteStores, store: SqliteStore) -> None:
    """A token or code that was ended meanwhile is lost like a used one."""
    alice = stores.account("alice")
    assert [LOST_STEP, LOST_STEP] == store.commit([use(alice, UseToken(99, 5, 0)), use(alice, UseRecoveryCode(99))])
