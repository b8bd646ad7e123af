"""Trusted devices, for the admin: look at, name, end. Logins make and use them (write_set.py)."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from radius_mfa.auth.model import DeviceKind
from radius_mfa.auth.notices import Changed
from radius_mfa.errors import NotFound, NothingToDo
from radius_mfa.store import accounts, labels, letters
from radius_mfa.store.database import Database
from radius_mfa.store.schema import device


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A trusted device as the admin sees it: without what shows it. Times are seconds since the epoch."""

    id: int
    kind: DeviceKind
    client: str
    label: str
    created: float
    last_used: float
    expires: float


def all_devices(database: Database, name: str) -> list[DeviceRow]:
    """The devices of an account that are still trusted, oldest first. Raises OperationFailed: no such account."""
    columns = [column for column in device.c if column.name in DeviceRow.__dataclass_fields__]
    with database.read() as connection:
        owner = accounts.identity(connection, name)
        mine = sa.select(*columns).where(device.c.account_id == owner, device.c.expires > database.clock.now())
        rows = connection.execute(mine.order_by(device.c.id))
        return [DeviceRow(**{**row._mapping, "kind": DeviceKind(row.kind)}) for row in rows]


def rename(database: Database, name: str, device_id: int, label: str, notice: Changed | None = None) -> None:
    """Give a device another label. Raises OperationFailed."""
    labels.check(label)
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        mine = device.update().where(device.c.id == device_id, device.c.account_id == owner)
        if connection.execute(mine.values(label=label)).rowcount != 1:
            raise _none_such(name, device_id)
        letters.changed(database, connection, name, notice)


def revoke(database: Database, name: str, device_id: int, notice: Changed | None = None) -> None:
    """Trust a device no longer, from its next login on. Raises OperationFailed."""
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        mine = device.delete().where(device.c.id == device_id, device.c.account_id == owner)
        if connection.execute(mine).rowcount != 1:
            raise _none_such(name, device_id)
        letters.changed(database, connection, name, notice)


def revoke_all(database: Database, name: str, notice: Changed | None = None) -> int:
    """Trust no device of an account any longer; how many there were. Raises NothingToDo for none."""
    with database.write() as connection:
        owner = accounts.identity(connection, name)
        ended = connection.execute(device.delete().where(device.c.account_id == owner)).rowcount
        if not ended:
            raise NothingToDo(f"{name} has no trusted devices")
        letters.changed(database, connection, name, notice)
        return ended


def _none_such(name: str, device_id: int) -> NotFound:
    return NotFound(f"{name} has no device {device_id}", f"see them with: radius-mfa device list {name}")
