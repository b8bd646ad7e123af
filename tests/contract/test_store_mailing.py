"""What is mailed and to whom: keys that work, notices in their reader's language, and mails one after the other."""

from __future__ import annotations

import logging
from base64 import b32decode
from collections.abc import Iterator
from contextlib import closing

import pytest

from radius_mfa.auth.asks import Commit, Invite, InviteAgain, Loss
from radius_mfa.auth.model import Account, TokenKind
from radius_mfa.auth.notices import Activated, AddressChanged, CodeUsed, Facts, loads
from radius_mfa.errors import OperationFailed, StoreBusy, StoreFailed
from radius_mfa.ports import Write
from radius_mfa.store import accounts, tokens
from radius_mfa.store.accounts import Changes
from radius_mfa.store.lock import WriterLock
from radius_mfa.store.outbox import SqliteOutbox
from radius_mfa.store.queue import queue, retry
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tokens import NewToken
from tests.contract.stores import NOW, SECRET, SqliteStores, accepted, code, digest, step
from tests.contract.test_store_invite import AGAIN, DAY, INVITE, bodies, lost, mail, mails, newcomer

USED = CodeUsed(account="alice", at=NOW, left=2)


@pytest.fixture
def outbox(stores: SqliteStores) -> Iterator[SqliteOutbox]:
    opened = SqliteOutbox(stores.path, stores.database.keys, stores.clock)
    yield opened
    opened.close()


def facts(outbox: SqliteOutbox, now: float = NOW) -> list[tuple[str, Facts]]:
    """To whom the mails that are due go, and what they say."""
    return [(one.recipient, loads(one.body)) for one in outbox.lease(now, "test", 100)]


def notice(account: Account, number: int, *, at: float = NOW) -> Write:
    """A code that is taken, with a notice."""
    return Write(Commit(account, accepted(), at, digest(number), consume=step(account, number), mails=(USED,)))


def enrolled(stores: SqliteStores) -> Account:
    """An account with an address and an active token."""
    stores.account("alice")
    accounts.change(stores.database, "alice", Changes(mail="alice@example.com"))
    return stores.load("alice")


def tell(stores: SqliteStores, store: SqliteStore, count: int) -> None:
    """Queue so many notices to one account."""
    alice = enrolled(stores)
    store.commit([notice(alice, number) for number in range(1, count + 1)])


def test_a_key_of_any_length_has_no_padding(stores: SqliteStores, store: SqliteStore) -> None:
    """A pending token that was made elsewhere is mailed as an app takes it."""
    alice = newcomer(stores)
    tokens.enroll(stores.database, "alice", NewToken(b"0123456789abcdef", period=60, digits=8), expires=NOW + DAY)
    assert lost(store, mail(alice, AGAIN)) is None
    (body,) = bodies(stores)
    assert b"0123456789abcdef" == b32decode(body.key + "======")
    assert (26, 60, 8, NOW + DAY) == (len(body.key), body.period, body.digits, body.ends)


def test_no_mail_brings_a_key_that_would_not_work(stores: SqliteStores, store: SqliteStore) -> None:
    """A counter token has no mail, nor has one whose secret does not open."""
    alice = newcomer(stores)
    hotp = NewToken(SECRET, TokenKind.HOTP)
    with pytest.raises(OperationFailed, match="TOTP tokens alone"):
        tokens.enroll(stores.database, "alice", hotp, expires=NOW + DAY, content="qr")
    assert () == stores.load("alice").tokens
    tokens.enroll(stores.database, "alice", hotp, expires=NOW + DAY)
    assert Loss.CONSUMED is lost(store, mail(alice, AGAIN))
    tokens.enroll(stores.database, "alice", NewToken(SECRET), expires=NOW + DAY)
    stores.edit("UPDATE token SET secret = x'00'")
    assert Loss.CONSUMED is lost(store, mail(alice, AGAIN))
    assert [] == mails(stores)


@pytest.mark.parametrize("what", [INVITE, AGAIN, USED])
def test_mail_for_nobody_is_a_failure(stores: SqliteStores, store: SqliteStore, what: Invite | InviteAgain) -> None:
    """The rules never ask for it: without an address the round fails and nothing is written."""
    alice = stores.account("alice")
    before = stores.dump()
    with pytest.raises(StoreFailed, match="there is no address"):
        store.commit([mail(alice, what)])
    assert before == stores.dump()


def test_a_notice_is_news_for_three_days(stores: SqliteStores, store: SqliteStore, outbox: SqliteOutbox) -> None:
    """It goes to the stored address with what the round knew."""
    tell(stores, store, 1)
    assert [("alice@example.com", USED)] == facts(outbox)
    assert [NOW + 3 * DAY] == [one.expires for one in mails(stores)]


def test_without_a_mail_section_no_command_queues_anything(stores: SqliteStores) -> None:
    """Where there is nobody to deliver, confirmation, reset and another address leave the outbox alone."""
    newcomer(stores)
    row = tokens.enroll(stores.database, "alice", NewToken(SECRET), expires=NOW + 9)
    tokens.confirm(stores.database, "alice", row, step=1, drift=0)
    accounts.change(stores.database, "alice", Changes(mail="new@example.com"))
    assert [] == mails(stores)
    tokens.reset(stores.database, "alice")
    assert [] == mails(stores)


def test_commands_tell_nobody_where_there_is_no_address(stores: SqliteStores, outbox: SqliteOutbox) -> None:
    """They work all the same; a first address hears of itself alone, and one that is taken away of that."""
    stores.account("alice", pending=True)
    database, token = stores.database, stores.load("alice").tokens[0].id
    tokens.confirm(database, "alice", token, step=1, drift=0, mails=True)
    tokens.reset(database, "alice", mails=True)
    assert [] == mails(stores)
    accounts.change(database, "alice", Changes(mail="alice@example.com"), mails=True)
    accounts.change(database, "alice", Changes(mail=""), mails=True)
    first = AddressChanged(account="alice", at=NOW, old="none", new="a***@example.com")
    last = AddressChanged(account="alice", at=NOW, old="a***@example.com", new="none")
    assert [("alice@example.com", first), ("alice@example.com", last)] == facts(outbox)


def test_a_notice_speaks_the_language_of_its_reader(stores: SqliteStores, outbox: SqliteOutbox) -> None:
    """That of the account, as the same command may have set it."""
    newcomer(stores)
    accounts.change(stores.database, "alice", Changes(mail="b@example.com", language="de"), mails=True)
    row = tokens.enroll(stores.database, "alice", NewToken(SECRET), expires=NOW + 9, content="key")
    tokens.confirm(stores.database, "alice", row, step=1, drift=0, mails=True)
    told = [one for _, one in facts(outbox)]
    assert ["de"] * 4 == [one.language for one in told]
    assert Activated(account="alice", language="de", at=NOW) == told[-1]


def test_the_longest_due_is_taken_first(stores: SqliteStores, store: SqliteStore, outbox: SqliteOutbox) -> None:
    """Also by a mail child that takes one at a time, and where many are due at once the older ones."""
    tell(stores, store, 4)
    outbox.deferred(1, "451 later", NOW + 3)
    outbox.deferred(3, "451 later", NOW - 1)
    taken = []
    while found := outbox.lease(NOW + 3, "me", 1):
        taken.append(found[0].id)
        outbox.delivered(found[0].id)
    assert [3, 2, 4, 1] == taken


def test_recovery_leaves_alone_what_nobody_had_taken(
    stores: SqliteStores, store: SqliteStore, outbox: SqliteOutbox
) -> None:
    """Its own, what was put off, failed or sent: a new mail child frees the one of the dead, and no other."""
    tell(stores, store, 5)
    for owner in ("me", "dead", "dead", "dead", "dead"):
        outbox.lease(NOW, owner, 1)
        stores.edit("UPDATE outbox SET not_before = ? WHERE lease_owner = 'dead'", NOW + 1)
        stores.clock.time += 1
    outbox.deferred(2, "451 later", NOW + 500)
    outbox.failed(3, "550 no")
    outbox.delivered(4)
    before = {one.id: one for one in mails(stores)}
    outbox.recover("me", NOW)
    after = {one.id: one for one in mails(stores)}
    changed = [number for number in before if before[number] != after[number]]
    assert [5] == changed
    assert (1, NOW + 5.0, "waiting") == (after[5].attempts, after[5].not_before, after[5].state)
    assert "sending" == after[1].state


def test_a_retried_mail_still_says_why_it_failed(
    stores: SqliteStores, store: SqliteStore, outbox: SqliteOutbox
) -> None:
    """Until the server says something else."""
    tell(stores, store, 1)
    outbox.deferred(1, "451 later", NOW)
    outbox.failed(1, "550 no such user")
    retry(stores.database)
    assert [("waiting", "550 no such user")] == [(one.state, one.said) for one in queue(stores.database)]
    outbox.deferred(1, "452 full", NOW)
    assert ["452 full"] == [one.said for one in queue(stores.database)]


def test_a_retry_of_all_leaves_what_was_sent(stores: SqliteStores, store: SqliteStore, outbox: SqliteOutbox) -> None:
    """Nobody gets a mail anew because an admin is impatient."""
    tell(stores, store, 2)
    outbox.delivered(1)
    assert 1 == retry(stores.database)
    assert [2] == [one.id for one in outbox.lease(NOW, "me", 9)]


def test_the_mail_child_stands_in_the_queue_of_writers(
    stores: SqliteStores, store: SqliteStore, outbox: SqliteOutbox
) -> None:
    """While a login or a command writes, it takes nothing, and afterwards it does."""
    tell(stores, store, 1)
    with closing(WriterLock(stores.path)) as other, other.held(), pytest.raises(StoreBusy):
        outbox.lease(NOW, "me", 1)
    assert [0] == [one.failures for one in outbox.lease(NOW, "me", 1)]


def test_a_mail_that_does_not_open_is_logged(
    stores: SqliteStores, store: SqliteStore, outbox: SqliteOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    """An admin hears of it without looking at the queue, and it can be tried again when it has been put back."""
    tell(stores, store, 2)
    stores.edit("CREATE TABLE kept AS SELECT id, body FROM outbox")
    stores.edit("UPDATE outbox SET body = x'01' WHERE id = 1")
    assert [2] == [one.id for one in outbox.lease(NOW, "me", 9)]
    assert [(logging.ERROR, "mail 1 failed: outbox.body of row 1 is not sealed data")] == [
        (one.levelno, one.getMessage()) for one in caplog.records
    ]
    stores.edit("UPDATE outbox SET body = (SELECT body FROM kept WHERE kept.id = outbox.id)")
    assert 1 == retry(stores.database, 1)
    assert [1, 2] == [one.id for one in outbox.lease(NOW, "me", 9)]


def test_a_used_recovery_code_is_told(stores: SqliteStores, store: SqliteStore, outbox: SqliteOutbox) -> None:
    """One notice with the consumption, and none with the one that lost."""
    alice = enrolled(stores)
    write = Write(Commit(alice, accepted(), NOW, digest(1), consume=code(store, alice), mails=(USED,)), b"reply")
    assert [None, Loss.CONSUMED] == [outcome.lost for outcome in store.commit([write, write])]
    assert [("alice@example.com", USED)] == facts(outbox)
