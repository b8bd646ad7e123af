"""An account as the admin sees it, with what hangs on it counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radius_mfa.auth.model import Mfa, TokenStatus
from radius_mfa.store.rows import groups_of
from radius_mfa.store.schema import account, device, recovery_code, token

_UNSEEN = {"password_hash", "window_started", "counted", "known"}


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as the admin sees it. Times are seconds since the epoch, `locked_until` 0 for never."""

    id: int
    name: str
    backend: str
    mail: str | None
    groups: frozenset[str] | None
    language: str | None
    mfa: Mfa
    has_password: bool
    disabled: bool
    epoch: int
    failures: int
    window_failures: int
    locked_until: float
    created: float
    changed: float
    active_tokens: int
    pending_tokens: int
    disabled_tokens: int
    recovery_left: int
    devices: int


def selection(now: float) -> sa.Select[Any]:
    """The query whose rows `account_row` reads; what has expired `now` is not counted."""

    def count(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
        rows = sa.select(sa.func.count()).select_from(table).where(table.c.account_id == account.c.id, *conditions)
        return rows.scalar_subquery()

    expires = recovery_code.c.expires
    columns = account.c
    return sa.select(
        *(column for column in columns if column.name not in _UNSEEN),
        columns.password_hash.is_not(None).label("has_password"),
        *(count(token, token.c.status == status.value).label(f"{status.value}_tokens") for status in TokenStatus),
        count(recovery_code, recovery_code.c.used_at.is_(None), sa.or_(expires.is_(None), expires > now)).label(
            "recovery_left"
        ),
        count(device, device.c.expires > now).label("devices"),
    )


def account_row(row: sa.RowMapping) -> AccountRow:
    """From a row of `selection`."""
    values = dict(row)
    values["groups"] = groups_of(values["groups"])
    values["mfa"] = Mfa(values["mfa"])
    values["disabled"] = bool(values["disabled"])
    return AccountRow(**values)
