"""Authenticators, for the admin: enrol, look at, confirm, switch off and on, end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from radius_mfa.auth.model import Algorithm, Token, TokenKind, TokenStatus
from radius_mfa.auth.notices import Activated, Changed, Content, Reset
from radius_mfa.errors import OperationFailed
from radius_mfa.store import accounts, labels, letters
from radius_mfa.store.database import Database
from radius_mfa.store.rows import TOKEN_COLUMNS, token_of
from radius_mfa.store.schema import account, device, outbox, recovery_code, session, token


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to be made. `last_step` of a HOTP token is the counter before its next code."""

    secret: bytes = field(repr=False)
    kind: TokenKind = TokenKind.TOTP
    digits: int = 6
    algorithm: Algorithm = Algorithm.SHA1
    period: int = 30
    last_step: int = -1
    label: str = ""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as the admin sees it: without its secret. Times are seconds since the epoch."""

    id: int
    kind: TokenKind
    status: TokenStatus
    digits: int
    algorithm: Algorithm
    period: int
    last_step: int
    drift: int
    label: str
    created: float
    expires: float | None


@dataclass(frozen=True, slots=True)
class Ended:
    """What a reset took away."""

    tokens: int
    recovery_codes: int
    devices: int
    mails: int


def enroll(
    database: Database,
    name: str,
    new: NewToken,
    *,
    expires: float,
    content: Content | None = None,
    notice: Changed | None = None,
) -> int:
    """Make a pending token that lives until `expires`, in place of one that was pending before; its id.

    With `content` its key is mailed to the owner. Raises OperationFailed: no such account, no address, no label, or
    tokens with another number of digits.
    """
    labels.check(new.label)
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        accounts.end_pending(connection, owner)
        _refuse_digits(connection, owner, name, new.digits)
        identity = insert(database, connection, owner, new, TokenStatus.PENDING, expires=expires)
        if content is not None:
            made = Token(identity, new.kind, TokenStatus.PENDING, new.secret, new.digits, new.algorithm, new.period)
            letters.invitation(database, connection, name, replace(made, expires=expires), content)
        letters.changed(database, connection, name, notice)
        return identity


def insert(
    database: Database,
    connection: sa.Connection,
    owner: int,
    new: NewToken,
    status: TokenStatus,
    *,
    drift: int = 0,
    expires: float | None = None,
) -> int:
    """The row of a token of the account `owner`, inside the caller's transaction; its id."""
    values = {
        "account_id": owner,
        "kind": new.kind.value,
        "status": status.value,
        "secret": b"",  # sealed below: the seal needs the number of the row
        "digits": new.digits,
        "algorithm": new.algorithm.value,
        "period": new.period,
        "last_step": new.last_step,
        "drift": drift,
        "label": new.label,
        "created": database.clock.now(),
        "expires": expires,
    }
    identity: int = connection.execute(token.insert().returning(token.c.id), values).scalar_one()
    sealed = database.secrets.seal(new.secret, table="token", column="secret", row=identity)
    connection.execute(token.update().where(token.c.id == identity).values(secret=sealed))
    return identity


def all_tokens(database: Database, name: str) -> list[TokenRow]:
    """The tokens of an account, oldest first. Raises OperationFailed when there is no such account."""
    with database.read() as connection:
        owner = accounts.identity(connection, name)
        columns = [column for column in token.c if column.name in TokenRow.__dataclass_fields__]
        rows = connection.execute(sa.select(*columns).where(token.c.account_id == owner).order_by(token.c.id))
        return [
            TokenRow(
                **{
                    **row._mapping,
                    "kind": TokenKind(row.kind),
                    "status": TokenStatus(row.status),
                    "algorithm": Algorithm(row.algorithm),
                }
            )
            for row in rows
        ]


def pending(database: Database, name: str) -> Token:
    """The account's pending token with its secret, to check a first code by. Raises OperationFailed."""
    found = _with_secrets(database, name, *_alive(database.clock.now()))
    if not found:
        raise _none_pending(name)
    return found[0]


def active(database: Database, name: str) -> list[Token]:
    """The account's active tokens with their secrets, oldest first. Raises OperationFailed when there is none."""
    found = _with_secrets(database, name, _is(TokenStatus.ACTIVE))
    if not found:
        raise _none_of(name, TokenStatus.ACTIVE)
    return found


def confirm(database: Database, name: str, token_id: int, *, step: int, drift: int, mails: bool = False) -> None:
    """Take the first step of a pending token: it becomes active. Raises OperationFailed when it is not pending.

    With `mails`, the owner gets a notice.
    """
    values = {"status": TokenStatus.ACTIVE.value, "expires": None, "last_step": step, "drift": drift}
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        mine = token.update().where(token.c.id == token_id, token.c.account_id == owner, token.c.last_step < step)
        if connection.execute(mine.where(*_alive(database.clock.now())).values(values)).rowcount != 1:
            raise _none_pending(name)
        if mails:
            letters.notice(database, connection, name, Activated)


def resync(
    database: Database, name: str, token_id: int, *, step: int, drift: int, notice: Changed | None = None
) -> None:
    """Let an active token go on from `step`, off by `drift` steps. Raises OperationFailed unless it is a newer step."""
    mine = token.update().where(token.c.id == token_id, _is(TokenStatus.ACTIVE), token.c.last_step < step)
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        changed = connection.execute(mine.where(token.c.account_id == owner).values(last_step=step, drift=drift))
        if changed.rowcount != 1:
            raise OperationFailed("these codes were taken or passed over before", "wait for the next two codes")
        letters.changed(database, connection, name, notice)


def remove(database: Database, name: str, token_id: int, session_id: int, notice: Changed | None = None) -> None:
    """End one authenticator of an account. Raises OperationFailed.

    With it end its trusted devices, and all its sessions but `session_id`, which asks: whoever has the old phone is
    out, also where a code of it was right a moment before. The last active one stays: without it the next login would
    have to enrol, and whoever takes the place of a lost factor is not to choose the next one.
    """
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        mine = token.c.account_id == owner
        others = sa.select(sa.exists().where(mine, _is(TokenStatus.ACTIVE), token.c.id != token_id))
        if not connection.scalar(others):
            raise OperationFailed("this is the only authenticator", "add another one first")
        unsent = outbox.delete().where(outbox.c.token_id == token_id, outbox.c.sent_at.is_(None))
        connection.execute(unsent.where(outbox.c.account_id == owner))  # a key that is dead, if it is still to come
        if connection.execute(token.delete().where(mine, token.c.id == token_id)).rowcount != 1:
            raise OperationFailed(f"{name} has no token {token_id}")
        connection.execute(device.delete().where(device.c.account_id == owner))
        connection.execute(session.delete().where(session.c.account_id == owner, session.c.id != session_id))
        accounts.update(connection, owner, database.clock.now(), grow=True)
        epoch = sa.select(account.c.epoch).where(account.c.id == owner).scalar_subquery()
        connection.execute(session.update().where(session.c.id == session_id).values(epoch=epoch))
        letters.changed(database, connection, name, notice)


def disable(database: Database, name: str, token_id: int | None = None) -> int:
    """Switch off the active tokens of an account, or one; how many. Its trusted devices end. Raises OperationFailed.

    Where none stays active, a pending token ends too: its first code would let in past those that are switched off.
    """
    return _switch(database, name, TokenStatus.ACTIVE, TokenStatus.DISABLED, token_id)


def enable(database: Database, name: str, token_id: int | None = None) -> int:
    """Switch the disabled tokens of an account on again, or one; how many. Raises OperationFailed for none."""
    return _switch(database, name, TokenStatus.DISABLED, TokenStatus.ACTIVE, token_id)


def reset(database: Database, name: str, *, mails: bool = False) -> Ended:
    """End all of an account's second factor, so that it may enrol anew, and forget its wrong codes.

    Tokens, pending or not, recovery codes, devices and mail that is still queued. With `mails`, the owner gets a
    notice. Raises OperationFailed.
    """
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        queued = outbox.delete().where(outbox.c.account_id == owner, outbox.c.sent_at.is_(None))
        accounts.update(connection, owner, database.clock.now(), grow=True, **accounts.NO_FAILURES)
        ended = Ended(
            mails=connection.execute(queued).rowcount,
            tokens=_delete_of(connection, token, owner),
            recovery_codes=_delete_of(connection, recovery_code, owner),
            devices=_delete_of(connection, device, owner),
        )
        if mails:
            letters.notice(database, connection, name, Reset)
        return ended


def _switch(database: Database, name: str, before: TokenStatus, after: TokenStatus, token_id: int | None) -> int:
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        mine = token.c.account_id == owner
        meant: tuple[sa.ColumnElement[bool], ...] = () if token_id is None else (token.c.id == token_id,)
        if after is TokenStatus.ACTIVE:
            meant += (token.c.expires.is_(None),)  # one that was pending when it was disabled has had no first code
        switched = connection.execute(token.update().where(mine, _is(before), *meant).values(status=after.value))
        if not switched.rowcount:
            raise _none_of(name, before, token_id)
        connection.execute(device.delete().where(device.c.account_id == owner))
        if not connection.scalar(sa.select(sa.exists().where(mine, _is(TokenStatus.ACTIVE)))):
            accounts.end_pending(connection, owner)
        cleared = accounts.NO_FAILURES if after is TokenStatus.ACTIVE else {}  # else the next typo would disable again
        accounts.update(connection, owner, database.clock.now(), grow=True, **cleared)
        return switched.rowcount


def _with_secrets(database: Database, name: str, *conditions: sa.ColumnElement[bool]) -> list[Token]:
    with database.read() as connection:
        owner = accounts.identity(connection, name)
        query = sa.select(*TOKEN_COLUMNS).where(token.c.account_id == owner, *conditions).order_by(token.c.id)
        return [token_of(row, database.secrets) for row in connection.execute(query)]


def _delete_of(connection: sa.Connection, table: sa.Table, owner: int) -> int:
    return connection.execute(table.delete().where(table.c.account_id == owner)).rowcount


def _refuse_digits(connection: sa.Connection, owner: int, name: str, digits: int) -> None:
    """In append mode the length of a code tells it from the password: it is one for all tokens of an account."""
    others = sa.select(token.c.digits).where(token.c.account_id == owner, token.c.digits != digits)
    other = connection.scalar(others.limit(1))
    if other is not None:
        hint = f"use {other} digits, or end the others with: radius-mfa token reset {name}"
        raise OperationFailed(f"the tokens of {name} have {other} digits, not {digits}", hint)


def _alive(now: float) -> tuple[sa.ColumnElement[bool], ...]:
    return _is(TokenStatus.PENDING), sa.or_(token.c.expires.is_(None), token.c.expires > now)


def _is(status: TokenStatus) -> sa.ColumnElement[bool]:
    return token.c.status == status.value


def _none_pending(name: str) -> OperationFailed:
    return OperationFailed(f"{name} has no pending token", f"make one with: radius-mfa token enroll {name}")


def _none_of(name: str, status: TokenStatus, token_id: int | None = None) -> OperationFailed:
    which = f"{status} token" if token_id is None else f"token {token_id} that is {status}"
    return OperationFailed(f"{name} has no {which}", f"see them with: radius-mfa token list {name}")
