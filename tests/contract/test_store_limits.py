"""Invitations where it gets tight: many at once, what counts for a limit, and what a round without mail costs."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import pytest

from radius_mfa.auth.asks import Commit, Invite, InviteAgain, Loss
from radius_mfa.ports import Write
from radius_mfa.store import mail_statements, tokens
from radius_mfa.store.connection import connect
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tokens import NewToken
from tests.contract.stores import NOW, SECRET, SqliteStores, accepted, digest, state, step, use
from tests.contract.test_store_invite import DAY, INVITE, lost, mail, mails, newcomer
from tests.contract.test_store_mailing import enrolled, notice
from tests.contract.test_store_order import PARALLEL, both


def test_ten_thousand_first_passwords_bring_one_mail(stores: SqliteStores, store: SqliteStore) -> None:
    """Each of them wins, and the token that was made for the first stays."""
    alice = newcomer(stores)
    for second in range(100):
        batch = [mail(alice, INVITE, at=NOW + second, request=number) for number in range(100)]
        assert {None} == {outcome.lost for outcome in store.commit(batch)}
    assert [NOW] == [one.created for one in mails(stores)]
    assert 1 == len(stores.load("alice").tokens)


def test_processes_that_invite_at_once_send_one_mail(stores: SqliteStores) -> None:
    """Two processes with 500 invitations each to the same account make one token and one mail between them."""
    alice = newcomer(stores)
    assert Counter({None: 2 * 2 * PARALLEL}) == both(stores, lambda _: [mail(alice, INVITE)])
    assert (1, 1) == (len(mails(stores)), len(stores.load("alice").tokens))


def test_processes_that_invite_at_once_keep_to_the_limit(stores: SqliteStores) -> None:
    """Two processes with tokens that end at once queue as many mails as the limit says between them."""
    alice = newcomer(stores)
    won = both(stores, lambda _: [mail(alice, Invite(ends=NOW, per_day=7))])
    assert 7 == won[None] == len(mails(stores))
    assert {None, Loss.MAIL_LIMIT} == set(won)


def test_notices_count_for_no_limit(stores: SqliteStores, store: SqliteStore) -> None:
    """However much its owner is told, an account that is reset can be invited."""
    alice = enrolled(stores)
    assert [None] * 9 == [lost(store, notice(alice, number)) for number in range(1, 10)]
    stores.edit("UPDATE outbox SET sent_at = ?", NOW)
    stores.edit("DELETE FROM token")
    assert lost(store, mail(stores.load("alice"), Invite(NOW + DAY, per_day=1, per_minute=1))) is None


def test_the_invitation_of_an_admin_has_no_limit_and_counts(stores: SqliteStores, store: SqliteStore) -> None:
    """Who has sent one by hand has used up one of the day, and of the minute."""
    alice, bob = newcomer(stores), newcomer(stores, "bob")
    for number in range(3):
        tokens.enroll(stores.database, "alice", NewToken(SECRET), expires=NOW + number, content="qr")
        stores.edit("UPDATE outbox SET sent_at = ?", NOW)
    stores.clock.time = NOW + 3
    assert Loss.MAIL_LIMIT is lost(store, mail(alice, Invite(NOW + DAY, per_day=3), at=NOW + 3))
    assert Loss.MAIL_LIMIT is lost(store, mail(bob, Invite(NOW + DAY, per_minute=3), at=NOW + 3))
    assert lost(store, mail(bob, Invite(NOW + DAY, per_minute=4), at=NOW + 3)) is None


def test_sending_again_keeps_to_the_limit_of_a_minute(stores: SqliteStores, store: SqliteStore) -> None:
    """`mail` typed by many counts like their first invitations."""
    alice = newcomer(stores)
    store.commit([mail(alice, INVITE), mail(newcomer(stores, "bob"), INVITE, at=NOW + 30)])
    again = InviteAgain(NOW + 30, per_minute=1)
    assert Loss.MAIL_LIMIT is lost(store, mail(alice, again, at=NOW + 89))
    assert lost(store, mail(alice, again, at=NOW + 90)) is None


def test_each_mail_makes_the_next_one_wait(stores: SqliteStores, store: SqliteStore) -> None:
    """The wait runs from the last invitation, be it the first or one that was asked for; that second is over."""
    alice = newcomer(stores)
    store.commit([mail(alice, INVITE), mail(alice, InviteAgain(NOW), at=NOW + 600)])
    assert Loss.TOO_SOON is lost(store, mail(alice, InviteAgain(NOW + 599), at=NOW + 1199))
    assert lost(store, mail(alice, InviteAgain(NOW + 600), at=NOW + 1200)) is None


@pytest.mark.parametrize("limit", [InviteAgain(NOW - 600), InviteAgain(NOW, per_day=1)])
def test_a_state_is_spent_though_no_mail_is_sent(stores: SqliteStores, store: SqliteStore, limit: InviteAgain) -> None:
    """`mail` typed too early, or past the limit, uses up the State it answers."""
    alice = newcomer(stores)
    store.commit([mail(alice, INVITE)])
    write = Write(Commit(alice, accepted(), NOW, digest(2), state(alice, 1), mails=(limit,)))
    assert lost(store, write) in {Loss.TOO_SOON, Loss.MAIL_LIMIT}
    assert 1 == stores.spent()
    assert Loss.STATE is lost(store, write)


def test_a_spent_state_sends_nothing(stores: SqliteStores, store: SqliteStore) -> None:
    """The same answer once more, by a retransmission or an eavesdropper, brings no mail."""
    alice = newcomer(stores)
    store.commit([mail(alice, INVITE)])
    again, opened = InviteAgain(NOW), state(alice, 1, expires=NOW + 700)
    write = Write(Commit(alice, accepted(), NOW + 600, digest(2), opened, mails=(again,)))
    assert [None, Loss.STATE] == [outcome.lost for outcome in store.commit([write, write])]
    assert 2 == len(mails(stores))


def test_a_token_that_is_replaced_keeps_counting(stores: SqliteStores, store: SqliteStore) -> None:
    """What was sent for a token that is gone stays in the queue, and on the account."""
    alice = newcomer(stores)
    store.commit([mail(alice, INVITE)])
    stores.edit("UPDATE outbox SET sent_at = ?", NOW)
    tokens.enroll(stores.database, "alice", NewToken(SECRET), expires=NOW + 1)
    assert ["sent"] == [one.state for one in mails(stores)]
    assert Loss.MAIL_LIMIT is lost(store, mail(alice, Invite(NOW + DAY, per_day=1), at=NOW + 1))


@pytest.mark.parametrize(
    ("kind", "statements"),
    [("a code", ["BEGIN", "INSERT", "UPDATE", "UPDATE", "COMMIT"]), ("a State", ["BEGIN", "INSERT", "COMMIT"])],
)
def test_a_round_without_mail_pays_nothing_for_it(stores: SqliteStores, kind: str, statements: list[str]) -> None:
    """The commit of a login has the statements it always had."""
    alice, connection = stores.account("alice"), connect(stores.path)
    ran: list[str] = []
    store = stores.store(lambda _: connection)
    store.load("alice")
    connection.set_trace_callback(ran.append)
    store.commit([use(alice, step(alice, 5) if kind == "a code" else None, spend=state(alice, 1))])
    connection.set_trace_callback(None)
    assert statements == [one.split()[0] for one in ran]


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("INVITED_TODAY", "outbox_account"),
        ("INVITED", "outbox_invitations"),
        ("LAST_INVITATION", "outbox_token"),
        ("DUE", "outbox_waiting"),
    ],
)
def test_a_full_outbox_is_not_read_through(stores: SqliteStores, statement: str, index: str) -> None:
    """What is counted and what is due is found by an index, however many mails there are."""
    text = getattr(mail_statements, statement)
    with closing(connect(stores.path)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", [1] * text.count("?")).fetchall()
    assert [index] == [word for row in plan for word in row[3].split() if word.startswith("outbox_")]
