"""What the API changes, in the words of the audit."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from radius_mfa.auth.model import Mfa
from radius_mfa.errors import NothingToDo
from radius_mfa.portal.api.operation import Call
from radius_mfa.ports import AuditRecord
from radius_mfa.store.database import Database

DOOR = "api"
"""Stands in the audit where logins have their client and their door."""


class ApiChange(StrEnum):
    """Every change, the `reason` of its line in the audit."""

    USER_CREATED = "user-created"
    USER_CREATED_OFF = "user-created-mfa-off"
    USER_CHANGED = "user-changed"
    MFA_REQUIRED = "mfa-required"
    MFA_INHERIT = "mfa-inherit"
    MFA_OFF = "mfa-off"
    USER_RESET = "user-reset"
    USER_UNLOCKED = "user-unlocked"
    CODES_MADE = "codes-made"
    CODES_DELETED = "codes-deleted"
    DEVICE_REVOKED = "device-revoked"
    DEVICES_REVOKED = "devices-revoked"


MFA_CHANGES = {
    Mfa.REQUIRED: ApiChange.MFA_REQUIRED,
    Mfa.INHERIT: ApiChange.MFA_INHERIT,
    Mfa.OFF: ApiChange.MFA_OFF,
}


def record(call: Call, what: ApiChange, at: float, name: str = "") -> AuditRecord:
    """The line that is written before the change; `name` where the path of the call has none."""
    return AuditRecord(
        time=at,
        event="change",
        account=name or call.name,
        client=DOOR,
        source=call.source,
        transport=DOOR,
        reason=what,
        actor=call.actor,
    )


def ending(end: Callable[[Database, str], int], name: str, database: Database) -> int:
    """End all that there is of something, be it nothing: who asks twice gets what was asked for."""
    try:
        return end(database, name)
    except NothingToDo:
        return 0
