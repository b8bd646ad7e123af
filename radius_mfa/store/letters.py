"""Mail that an admin's command causes, queued in the transaction of that command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from radius_mfa.auth.model import Token
from radius_mfa.auth.notices import Activated, AddressChanged, Changed, Content, Reset
from radius_mfa.auth.texts import masked
from radius_mfa.errors import OperationFailed
from radius_mfa.store.engine import raw
from radius_mfa.store.mailing import Addressee, mailable
from radius_mfa.store.schema import account

if TYPE_CHECKING:
    from radius_mfa.store.database import Database

NOWHERE = "none"
"""What a notice says in place of an address that is not there."""


def invitation(database: Database, connection: sa.Connection, name: str, token: Token, content: Content) -> None:
    """The key of a pending token, whatever was sent before. Raises OperationFailed: no address, or no TOTP token."""
    to = _addressee(connection, name)
    if to is None:
        hint = f"give it one with: radius-mfa user set {name} --email ADDRESS"
        raise OperationFailed(f"{name} has no mail address", hint)
    if not mailable(token):
        raise OperationFailed("mail brings the keys of TOTP tokens alone", "show it with --qr or --uri")
    database.mailing.send_key(raw(connection), to, token, content, database.clock.now())


def notice(database: Database, connection: sa.Connection, name: str, kind: type[Activated | Reset]) -> None:
    """What an admin has done, told to the owner if there is an address."""
    to, now = _addressee(connection, name), database.clock.now()
    if to is not None:
        database.mailing.notify(raw(connection), to, kind(account=name, language=to.language, at=now), now)


def changed(database: Database, connection: sa.Connection, name: str, notice: Changed | None) -> None:
    """What an owner has done in the portal, told to the stored address if there is one; None for nothing to tell."""
    to = _addressee(connection, name) if notice is not None else None
    if notice is not None and to is not None:
        told = replace(notice, account=name, language=to.language)
        database.mailing.notify(raw(connection), to, told, database.clock.now())


def address_changed(database: Database, connection: sa.Connection, name: str, before: str | None) -> None:
    """Another address is stored than `before`: both are told, each as far as it exists."""
    row, now = _row(connection, name), database.clock.now()
    shown = {"old": masked(before) if before else NOWHERE, "new": masked(row.mail) if row.mail else NOWHERE}
    told = AddressChanged(account=name, language=row.language or "", at=now, **shown)
    for address in (before, row.mail):
        if address:
            to = Addressee(row.id, name, row.language or "", address)
            database.mailing.notify(raw(connection), to, told, now)


def _addressee(connection: sa.Connection, name: str) -> Addressee | None:
    row = _row(connection, name)
    return Addressee(row.id, name, row.language or "", row.mail) if row.mail else None


def _row(connection: sa.Connection, name: str) -> sa.Row[*tuple[Any, ...]]:
    columns = (account.c.id, account.c.mail, account.c.language)
    found: sa.Row[*tuple[Any, ...]] = connection.execute(sa.select(*columns).where(account.c.name == name)).one()
    return found
