"""Invitations and notices, over each store: pending token and mail are one with the round that caused them."""

from __future__ import annotations

import json
from base64 import b32encode
from dataclasses import replace

import pytest

from radius_mfa.auth.asks import Commit, Invite, InviteAgain, Loss, Mail
from radius_mfa.auth.model import Account, Algorithm, TokenStatus
from radius_mfa.auth.notices import Activated, Invitation, loads
from radius_mfa.errors import OperationFailed
from radius_mfa.ports import Write
from radius_mfa.store import accounts, tokens
from radius_mfa.store.accounts import NewAccount
from radius_mfa.store.outbox import SqliteOutbox
from radius_mfa.store.queue import QueuedMail, queue
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tokens import NewToken
from tests.contract.stores import NOW, SECRET, SqliteStores, accepted, digest, first_step

DAY = 86400.0
INVITE = Invite(ends=NOW + DAY)
AGAIN = InviteAgain(since=NOW - 600)
USED = Activated(account="alice", at=NOW)


def newcomer(stores: SqliteStores, name: str = "alice") -> Account:
    """An account with an address and nothing else."""
    accounts.add(stores.database, NewAccount(name, f"{name}@example.com", language="en"))
    return stores.load(name)


def mail(account: Account, what: Mail, *, at: float = NOW, request: int = 1) -> Write:
    return Write(Commit(account, accepted(), at, digest(request), mails=(what,)))


def lost(store: SqliteStore, write: Write) -> Loss | None:
    (outcome,) = store.commit([write])
    return outcome.lost


def bodies(stores: SqliteStores) -> list[Invitation]:
    """What the invitations of the outbox say."""
    outbox = SqliteOutbox(stores.path, stores.database.keys, stores.clock)
    try:
        found = [loads(one.body) for one in outbox.lease(stores.clock.now(), "test", 1000)]
    finally:
        outbox.close()
    return [one for one in found if isinstance(one, Invitation)]


def mails(stores: SqliteStores) -> list[QueuedMail]:
    return queue(stores.database)


def test_an_invitation_is_a_pending_token_and_the_mail_that_brings_its_key(
    stores: SqliteStores, store: SqliteStore
) -> None:
    """The key of the mail is the secret of the token, for as long as the token lives."""
    wish = Invite(NOW + 50, "key", 8, Algorithm.SHA256, 60)
    assert lost(store, mail(newcomer(stores), wish)) is None
    (token,) = stores.load("alice").tokens
    assert (token.status, token.expires, token.digits, token.period) == (TokenStatus.PENDING, NOW + 50, 8, 60)
    (queued,) = mails(stores)
    assert ("alice@example.com", "invitation", "waiting") == (queued.recipient, queued.kind, queued.state)
    assert NOW + 50 == queued.expires
    (body,) = bodies(stores)
    assert tokens.pending(stores.database, "alice").secret == token.secret
    assert (body.mode, body.digits, body.algorithm, body.account) == ("key", 8, "sha256", "alice")
    assert body.key == b32encode(token.secret or b"").decode()
    assert 32 == len(body.key)


def test_the_key_stands_nowhere_in_the_database(stores: SqliteStores, store: SqliteStore) -> None:
    """Neither as octets nor as text: token and mail are sealed."""
    store.commit([mail(newcomer(stores), INVITE)])
    secret = stores.load("alice").tokens[0].secret
    assert secret is not None
    (body,) = bodies(stores)
    files = b"".join(path.read_bytes() for path in stores.directory.iterdir() if path.name.startswith("radius-mfa.db"))
    assert body.key.encode() not in files
    assert secret not in files
    assert json.dumps(body.account).encode() not in files


@pytest.mark.parametrize("rounds", [2, 50])
def test_however_often_somebody_is_invited_one_mail_is_queued(
    stores: SqliteStores, store: SqliteStore, rounds: int
) -> None:
    """In one batch, from two stores, later: the token that lives stays as it is."""
    account, other = newcomer(stores), stores.store()
    assert [None] * rounds == [one.lost for one in store.commit([mail(account, INVITE)] * rounds)]
    before = stores.load("alice").tokens
    assert lost(other, mail(account, INVITE, at=NOW + 1)) is None
    assert before == stores.load("alice").tokens
    assert 1 == len(mails(stores))


def test_a_pending_token_that_has_ended_makes_room(stores: SqliteStores, store: SqliteStore) -> None:
    """Another secret, another mail."""
    account = newcomer(stores)
    store.commit([mail(account, replace(INVITE, ends=NOW + 5))])
    (before,) = stores.load("alice").tokens
    assert lost(store, mail(account, INVITE, at=NOW + 5)) is None
    (after,) = stores.load("alice").tokens
    assert before.secret != after.secret
    assert 2 == len(mails(stores))


@pytest.mark.parametrize("disabled", [False, True])
def test_who_has_a_token_is_not_invited(stores: SqliteStores, store: SqliteStore, disabled: bool) -> None:
    """An active or a disabled one: nothing is made, nothing is sent."""
    stores.account("alice")
    accounts.change(stores.database, "alice", accounts.Changes(mail="alice@example.com"))
    if disabled:
        tokens.disable(stores.database, "alice")
    before = stores.load("alice").tokens
    assert lost(store, mail(stores.load("alice"), INVITE)) is None
    assert before == stores.load("alice").tokens
    assert [] == mails(stores)


@pytest.mark.parametrize("what", [INVITE, AGAIN])
@pytest.mark.parametrize("change", ["disabled = 1", "epoch = epoch + 1", f"locked_until = {NOW + 1}"])
def test_an_account_that_changed_meanwhile_gets_no_mail(
    stores: SqliteStores, store: SqliteStore, what: Mail, change: str
) -> None:
    """Disabled, locked, or another address by now."""
    account = newcomer(stores)
    tokens.enroll(stores.database, "alice", NewToken(SECRET), expires=NOW + 100)
    stores.edit(f"UPDATE account SET {change}")
    assert Loss.ACCOUNT is lost(store, mail(account, what))
    assert [] == mails(stores)


@pytest.mark.parametrize("sent", [True, False])
def test_five_invitations_a_day_are_enough(stores: SqliteStores, store: SqliteStore, sent: bool) -> None:
    """The sixth within 24 hours is refused and makes no token, whether the others were sent or their tokens ended."""
    account = newcomer(stores)
    for number in range(5):
        at = NOW + 100 * number
        assert lost(store, mail(account, replace(INVITE, ends=at + 1), at=at)) is None
    if sent:
        stores.edit("UPDATE outbox SET sent_at = created, body = x''")
    assert Loss.MAIL_LIMIT is lost(store, mail(account, INVITE, at=NOW + DAY - 1))
    assert 5 == len(mails(stores))
    assert lost(store, mail(account, INVITE, at=NOW + DAY)) is None


def test_sixty_invitations_a_minute_are_enough_for_all(stores: SqliteStores, store: SqliteStore) -> None:
    """The limit of a minute is over all accounts, and a minute later there is room again."""
    many = [newcomer(stores, f"user{number}") for number in range(4)]
    some = replace(INVITE, per_minute=3)
    assert [None, None, None, Loss.MAIL_LIMIT] == [one.lost for one in store.commit([mail(a, some) for a in many])]
    assert () == stores.load("user3").tokens
    assert lost(store, mail(many[3], some, at=NOW + 60)) is None


def test_the_mail_is_sent_again_with_the_same_key(stores: SqliteStores, store: SqliteStore) -> None:
    """Not before its time, and only while the token lives."""
    account = newcomer(stores)
    assert Loss.CONSUMED is lost(store, mail(account, AGAIN))
    store.commit([mail(account, INVITE)])
    later = NOW + 600
    assert Loss.TOO_SOON is lost(store, mail(account, AGAIN, at=later - 1))
    assert lost(store, mail(account, replace(AGAIN, since=NOW), at=later)) is None
    stores.clock.time = later
    first, second = bodies(stores)
    assert first.key == second.key
    assert first.ends == second.ends
    limited = replace(AGAIN, since=NOW + 600, per_day=2)
    assert Loss.MAIL_LIMIT is lost(store, mail(account, limited, at=NOW + 1300))
    assert Loss.CONSUMED is lost(store, mail(account, AGAIN, at=NOW + DAY))


def test_a_notice_goes_with_what_it_tells(stores: SqliteStores, store: SqliteStore) -> None:
    """The round that activates queues it; the one that comes too late does not."""
    stores.account("alice", pending=True)
    stores.edit("UPDATE account SET mail = 'alice@example.com'")
    account = stores.load("alice")
    write = Write(Commit(account, accepted(), NOW, digest(1), consume=first_step(account, 7), mails=(USED,)), b"reply")
    assert lost(store, write) is None
    assert ["activated"] == [one.kind for one in mails(stores)]
    assert Loss.CONSUMED is lost(store, write)
    assert 1 == len(mails(stores))


def test_an_admins_command_tells_the_owner(stores: SqliteStores) -> None:
    """Enrolment by mail, confirmation, reset, another address: each in the transaction of the command."""
    newcomer(stores)
    database = stores.database
    row = tokens.enroll(database, "alice", NewToken(SECRET), expires=NOW + 100, content="qr")
    assert ["invitation"] == [one.kind for one in mails(stores)]
    tokens.confirm(database, "alice", row, step=1, drift=0, mails=True)
    accounts.change(database, "alice", accounts.Changes(mail="new@example.com"), mails=True)
    accounts.change(database, "alice", accounts.Changes(mail="new@example.com"), mails=True)
    told = [(one.kind, one.recipient) for one in mails(stores)]
    assert [
        ("invitation", "alice@example.com"),
        ("activated", "alice@example.com"),
        ("address-changed", "alice@example.com"),
        ("address-changed", "new@example.com"),
    ] == told
    assert 4 == tokens.reset(database, "alice", mails=True).mails
    assert [("reset", "new@example.com")] == [(one.kind, one.recipient) for one in mails(stores)]


def test_a_new_pending_token_ends_the_one_before_and_its_mail(stores: SqliteStores, store: SqliteStore) -> None:
    """Nobody gets a mail with a key that is dead."""
    store.commit([mail(newcomer(stores), INVITE)])
    tokens.enroll(stores.database, "alice", NewToken(SECRET), expires=NOW + 100)
    assert [] == mails(stores)
    assert [SECRET] == [token.secret for token in stores.load("alice").tokens]


def test_disabling_ends_a_pending_token_too(stores: SqliteStores) -> None:
    """Its first code would let in past the token that was switched off."""
    stores.account("alice")
    tokens.enroll(stores.database, "alice", NewToken(SECRET), expires=NOW + 100)
    tokens.disable(stores.database, "alice")
    assert [TokenStatus.DISABLED] == [token.status for token in stores.load("alice").tokens]


@pytest.mark.parametrize("mails", [False, True])
def test_another_address_ends_what_the_old_one_was_sent(stores: SqliteStores, store: SqliteStore, mails: bool) -> None:
    """Whoever reads the old mailbox may have the key: the next login makes another, for the new address."""
    store.commit([mail(newcomer(stores), INVITE)])
    accounts.change(stores.database, "alice", accounts.Changes(mail="new@example.com"), mails=mails)
    assert () == stores.load("alice").tokens
    assert "invitation" not in {one.kind for one in queue(stores.database)}


def test_disabling_an_account_ends_its_invitation(stores: SqliteStores, store: SqliteStore) -> None:
    """The mail that still waits is not sent."""
    store.commit([mail(newcomer(stores), INVITE)])
    accounts.disable(stores.database, "alice")
    assert () == stores.load("alice").tokens
    assert [] == queue(stores.database)


def test_mail_needs_an_address(stores: SqliteStores) -> None:
    """The admin is told which command gives one; nothing is made."""
    accounts.add(stores.database, NewAccount("bob"))
    with pytest.raises(OperationFailed, match="bob has no mail address") as failed:
        tokens.enroll(stores.database, "bob", NewToken(SECRET), expires=NOW + 100, content="qr")
    assert "radius-mfa user set bob --email ADDRESS" in failed.value.hint
    assert () == stores.load("bob").tokens
