"""Rounds driven against a real store: one transaction a batch, audited, and every error denies."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Generator, Sequence

import pytest

from radius_mfa import service
from radius_mfa.auth import flow, policy
from radius_mfa.auth.asks import Checked
from radius_mfa.auth.model import (
    Accept,
    LoginRequest,
    Reject,
    Verdict,
)
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.backends.local import LocalPasswords
from radius_mfa.backends.slots import HashSlots
from radius_mfa.errors import AuditLost, PacketError, PasswordsBusy, StoreBusy, StoreFailed
from radius_mfa.ports import Write
from radius_mfa.service import Authenticator
from tests.contract.judging import (
    APPEND,
    CODE,
    PASSWORD,
    Recorder,
    answering,
    asking,
    challenge_of,
    finish,
    judge,
    octets,
)
from tests.contract.stores import CODES, SqliteStores


def test_a_login_in_two_rounds_writes_only_with_its_verdict(service_of: Authenticator, world: Recorder) -> None:
    """The challenge writes nothing; the right code is one commit and an Accept; the audit has both."""
    challenge = challenge_of(service_of)
    assert [] == world.batches
    assert isinstance(service_of.run([answering(1, challenge, CODE)])[0], Accept)
    assert [1] == world.batches
    assert [("challenge", "ok", ""), ("accept", "ok", "totp")] == [
        (record.result, record.reason, record.method) for record in world.records
    ]


def test_a_batch_with_one_code_is_one_transaction_and_one_accept(service_of: Authenticator, world: Recorder) -> None:
    """Sixty-four answers with the same right code, each on its own State: one Accept, in one commit."""
    challenge = challenge_of(service_of)
    verdicts = service_of.run([answering(number, challenge, CODE) for number in range(64)])
    assert 1 == sum(isinstance(verdict, Accept) for verdict in verdicts)
    assert 63 == sum(verdict.reason is Reason.STALE_CODE for verdict in verdicts)
    assert [64] == world.batches


def test_a_retransmission_nobody_remembers_gets_the_stored_octets(
    service_of: Authenticator, slots: HashSlots, world: Recorder
) -> None:
    """After a crash the very same datagram is answered from the row that its code used up, and audited as such."""
    first, again = (service_of.begin(asking(1), octets) for _ in range(2))
    finish(service_of, slots, [first])
    finish(service_of, slots, [again])
    assert b"Accept ok" == first.reply == again.reply
    assert ["ok", "repeated"] == [record.reason for record in world.records]


def test_the_last_recovery_code_is_repeated_too(
    service_of: Authenticator, slots: HashSlots, world: Recorder, stores: SqliteStores
) -> None:
    """An account left with no token and no code still finds the reply of the append login that used the last one."""
    stores.edit("DELETE FROM token")
    stores.edit("DELETE FROM recovery_code WHERE id NOT IN (SELECT min(id) FROM recovery_code)")
    dashed = "-".join(CODES[0][start : start + 4] for start in range(0, 16, 4))
    first, again = (service_of.begin(asking(1, PASSWORD + dashed), octets) for _ in range(2))
    finish(service_of, slots, [first])
    finish(service_of, slots, [again])
    assert b"Accept ok" == first.reply == again.reply


def test_a_batch_that_fails_is_tried_round_by_round(
    service_of: Authenticator, slots: HashSlots, world: Recorder
) -> None:
    """One write that the database refuses costs the others nothing: each is committed alone."""
    challenge = challenge_of(service_of)

    def refuse(writes: Sequence[Write]) -> None:
        if any(write.commit.digest == (2).to_bytes(32, "big") for write in writes):
            raise StoreFailed("database or disk is full")

    world.failing = refuse
    rounds = [service_of.begin(answering(number, challenge, CODE), octets) for number in (1, 2, 3)]
    finish(service_of, slots, rounds)
    assert [False, True, False] == [isinstance(one.failed, StoreFailed) for one in rounds]
    assert [3, 1, 1, 1] == world.batches


def test_a_busy_store_answers_nobody(service_of: Authenticator, slots: HashSlots, world: Recorder) -> None:
    """When the queue of writers was too long, the whole batch goes unanswered and is not tried again one by one."""
    challenge = challenge_of(service_of)

    def busy(writes: Sequence[Write]) -> None:
        raise StoreBusy("the queue of writers is too long")

    world.failing = busy
    rounds = [service_of.begin(answering(number, challenge, CODE), octets) for number in (1, 2)]
    finish(service_of, slots, rounds)
    assert all(isinstance(one.failed, StoreBusy) and one.verdict is None and one.reply == b"" for one in rounds)
    assert [2] == world.batches


@pytest.mark.parametrize("error", [sqlite3.OperationalError("x"), ValueError("hunter2"), MemoryError()])
def test_any_other_fault_of_the_commit_denies(
    service_of: Authenticator, world: Recorder, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault nobody thought of is a Reject, and the log names its place but never its message."""
    challenge = challenge_of(service_of)

    def broken(writes: Sequence[Write]) -> None:
        raise error

    world.failing = broken
    assert Reason.INTERNAL is service_of.run([answering(1, challenge, CODE)])[0].reason
    assert type(error).__name__ in caplog.text
    assert "hunter2" not in caplog.text


def test_a_fault_inside_the_rules_denies(
    service_of: Authenticator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception in the flow is a Reject like any other."""

    def broken(*_: object) -> object:
        raise KeyError("hunter2")

    monkeypatch.setattr(policy, "owes", broken)
    verdict = service_of.run([asking(1)])[0]
    assert Reject(Reason.INTERNAL, policy.denial(APPEND)) == verdict
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("end", [None, True, "accept", Accept])
def test_a_flow_that_ends_without_a_verdict_denies(
    service_of: Authenticator, monkeypatch: pytest.MonkeyPatch, end: object
) -> None:
    """Falling off the end of a flow, or returning anything but a verdict, is a Reject."""

    def endless(request: LoginRequest, rules: Rules) -> Generator[object, object, object]:
        yield from ()
        return end

    monkeypatch.setattr(flow, "login", endless)
    assert Reason.INTERNAL is service_of.run([asking(1)])[0].reason


def test_a_fault_of_a_password_backend_denies(
    world: Recorder, stores: SqliteStores, slots: HashSlots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend that raises lets nobody in."""

    def broken(*_: object) -> Checked:
        raise RuntimeError("hunter2")

    backend = LocalPasswords()
    monkeypatch.setattr(LocalPasswords, "check", broken)
    made = judge(world, slots, stores, local=backend)
    assert Reason.INTERNAL is made.run([asking(1)])[0].reason


def test_an_account_of_a_backend_that_is_not_configured_is_denied(
    service_of: Authenticator, stores: SqliteStores
) -> None:
    """No other backend is asked about an account than the one it was made with, even if it knew the password."""
    stores.edit("UPDATE account SET backend = 'pam'")
    assert Reason.WRONG_PASSWORD is service_of.run([asking(1)])[0].reason


def test_what_cannot_be_rendered_consumes_nothing(service_of: Authenticator, slots: HashSlots, world: Recorder) -> None:
    """A reply that cannot be made is found out before the code is used up."""

    def unsendable(verdict: Verdict) -> bytes:
        raise PacketError("too long")

    one = service_of.begin(asking(1), unsendable)
    finish(service_of, slots, [one])
    assert isinstance(one.failed, PacketError)
    assert [] == world.batches
    assert isinstance(service_of.run([asking(2)])[0], Accept)


def test_nothing_is_told_that_was_not_written_down(
    service_of: Authenticator, slots: HashSlots, world: Recorder, stores: SqliteStores
) -> None:
    """When the audit is lost its rounds go unanswered; then none is begun until a line gets through again."""
    world.lost = True
    told, refused = (service_of.begin(asking(number), octets) for number in (1, 2))
    finish(service_of, slots, [told])
    assert isinstance(told.failed, AuditLost)
    assert service_of.audit_lost
    stores.clock.time += 2
    finish(service_of, slots, [refused])
    assert isinstance(refused.failed, AuditLost)
    assert [1] == world.batches
    world.lost = False
    assert [] == service_of.advance()
    assert [] == world.records
    stores.clock.time += 1
    assert [] == service_of.advance()
    assert ["audit-resumed"] == [record.event for record in world.records]


def test_after_a_lost_audit_the_same_datagram_gets_its_accept(
    service_of: Authenticator, slots: HashSlots, world: Recorder, stores: SqliteStores
) -> None:
    """The code of an unanswered round is used up, and its retransmission is answered once it can be written down."""
    world.lost = True
    first, again = (service_of.begin(asking(1), octets) for _ in range(2))
    finish(service_of, slots, [first])
    world.lost = False
    stores.clock.time += 1
    finish(service_of, slots, [again])
    assert b"Accept ok" == again.reply
    assert ["audit-resumed", "login"] == [record.event for record in world.records]


def test_a_full_queue_of_hashes_goes_unanswered(
    world: Recorder, stores: SqliteStores, caplog: pytest.LogCaptureFixture
) -> None:
    """More passwords than the queue holds are dropped, not queued for ever."""
    slots = HashSlots(1, 2, stores.clock)
    made = judge(world, slots, stores)
    rounds = [made.begin(asking(number), octets) for number in range(8)]
    finish(made, slots, rounds)
    slots.close()
    assert any(isinstance(one.failed, PasswordsBusy) for one in rounds)
    assert 1 == sum(isinstance(one.verdict, Accept) for one in rounds)
    assert [] == [record.message for record in caplog.records if record.name == service.__name__]


def test_the_audit_names_an_unknown_account_as_it_was_typed(service_of: Authenticator, world: Recorder) -> None:
    """A name that is no account stands in the audit as it came, octets that are no text as escapes."""
    service_of.run([asking(1, name=b"al\xffice")])
    assert r"al\xffice" == world.records[0].account


def test_a_verdict_that_needs_an_admin_is_told_after_it_was_written_down(
    service_of: Authenticator, world: Recorder, stores: SqliteStores, caplog: pytest.LogCaptureFixture
) -> None:
    """An unreadable authenticator is a Reject with an alert; nothing is said of a login whose audit was lost."""
    stores.edit("UPDATE token SET secret = x'00'")
    assert Reason.TOKEN_UNREADABLE is service_of.run([asking(1), asking(2, name=b"hunter2")])[0].reason
    alert = "alice at gear is refused: its authenticator cannot be read; hint: run radius-mfa db check"
    assert [alert] == caplog.messages
    world.lost, stores.clock.time = True, stores.clock.time + 60
    service_of.run([asking(3)])
    assert [alert] == [message for message in caplog.messages if "alice" in message]


@pytest.fixture(autouse=True)
def _errors_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, service.__name__)
