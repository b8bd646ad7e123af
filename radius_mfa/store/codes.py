"""Recovery codes, for the admin: make, count, end. They come in as auth/recovery.py makes them, and are hashed here."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from radius_mfa.auth.notices import Changed
from radius_mfa.errors import NothingToDo
from radius_mfa.store import accounts, letters
from radius_mfa.store.database import Database
from radius_mfa.store.schema import recovery_code


def replace(database: Database, name: str, codes: Sequence[str], notice: Changed | None = None) -> None:
    """Make these the recovery codes of an account, in place of all it had. Raises OperationFailed."""
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        connection.execute(recovery_code.delete().where(recovery_code.c.account_id == owner))
        rows = [{"account_id": owner, "hash": database.keys.recovery_hash(owner, code)} for code in codes]
        if rows:
            connection.execute(recovery_code.insert(), rows)
        letters.changed(database, connection, name, notice)


def add_one(database: Database, name: str, code: str, *, expires: float) -> None:
    """Add a code that lives until `expires` (seconds since the epoch) and leave the others. Raises OperationFailed."""
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        keyed = database.keys.recovery_hash(owner, code)
        connection.execute(recovery_code.insert().values(account_id=owner, hash=keyed, expires=expires))


def add(database: Database, connection: sa.Connection, owner: int, codes: Sequence[str]) -> None:
    """Add the 8-digit codes of another program to the account `owner`, inside the caller's transaction.

    They are kept as ours are, beside them. One that was there already stays as it is: used, if it was.
    """
    keyed = {database.keys.recovery_hash(owner, code) for code in codes}
    known = sa.select(recovery_code.c.hash).where(recovery_code.c.account_id == owner)
    rows = [{"account_id": owner, "hash": one} for one in keyed.difference(connection.scalars(known))]
    if rows:
        connection.execute(recovery_code.insert(), rows)


def count(database: Database, name: str) -> int:
    """How many recovery codes of an account can still be used. Raises OperationFailed when there is no such account."""
    expires = recovery_code.c.expires
    with database.read() as connection:
        usable = sa.select(sa.func.count()).where(
            recovery_code.c.account_id == accounts.identity(connection, name),
            recovery_code.c.used_at.is_(None),
            sa.or_(expires.is_(None), expires > database.clock.now()),
        )
        return connection.scalar(usable) or 0


def delete(database: Database, name: str, notice: Changed | None = None) -> int:
    """End the recovery codes of an account, used or not; how many there were. Raises NothingToDo for none."""
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        ended = connection.execute(recovery_code.delete().where(recovery_code.c.account_id == owner)).rowcount
        if not ended:
            hint = f"make some with: radius-mfa codes generate {name}"
            raise NothingToDo(f"{name} has no recovery codes", hint)
        letters.changed(database, connection, name, notice)
        return ended
