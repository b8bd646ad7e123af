"""Sessions of the portal: begun by a login, found by the token that a browser keeps, ended by time or by hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from radius_mfa.auth.notices import Changed
from radius_mfa.store import accounts, letters
from radius_mfa.store.database import Database
from radius_mfa.store.schema import account, device, session

SEEN_EVERY = 60.0
"""Seconds: a session that is in use is written down once in so many, not with each click."""
MOST = 20
"""Sessions of an account: the one that was used longest ago ends."""


class Ended(Exception):
    """A session has ended while its request waited for the store."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in. Times are seconds since the epoch.

    `code_at`: when a code was given last; None where none was, as with a trusted device.
    """

    id: int
    name: str
    epoch: int
    created: float
    seen: float
    code_at: float | None


def begin(database: Database, token: bytes, account_id: int, epoch: int, *, code_given: bool) -> bool:
    """A session under this token; False if the account has changed since it was let in at this epoch."""
    now = database.clock.now()
    same = sa.and_(account.c.id == account_id, account.c.epoch == epoch, account.c.disabled == sa.false())
    with database.write() as connection:
        if connection.scalar(sa.select(account.c.id).where(same)) is None:
            return False
        values = {"hash": database.keys.session_hash(token), "epoch": epoch, "created": now, "seen": now}
        values |= {"account_id": account_id, "code_at": now if code_given else None}
        connection.execute(session.insert().values(values))
        mine = sa.select(session.c.id).where(session.c.account_id == account_id).order_by(session.c.seen.desc())
        connection.execute(session.delete().where(session.c.id.in_(mine.offset(MOST))))
    return True


def find(database: Database, token: bytes, *, idle: float, lifetime: float) -> Session | None:
    """The living session of this token, which is in use now.

    It has ended `idle` seconds after it was used last, `lifetime` seconds after it began, and with the epoch of its
    account.
    """
    now = database.clock.now()
    living = (
        session.c.hash == database.keys.session_hash(token),
        session.c.seen > now - idle,
        session.c.created > now - lifetime,
        session.c.seen <= now + idle,  # a clock that was set back revives none for longer than it would have lived
        session.c.epoch == account.c.epoch,
        account.c.disabled == sa.false(),
    )
    columns = (session.c.id, account.c.name, session.c.epoch, session.c.created, session.c.seen, session.c.code_at)
    with database.read() as connection:
        row = connection.execute(sa.select(*columns).join_from(session, account).where(*living)).one_or_none()
    if row is None:
        return None
    if abs(now - row.seen) >= SEEN_EVERY:
        with database.write() as connection:
            connection.execute(session.update().where(session.c.id == row.id).values(seen=now))
    return Session(*row)


def within(database: Database, living: Session) -> Database:
    """The same database, for changes of whoever is signed in: they raise Ended where the session has ended meanwhile.

    An admin who resets an account has ended its sessions: what still stood in the queue behind that is not done.
    """
    return database.admitting(partial(_refuse_ended, living))


def code_given(database: Database, session_id: int) -> None:
    """A code was given in this session."""
    with database.write() as connection:
        now = database.clock.now()
        connection.execute(session.update().where(session.c.id == session_id).values(code_at=now, seen=now))


def end(database: Database, session_id: int) -> None:
    """End a session."""
    with database.write() as connection:
        connection.execute(session.delete().where(session.c.id == session_id))


def end_all(database: Database, name: str, notice: Changed | None = None, *, devices: bool = False) -> None:
    """End all sessions of an account, and with `devices` its trusted devices and a phone that waits for its first code.

    Raises OperationFailed.
    """
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        connection.execute(session.delete().where(session.c.account_id == owner))
        if devices:
            connection.execute(device.delete().where(device.c.account_id == owner))
            accounts.end_pending(connection, owner)  # a stranger may have seen its key
        letters.changed(database, connection, name, notice)


def _refuse_ended(living: Session, connection: sa.Connection) -> None:
    same = (session.c.id == living.id, session.c.epoch == account.c.epoch, account.c.disabled == sa.false())
    if connection.scalar(sa.select(session.c.id).join_from(session, account).where(*same)) is None:
        raise Ended
