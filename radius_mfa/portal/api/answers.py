"""What the API answers: the models, from which the OpenAPI document is made too. No secret but new recovery codes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, RootModel

from radius_mfa.auth.model import DeviceKind, Mfa
from radius_mfa.portal.api.bodies import Body
from radius_mfa.store.account_row import AccountRow
from radius_mfa.store.devices import DeviceRow

Count = Annotated[int, Field(ge=0)]


class WrongCodes(Body):
    """Wrong codes since the last right one, and in the window of the lockout."""

    in_a_row: Count
    in_window: Count


class Tokens(Body):
    """Authenticators by their state."""

    active: Count
    pending: Count
    disabled: Count


class User(Body):
    """An account. Times are UTC."""

    name: str = Field(examples=["alice"])
    mail: str | None = Field(examples=["alice@example.com"])
    groups: list[str] | None = Field(description="null: they could not be read.", examples=[["pbx-admins"]])
    language: str | None
    mfa: Mfa
    backend: str = Field(description="Who checks the password.", examples=["local"])
    has_password: bool
    disabled: bool
    locked_until: datetime | None = Field(description="null: not locked.")
    wrong_codes: WrongCodes
    tokens: Tokens
    recovery_codes: Count = Field(description="Left to use.")
    devices: Count = Field(description="Trusted now.")
    created: datetime
    changed: datetime


class Users(Body):
    """Some of the accounts, by name."""

    users: list[User]
    next: str | None = Field(description="Give it as `after` for those that follow; null: that was all.")


class Codes(Body):
    """A new set of recovery codes. They are shown this once."""

    codes: list[str] = Field(examples=[["LFFN-7RVS-RJFX-2X6M"]])


class CodesLeft(Body):
    """How many recovery codes can still be used."""

    left: Count


class Ended(Body):
    """How many there were."""

    ended: Count


class Reset(Body):
    """What was taken away."""

    tokens: Count
    recovery_codes: Count
    devices: Count


class Device(Body):
    """A trusted device: it logs in without a code."""

    id: Annotated[int, Field(ge=1)]
    kind: DeviceKind
    client: str = Field(examples=["pbx"])
    label: str = Field(examples=["front desk"])
    created: datetime
    last_used: datetime
    expires: datetime


class Devices(Body):
    """The trusted devices of an account, oldest first."""

    devices: list[Device]


class Health(Body):
    """All is well."""

    status: Literal["ok"] = "ok"


class Document(RootModel[dict[str, Any]]):
    """An OpenAPI document."""


class Mistake(Body):
    """One wrong value: where it is, and what it should be."""

    pointer: str | None = Field(default=None, description="Its JSON Pointer in the body.", examples=["#/mfa"])
    parameter: str | None = Field(default=None, description="Its name in the query.", examples=["limit"])
    detail: str


class ProblemDocument(Body):
    """What went wrong (RFC 9457)."""

    type: str = Field(examples=["urn:radius-mfa:problem:not-found"])
    title: str
    status: int
    detail: str
    errors: list[Mistake] | None = Field(default=None, description="All the wrong values.")


def user(row: AccountRow, now: float) -> User:
    """An account as it stands at this time."""
    return User(
        name=row.name,
        mail=row.mail,
        groups=None if row.groups is None else sorted(row.groups),
        language=row.language,
        mfa=row.mfa,
        backend=row.backend,
        has_password=row.has_password,
        disabled=row.disabled,
        locked_until=_time(row.locked_until) if row.locked_until > now else None,
        wrong_codes=WrongCodes(in_a_row=row.failures, in_window=row.window_failures),
        tokens=Tokens(active=row.active_tokens, pending=row.pending_tokens, disabled=row.disabled_tokens),
        recovery_codes=row.recovery_left,
        devices=row.devices,
        created=_time(row.created),
        changed=_time(row.changed),
    )


def device(row: DeviceRow) -> Device:
    """A device as the store has it."""
    return Device(
        id=row.id,
        kind=row.kind,
        client=row.client,
        label=row.label,
        created=_time(row.created),
        last_used=_time(row.last_used),
        expires=_time(row.expires),
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
