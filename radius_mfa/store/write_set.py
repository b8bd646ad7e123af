"""What a round writes: the statements of one asks.Commit, in its order, inside a transaction that is under way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from radius_mfa.auth import throttle
from radius_mfa.auth.asks import (
    WON,
    ActivateToken,
    Commit,
    Ended,
    Invite,
    InviteAgain,
    Loss,
    Mail,
    Outcome,
    Trust,
    UseDevice,
    UseRecoveryCode,
    UseToken,
)
from radius_mfa.errors import StoreFailed
from radius_mfa.ports import Write
from radius_mfa.store import statements
from radius_mfa.store.keys import DataKeys
from radius_mfa.store.mailing import Addressee, Mailing
from radius_mfa.store.rows import history_of

STORED_FOR = 30.0
"""Seconds in which the stored reply answers its datagram again."""
PLACES = 8
"""Places an account is known from."""


class WriteSet:
    """Writes rounds on the raw connection. Raises what the driver raises, and StoreFailed."""

    def __init__(self, keys: DataKeys) -> None:
        self._keys = keys
        self._mailing = Mailing(keys)

    def places(self, writes: Iterable[Write]) -> list[bytes]:
        """The keyed hashes of the places that these rounds let in from, to be computed before others have to wait."""
        commits = [write.commit for write in writes]
        return [self._keys.place_hash(one.account.id, one.place) if one.place else b"" for one in commits]

    def write(self, connection: sqlite3.Connection, write: Write, place: bytes) -> Outcome:
        """The write set of one round, and its place. What was written before a statement loses stays written."""
        commit = write.commit
        outcome = self._factor(connection, write)
        if outcome.lost is None:
            outcome = self._rest(connection, commit, place, outcome)
        if outcome.lost is None:
            return outcome
        own = (commit.account.id, commit.digest, commit.at - STORED_FOR, commit.at + STORED_FOR)
        row = connection.execute(statements.STORED_REPLY, own * 3).fetchone()
        return Outcome(outcome.lost, row[0] if row else None)

    def _factor(self, connection: sqlite3.Connection, write: Write) -> Outcome:
        """State, what is consumed, and the account row."""
        commit = write.commit
        if commit.spend is not None and not _spent(connection, commit):
            return Outcome(Loss.STATE)
        if commit.consume is not None:
            if not self._consumed(connection, write):
                return Outcome(_why(connection, commit))
            if not isinstance(commit.consume, UseDevice):  # a device is no code: the row of wrong ones goes on
                connection.execute(statements.CLEAR_FAILURES, (commit.account.id,))
            if isinstance(commit.consume, UseRecoveryCode):
                connection.execute(statements.END_DEVICES, (commit.account.id,))
        if commit.wrong_code is not None or commit.judged:
            return _counted(connection, commit, commit.wrong_code)
        return WON

    def _rest(self, connection: sqlite3.Connection, commit: Commit, place: bytes, outcome: Outcome) -> Outcome:
        """What comes with the factor: a known place, devices, mail."""
        if place and place not in commit.account.known and not _placed(connection, commit, place):
            return Outcome(Loss.ACCOUNT)
        if commit.trust is not None:
            self._trust(connection, commit, commit.trust)
        if commit.forget is not None:
            connection.execute(statements.END_DEVICE, (commit.account.id, commit.forget))
        for mail in commit.mails:
            if lost := self._queue(connection, commit, mail):
                return Outcome(lost)
        return outcome

    def _consumed(self, connection: sqlite3.Connection, write: Write) -> bool:
        commit = write.commit
        at, account = commit.at, commit.account
        # A round without a reply, or without a datagram, leaves nothing behind that another round could be given.
        reply = (commit.digest, write.reply, at) if write.reply and commit.digest else (None, None, None)
        admission = (account.id, at, account.epoch)
        use = commit.consume
        if isinstance(use, UseToken):
            statement = statements.USE_TOKEN
            parameters: tuple[Any, ...] = (use.step, use.drift, *reply, use.token_id, account.id, use.step, *admission)
        elif isinstance(use, ActivateToken):
            statement = statements.ACTIVATE_TOKEN
            parameters = (use.step, use.drift, *reply, use.token_id, account.id, use.step, at, *admission)
        elif isinstance(use, UseRecoveryCode):
            statement = statements.USE_RECOVERY_CODE
            parameters = (at, *reply, use.code_id, account.id, at, *admission)
        elif isinstance(use, UseDevice):
            statement = statements.USE_DEVICE
            new, old = (self._keys.device_hash(account.id, claim) for claim in (use.after, use.before))
            parameters = (new, at, *reply, use.device_id, account.id, old, at, *admission)
        else:
            raise StoreFailed(f"this store cannot consume {use!r}")
        return connection.execute(statement, parameters).rowcount == 1

    def _trust(self, connection: sqlite3.Connection, commit: Commit, trust: Trust) -> None:
        claim, at, owner = trust.claim, commit.at, commit.account.id
        keyed = self._keys.device_hash(owner, claim)
        values = (owner, claim.kind.value, claim.client, trust.label, keyed, trust.tag, at, at, trust.expires)
        connection.execute(statements.TRUST, values)
        connection.execute(statements.KEEP_DEVICES, (owner, owner, at, trust.most))

    def _queue(self, connection: sqlite3.Connection, commit: Commit, mail: Mail) -> Loss | None:
        """A mail of a round, to the address of the account that was loaded: its epoch is still the same."""
        account = commit.account
        if not account.mail:
            raise StoreFailed("there is no address to send mail to")
        to = Addressee(account.id, account.name, account.language or "", account.mail)
        if not isinstance(mail, Invite | InviteAgain):
            self._mailing.notify(connection, to, mail, commit.at)
            return None
        if not _admitted(connection, commit):
            return Loss.ACCOUNT
        if isinstance(mail, Invite):
            return self._mailing.invite(connection, to, mail, commit.at)
        return self._mailing.invite_again(connection, to, mail, commit.at)


def _spent(connection: sqlite3.Connection, commit: Commit) -> bool:
    state = commit.spend
    if state is None or state.expires <= commit.at:
        return False
    key = state.expires.to_bytes(8, "big") + state.nonce
    return connection.execute(statements.SPEND, (key,)).rowcount == 1


def _placed(connection: sqlite3.Connection, commit: Commit, place: bytes) -> bool:
    account = commit.account
    known = b"".join((*account.known, place)[-PLACES:])
    return connection.execute(statements.REMEMBER_PLACE, (known, account.id, account.epoch)).rowcount == 1


def _why(connection: sqlite3.Connection, commit: Commit) -> Loss:
    return Loss.CONSUMED if _admitted(connection, commit) else Loss.ACCOUNT


def _admitted(connection: sqlite3.Connection, commit: Commit) -> bool:
    """Whether the account is still as it was loaded, not locked and not disabled."""
    account = commit.account
    return connection.execute(statements.ADMITS, (account.id, commit.at, account.epoch)).fetchone() is not None


def _counted(connection: sqlite3.Connection, commit: Commit, limits: throttle.Lockout | None) -> Outcome:
    """Admit and decide the attempt on the account as it stands now."""
    owner = commit.account.id
    row = connection.execute(statements.HISTORY, (owner,)).fetchone()
    if row is None:
        return Outcome(Loss.ACCOUNT)
    before = history_of(row)
    if throttle.locked(before, commit.at):
        return Outcome(Loss.LOCKED)
    if limits is None:
        after = throttle.judged(before, commit.digest)
    else:
        after = throttle.count(before, commit.digest, commit.at, limits)
    if after == before:
        return WON
    disabled = limits is not None and throttle.disables(after, limits)
    ended = disabled or after.locked_until > before.locked_until
    values = (after.failures, after.window_failures, after.window_started, after.locked_until)
    connection.execute(statements.COUNT, (int(ended), *values, b"".join(after.counted), owner))
    if not ended:
        return WON
    connection.execute(statements.END_DEVICES, (owner,))
    if not disabled:
        return Outcome(ended=Ended.LOCKED)
    connection.execute(statements.DISABLE_TOKENS, (owner,))
    return Outcome(ended=Ended.DISABLED)
