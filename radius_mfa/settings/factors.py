"""The sections `passwords`, `mfa` and `enrollment`: the first factor, the second, and how one comes to it."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Tag

from radius_mfa.settings.clients import Groups
from radius_mfa.settings.scalars import FilePath, Scalar, duration, duration_or_off, size, text, whole
from radius_mfa.settings.section import Section, by_type, discriminator


def address_template(given: str) -> str:
    """A mail address with `{user}` in it; ValueError where it holds another placeholder or is no address."""
    for _, name, spec, conversion in string.Formatter().parse(given):
        if name is not None and (name != "user" or spec or conversion):
            raise ValueError
    local, _, domain = given.format(user="user").rpartition("@")
    if not local or not domain or "{user}" not in given or any(c in given for c in ' ,;<>"()\n\t') or "@" in local:
        raise ValueError
    return given


_TEMPLATE = Scalar(
    read=address_template,
    says="takes one address whose only placeholder is {user}, such as '{user}@example.com'",
    schema={"type": "string", "pattern": r"^[^ ,;<>]*\{user\}[^ ,;<>]*$", "examples": ["{user}@example.com"]},
)
ServiceName = Annotated[
    str, text("[A-Za-z0-9._-]{1,64}", "takes the name of a file in /etc/pam.d, such as radius-mfa", "radius-mfa")
]


class LocalBackend(Section):
    """Accounts with a password in our own database."""

    type: Literal["local"] = Field(description="local: passwords in the database.")


class PamBackend(Section):
    """Accounts of this host, checked through PAM."""

    type: Literal["pam"] = Field(description="pam: passwords of this host.")
    service: ServiceName = Field(default="radius-mfa", description="PAM service whose stack checks the password.")
    min_uid: Annotated[int, whole(1, 2**32 - 2)] = Field(
        default=1000, description="Accounts with a smaller uid are refused."
    )
    mail: Annotated[str, _TEMPLATE] | None = Field(
        default=None, description="Mail address of such an account; {user} is its name."
    )


Backend = Annotated[
    Annotated[LocalBackend, Tag("<local>")] | Annotated[PamBackend, Tag("<pam>")],
    by_type("local", "pam"),
]


class Throttle(Section):
    """Limits on wrong passwords."""

    after: Annotated[int, whole(1, 1000)] = Field(
        default=5, description="Wrong passwords of one account, client and station in a window."
    )
    account: Annotated[int, whole(1, 100000)] = Field(
        default=20, description="Wrong passwords of one account in a window, over all clients."
    )
    window: Annotated[float, duration("1m", "1d", "10m")] = Field(default=600.0, description="Length of the window.")
    known_every: Annotated[float, duration("1s", "1h", "5s")] = Field(
        default=5.0, description="While throttled, how often a known client and station may still try."
    )


class Passwords(Section):
    """The first factor."""

    backends: Annotated[tuple[Backend, ...], Field(min_length=1)] = Field(
        default=(LocalBackend(type="local"),),
        description="Where passwords are checked, in this order; the first that knows the user decides.",
    )
    hash_memory: Annotated[int, size("32MiB", "65536MiB", "256MiB")] = Field(
        default=256 << 20, description="Memory that password hashes may take at once, over all workers (19 MiB each)."
    )
    throttle: Throttle = Field(default=Throttle(), description="Limits on wrong passwords.")
    helper: FilePath = Field(
        default=Path("/run/radius-mfa-pam-check/check.sock"),
        description="Socket of the process that checks PAM passwords.",
    )
    remember: Annotated[float, duration_or_off("1s", "1h", "5m")] = Field(
        default=0.0,
        description="How long a right password is remembered in memory, to spare its hash; off: not at all.",
    )


def _word(given: str) -> str:
    if given not in {"all", "none"}:
        raise ValueError
    return given


class RequiredGroups(Section):
    """Members of these groups owe a code."""

    groups: Groups = Field(description="Groups whose members owe a code.")


_WORD = Scalar(read=_word, says="takes all, none or {groups: [...]}", schema={"enum": ["all", "none"]})


def _required(value: object) -> str:
    return "<groups>" if isinstance(value, (dict, RequiredGroups)) else "<word>"


Required = Annotated[
    Annotated[Literal["all", "none"], _WORD, Tag("<word>")] | Annotated[RequiredGroups, Tag("<groups>")],
    discriminator(_required, "takes all, none or {groups: [...]}"),
]


class Totp(Section):
    """Time-based codes of new authenticators (RFC 6238)."""

    digits: Annotated[int, whole(6, 8)] = Field(default=6, description="Digits of a code.")
    period: Annotated[float, duration("15s", "5m", "30s", fraction=False)] = Field(
        default=30.0, description="How long a code is shown."
    )
    algorithm: Literal["sha1", "sha256", "sha512"] = Field(
        default="sha1", description="Hash; many apps know only sha1."
    )
    window: Annotated[int, whole(0, 10)] = Field(
        default=1, description="Steps either way that are taken; 0: the current step only."
    )


class Hotp(Section):
    """Counter-based codes (RFC 4226)."""

    look_ahead: Annotated[int, whole(0, 100)] = Field(default=10, description="Counters ahead that are tried.")


class RecoveryCodes(Section):
    """One-time codes for a lost authenticator."""

    count: Annotated[int, whole(1, 50)] = Field(default=10, description="Codes in a new set.")
    low: Annotated[int, whole(0, 50)] = Field(
        default=3, description="At so many left the user is told to get new ones."
    )


class TrustedDevices(Section):
    """Devices on which the password alone is enough for some days."""

    lifetime: Annotated[float, duration("1m", "90d", "7d")] = Field(
        default=7 * 86400.0, description="How long a device is trusted."
    )
    max: Annotated[int, whole(1, 100)] = Field(default=10, description="Devices an account may have.")
    vendor: Annotated[int, whole(1, 2**24 - 1)] = Field(
        default=32473, description="Vendor number of the attributes that carry device tokens; set your own."
    )


class Lockout(Section):
    """Limits on wrong codes."""

    after: Annotated[int, whole(1, 100)] = Field(default=5, description="Wrong codes in a row that lock an account.")
    for_: Annotated[float, duration("1s", "1d", "5m")] = Field(
        default=300.0, alias="for", description="Length of the first lock; it doubles with each further one, up to 24h."
    )
    per_window: Annotated[int, whole(1, 1000)] = Field(
        default=10, description="Wrong codes in one window that lock until it is over."
    )
    window: Annotated[float, duration("1m", "7d", "24h")] = Field(default=86400.0, description="Length of the window.")
    disable_after: Annotated[int, whole(1, 10000)] = Field(
        default=100, description="Wrong codes in a row that disable all tokens."
    )


class Mfa(Section):
    """The second factor."""

    required: Required = Field(
        default="all",
        description="Who owes a code unless account or client says otherwise: all, none or {groups: [...]}.",
    )
    not_enrolled: Literal["enroll", "reject", "accept"] = Field(
        default="enroll",
        description="What an account gets that owes a code and has no token; accept lets it in with its password.",
    )
    totp: Totp = Field(default=Totp(), description="Time-based codes.")
    hotp: Hotp = Field(default=Hotp(), description="Counter-based codes.")
    recovery_codes: RecoveryCodes = Field(
        default=RecoveryCodes(), description="One-time codes for a lost authenticator."
    )
    trusted_devices: TrustedDevices = Field(
        default=TrustedDevices(), description="Devices on which the password is enough."
    )
    lockout: Lockout = Field(default=Lockout(), description="Limits on wrong codes.")
    state_lifetime: Annotated[float, duration("10s", "10m", "120s")] = Field(
        default=120.0, description="Time to answer a challenge."
    )


class Enrollment(Section):
    """How a user comes to an authenticator."""

    expires: Annotated[float, duration("10m", "7d", "24h")] = Field(
        default=86400.0, description="How long an invitation can be used."
    )
    prompt: Annotated[float, duration("1m", "1h", "10m")] = Field(
        default=600.0, description="Time to answer the challenge for the first code."
    )
    resend_after: Annotated[float, duration("1m", "1d", "10m")] = Field(
        default=600.0, description="After what time `mail` typed at the prompt sends again."
    )
    per_day: Annotated[int, whole(1, 100)] = Field(default=5, description="Invitations an account may get in a day.")
    per_minute: Annotated[int, whole(1, 10000)] = Field(
        default=60, description="Invitations sent in a minute, over all accounts."
    )
    mail: Literal["qr", "key", "link"] = Field(
        default="qr", description="What the mail carries: QR code and key, the key, or a link to the portal."
    )
