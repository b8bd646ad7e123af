"""Accounts, for the admin: add, look at, change, import, end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import sqlalchemy as sa

from radius_mfa.auth.model import LOCAL, Mfa, TokenStatus
from radius_mfa.errors import NotFound, OperationFailed, Taken
from radius_mfa.store import letters
from radius_mfa.store.account_row import AccountRow, account_row, selection
from radius_mfa.store.database import Database
from radius_mfa.store.rows import groups_text
from radius_mfa.store.schema import account, device, outbox, token

SLICE = 1000
"""Rows written in one hold of the queue of writers."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made; `name` is canonical."""

    name: str
    mail: str | None = None
    groups: frozenset[str] = frozenset()
    language: str | None = None
    mfa: Mfa = Mfa.INHERIT
    password_hash: str | None = field(default=None, repr=False)
    backend: str = LOCAL


@dataclass(frozen=True, slots=True)
class Changes:
    """What `change` sets; None leaves a column as it is, an empty text or set empties it."""

    mail: str | None = None
    groups: frozenset[str] | None = None
    language: str | None = None
    mfa: Mfa | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the rows of an import."""

    added: int
    skipped: int


def add(database: Database, new: NewAccount) -> AccountRow:
    """Make an account. Raises Taken."""
    with database.write() as connection:
        if _id(connection, new.name) is not None:
            hint = f"change it with: radius-mfa user set {new.name}"
            raise Taken(f"there is an account {new.name} already", hint)
        connection.execute(account.insert().values(_values(new, database.clock.now())))
        return _row(connection, new.name, database.clock.now())


def get(database: Database, name: str) -> AccountRow:
    """The account of this name. Raises NotFound."""
    with database.read() as connection:
        return _row(connection, name, database.clock.now())


def all_accounts(database: Database, after: str = "", most: int | None = None) -> list[AccountRow]:
    """Every account by name, or as many at `most` of those that come after this name."""
    with database.read() as connection:
        wanted = selection(database.clock.now()).where(account.c.name > after).order_by(account.c.name)
        rows = connection.execute(wanted if most is None else wanted.limit(most))
        return [account_row(row._mapping) for row in rows]


def change(
    database: Database,
    name: str,
    changes: Changes,
    *,
    mails: bool = False,
    allow: Callable[[AccountRow, AccountRow], None] | None = None,
) -> AccountRow:
    """Set what is given. The epoch grows when mail, groups or MFA become other ones. Raises OperationFailed.

    With `mails`, another address is told to the old and the new one. `allow` is shown the account before and after;
    when it raises, nothing was changed.
    """
    given: dict[str, Any] = {}
    if changes.mail is not None:
        given["mail"] = changes.mail or None
    if changes.language is not None:
        given["language"] = changes.language or None
    if changes.groups is not None:
        given["groups"] = groups_text(changes.groups)
    if changes.mfa is not None:
        given["mfa"] = changes.mfa.value
    with database.write() as connection:
        row_before = _row(connection, name, database.clock.now())
        found = row_before.id
        before = connection.execute(sa.select(account).where(account.c.id == found)).mappings().one()
        if "groups" in given:
            _refuse_host_account(before["backend"], f"the groups of {name} are")
        other = {column: value for column, value in given.items() if before[column] != value}
        if other:
            update(connection, found, database.clock.now(), grow=bool(other.keys() - {"language"}), **other)
        if "mail" in other:
            end_pending(connection, found)  # whoever reads the old mailbox may have its key
        if mails and "mail" in other:
            letters.address_changed(database, connection, name, before["mail"])
        row_after = _row(connection, name, database.clock.now())
        if allow is not None:
            allow(row_before, row_after)
        return row_after


def set_password_hash(database: Database, name: str, password_hash: str) -> None:
    """Set the hash of a new password: what rests on the old one ends, devices too. Raises OperationFailed."""
    with database.write() as connection:
        found = identity(connection, name)
        backend = connection.scalar(sa.select(account.c.backend).where(account.c.id == found))
        _refuse_host_account(backend, f"the password of {name} is")
        update(connection, found, database.clock.now(), grow=True, password_hash=password_hash)
        connection.execute(device.delete().where(device.c.account_id == found))


def disable(database: Database, name: str) -> None:
    """Let the account in nowhere any more. Raises OperationFailed, also when it is disabled already."""
    _set_disabled(database, name, disabled=True)


def enable(database: Database, name: str) -> None:
    """End `disable`. Raises OperationFailed, also when the account is not disabled."""
    _set_disabled(database, name, disabled=False)


def unlock(database: Database, name: str) -> None:
    """Forget the wrong codes of the account: row, window and lock. Raises OperationFailed."""
    with database.write() as connection:
        update(connection, identity(connection, name), database.clock.now(), grow=True, **NO_FAILURES)


def delete(database: Database, name: str) -> None:
    """End the account and all that hangs on it. Raises OperationFailed."""
    with database.write() as connection:
        connection.execute(account.delete().where(account.c.id == identity(connection, name)))


def existing(database: Database, names: Iterable[str]) -> set[str]:
    """Those of the names that are taken."""
    rest = iter(names)
    found: set[str] = set()
    with database.read() as connection:
        while some := list(islice(rest, SLICE)):
            found.update(connection.scalars(sa.select(account.c.name).where(account.c.name.in_(some))))
    return found


def import_accounts(database: Database, rows: Sequence[NewAccount], *, skip_existing: bool = False) -> Imported:
    """Make many accounts, 1,000 in a transaction. Nothing is made when a name is taken and not to be skipped.

    Raises OperationFailed; a name that is taken meanwhile ends the import after the slices before.
    """
    twice = [name for name, times in Counter(row.name for row in rows).items() if times > 1]
    if twice:
        raise OperationFailed(f"{twice[0]} is in the list more than once", "leave one of its rows")
    taken = existing(database, (row.name for row in rows))
    if taken and not skip_existing:
        hint = "leave them out with: --skip-existing"
        raise OperationFailed(f"{len(taken)} of the accounts are there already, such as {min(taken)}", hint)
    fresh = (row for row in rows if row.name not in taken)
    added = 0
    while some := list(islice(fresh, SLICE)):
        now = database.clock.now()
        with database.write() as connection:
            connection.execute(account.insert(), [_values(row, now) for row in some])
        added += len(some)
    return Imported(added, len(rows) - added)


NO_FAILURES = {"failures": 0, "window_failures": 0, "window_started": 0.0, "locked_until": 0.0, "counted": b""}
"""Columns of an account that has no wrong codes behind it."""


def identity(connection: sa.Connection, name: str) -> int:
    """The id of the account of this name. Raises NotFound."""
    found = _id(connection, name)
    if found is None:
        raise NotFound(f"there is no account {name}", "see them with: radius-mfa user list")
    return found


def end_pending(connection: sa.Connection, owner: int) -> None:
    """The pending token of an account, and the mail that would still bring its key."""
    pending = token.c.status == TokenStatus.PENDING.value
    mine = sa.select(token.c.id).where(token.c.account_id == owner, pending)
    connection.execute(outbox.delete().where(outbox.c.token_id.in_(mine), outbox.c.sent_at.is_(None)))
    connection.execute(token.delete().where(token.c.account_id == owner, pending))


def update(connection: sa.Connection, account_id: int, now: float, *, grow: bool, **values: Any) -> None:  # noqa: ANN401
    """Set columns of an account; with `grow`, States and remembered passwords of before are dead."""
    if grow:
        values["epoch"] = account.c.epoch + 1
    connection.execute(account.update().where(account.c.id == account_id).values(changed=now, **values))


def _refuse_host_account(backend: str | None, what: str) -> None:
    if backend != LOCAL:
        raise OperationFailed(f"{what} kept by {backend}", "change it where that backend looks, such as on the host")


def _set_disabled(database: Database, name: str, *, disabled: bool) -> None:
    with database.write() as connection:
        found = identity(connection, name)
        if connection.scalar(sa.select(account.c.disabled).where(account.c.id == found)) == disabled:
            raise OperationFailed(f"the account {name} is {'disabled already' if disabled else 'not disabled'}")
        if disabled:
            end_pending(connection, found)
            connection.execute(device.delete().where(device.c.account_id == found))
        update(connection, found, database.clock.now(), grow=True, disabled=disabled)


def _id(connection: sa.Connection, name: str) -> int | None:
    return connection.scalar(sa.select(account.c.id).where(account.c.name == name))


def _values(new: NewAccount, now: float) -> dict[str, Any]:
    return {
        "name": new.name,
        "mail": new.mail,
        "groups": groups_text(new.groups),
        "language": new.language,
        "mfa": new.mfa.value,
        "password_hash": new.password_hash,
        "backend": new.backend,
        "created": now,
        "changed": now,
    }


def _row(connection: sa.Connection, name: str, now: float) -> AccountRow:
    row = connection.execute(selection(now).where(account.c.id == identity(connection, name))).one()
    return account_row(row._mapping)
