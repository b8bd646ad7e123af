"""The outbox, as the mail child and the admin use it: one row is one mail, and belongs to one process at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radius_mfa.auth.notices import Reset, dumps, loads
from radius_mfa.errors import OperationFailed
from radius_mfa.ports import Envelope
from radius_mfa.store import accounts, tokens
from radius_mfa.store.accounts import NewAccount
from radius_mfa.store.database import Database
from radius_mfa.store.housekeeping import GRACE, SWEEP_EVERY, Housekeeping
from radius_mfa.store.mailing import NOTICE_LIVES
from radius_mfa.store.outbox import LEASE, SqliteOutbox
from radius_mfa.store.queue import QueuedMail, queue, retry
from tests.contract.stores import NOW, SqliteStores


@pytest.fixture
def outbox(stores: SqliteStores) -> Iterator[SqliteOutbox]:
    opened = SqliteOutbox(stores.path, stores.database.keys, stores.clock)
    yield opened
    opened.close()


@pytest.fixture
def two(stores: SqliteStores) -> Database:
    """Two mails that wait, of alice and of bob."""
    for name in ("alice", "bob"):
        accounts.add(stores.database, NewAccount(name, f"{name}@example.com"))
        tokens.reset(stores.database, name, mails=True)
    return stores.database


def leased(outbox: SqliteOutbox, owner: str = "me", *, now: float = NOW, count: int = 1) -> list[int]:
    return [one.id for one in outbox.lease(now, owner, count)]


def state(database: Database, number: int = 1) -> QueuedMail:
    return next(one for one in queue(database) if one.id == number)


def test_a_mail_is_what_was_queued(two: Database, outbox: SqliteOutbox) -> None:
    """Recipient, time, content; the characters of its Message-ID are its own."""
    first, second = outbox.lease(NOW, "me", 5)
    assert ("alice@example.com", NOW, 0) == (first.recipient, first.created, first.failures)
    assert loads(first.body) == Reset(account="alice", at=NOW)
    assert (32, 32) == (len(first.message_id), len(second.message_id))
    assert first.message_id != second.message_id
    assert dumps(Reset(account="alice", at=NOW)) == first.body


def test_a_mail_belongs_to_one_process(two: Database, outbox: SqliteOutbox) -> None:
    """Another one gets it when the lease is over; the owner gets it again at once."""
    assert [1] == leased(outbox)
    assert [2] == leased(outbox, "other", count=5)
    assert [1] == leased(outbox)
    assert [] == leased(outbox, "other", now=NOW + LEASE - 1, count=5)[1:]
    assert [1, 2] == sorted(leased(outbox, "third", now=NOW + 2 * LEASE, count=5))


def test_what_has_left_is_wiped_and_never_due_again(two: Database, outbox: SqliteOutbox, stores: SqliteStores) -> None:
    """The row stays for the admin and for the limit of a day, its body does not."""
    leased(outbox)
    outbox.delivered(1)
    assert "sent" == state(two).state
    assert [2] == leased(outbox, now=NOW + 2 * LEASE, count=5)
    (row,) = [line for line in stores.dump() if line.startswith('INSERT INTO "outbox" VALUES(1,')]
    assert ",X''," in row


def test_a_mail_that_was_put_off_comes_back_in_its_time(two: Database, outbox: SqliteOutbox) -> None:
    """With what the server said, and one failure more."""
    leased(outbox)
    outbox.deferred(1, "451 later", NOW + 20)
    assert ("waiting", "451 later", NOW + 20) == (state(two).state, state(two).said, state(two).not_before)
    assert [2] == leased(outbox, now=NOW + 19, count=5)
    (again,) = [one for one in outbox.lease(NOW + 20, "me", 5) if one.id == 1]
    assert 1 == again.failures


def test_the_longest_due_comes_first(two: Database, outbox: SqliteOutbox) -> None:
    """Whatever was put off stands behind what was due before."""
    leased(outbox)
    outbox.deferred(1, "451 later", NOW + 1)
    assert [2, 1] == leased(outbox, now=NOW + 2, count=5)


def test_a_refused_mail_waits_for_the_admin(two: Database, outbox: SqliteOutbox) -> None:
    """It is not due any more, until `mail retry`: then with all that was in it."""
    leased(outbox)
    outbox.failed(1, "550 no such user")
    assert ("failed", "550 no such user") == (state(two).state, state(two).said)
    assert [2] == leased(outbox, count=5)
    assert 1 == retry(two, 1)
    found: list[Envelope] = outbox.lease(NOW, "other", 5)
    assert [1] == [one.id for one in found]
    assert loads(found[0].body) == Reset(account="alice", at=NOW)


def test_a_retry_is_for_what_waits_or_failed(two: Database, outbox: SqliteOutbox, stores: SqliteStores) -> None:
    """All of them, or one; not what is on its way, gone, too old or unknown."""
    outbox.deferred(1, "451 later", NOW + 500)
    outbox.failed(2, "550 no")
    assert 2 == retry(two)
    assert ["waiting", "waiting"] == [one.state for one in queue(two)]
    leased(outbox)
    with pytest.raises(OperationFailed, match="mail 1 is sending"):
        retry(two, 1)
    assert 1 == retry(two)
    outbox.delivered(1)
    with pytest.raises(OperationFailed, match="mail 1 is sent"):
        retry(two, 1)
    with pytest.raises(OperationFailed, match="there is no mail 9"):
        retry(two, 9)
    stores.clock.time = NOW + NOTICE_LIVES
    with pytest.raises(OperationFailed, match="mail 2 is expired"):
        retry(two, 2)
    assert 0 == retry(two)


def test_an_expired_mail_is_never_due(two: Database, outbox: SqliteOutbox) -> None:
    """Its news is old, or its key dead."""
    assert [1] == leased(outbox, now=NOW + NOTICE_LIVES - 1)
    assert [] == leased(outbox, "other", now=NOW + NOTICE_LIVES, count=5)


def test_what_a_dead_process_had_taken_is_free_a_little_later(two: Database, outbox: SqliteOutbox) -> None:
    """It may be what kills them: the others go first, and each time it waits longer."""
    leased(outbox, "dead")
    outbox.recover("me", NOW)
    assert [2] == leased(outbox, now=NOW + 4, count=5)
    assert [1] == [number for number in leased(outbox, "me", now=NOW + 5, count=5) if number == 1]
    outbox.recover("next", NOW + 5)
    assert [] == leased(outbox, "next", now=NOW + 14, count=5)
    assert [1, 2] == leased(outbox, "next", now=NOW + 15, count=5)


def test_a_mail_that_does_not_open_fails_alone(two: Database, outbox: SqliteOutbox, stores: SqliteStores) -> None:
    """A body of another row, or another key, is not sent to anybody."""
    stores.edit("UPDATE outbox SET body = (SELECT body FROM outbox WHERE id = 2) WHERE id = 1")
    assert [2] == leased(outbox, count=5)
    assert "failed" == state(two).state


def test_looking_at_an_empty_outbox_writes_nothing(two: Database, outbox: SqliteOutbox, stores: SqliteStores) -> None:
    """The mail child looks every second: it must not stand in the queue of writers for that."""
    for number in leased(outbox, count=5):
        outbox.delivered(number)
    before = stores.version()
    with stores.database.lock.held():
        assert [] == leased(outbox, count=5)
    assert before == stores.version()


def test_old_mails_are_swept_away(two: Database, stores: SqliteStores) -> None:
    """Not before they have expired, and some time more."""
    assert [2, 2, 0] == swept(stores, NOTICE_LIVES, NOTICE_LIVES + GRACE - 1, NOTICE_LIVES + GRACE + SWEEP_EVERY)


def test_a_mail_counts_for_a_day_even_when_it_has_expired(two: Database, stores: SqliteStores) -> None:
    """A short `enrollment.expires` does not get around `enrollment.per_day`."""
    stores.edit("UPDATE outbox SET expires = ?", NOW + 1)
    assert [2, 2, 0] == swept(stores, 1 + GRACE + SWEEP_EVERY, 86400 - 1, 86400 + SWEEP_EVERY)


def swept(stores: SqliteStores, *later: float) -> list[int]:
    """How many mails are left after housekeeping at each of these times."""
    house, left = Housekeeping(stores.path, stores.clock), []
    for seconds in later:
        stores.clock.time = NOW + seconds
        house.turn()
        left.append(len(queue(stores.database)))
    house.close()
    return left
