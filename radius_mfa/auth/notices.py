"""What a mail is about: the few facts known when it is caused. The store seals them, mail/ makes words of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import ClassVar, Literal

from radius_mfa.errors import OperationFailed

Content = Literal["qr", "key", "link"]
"""What an invitation brings: the key as a picture and as text, as text alone, or a link to the portal's page of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    """`account` is the canonical name; `language` is the account's own, empty for that of the configuration."""

    kind: ClassVar[str]
    account: str
    language: str = ""

    @property
    def template(self) -> str:
        """The name of what words it, without its suffix."""
        return self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation(_About):
    """Here is your key: set up an authenticator. `key` is base32 without padding, `ends` seconds since the epoch.

    With `mode` link there is no key in the mail: `link` is what stands behind the portal's address of its page.
    """

    kind: ClassVar[str] = "invitation"
    key: str = field(repr=False)
    ends: float
    mode: Content = "qr"
    link: str = field(default="", repr=False)
    digits: int = 6
    period: int = 30
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha1"

    @property
    def template(self) -> str:
        return "link" if self.mode == "link" else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event(_About):
    """`at` is in seconds since the epoch; `client` and `address` say where it came from, empty where nobody knows."""

    at: float
    client: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activated(_Event):
    """The first right code has come: from now on every login asks for one."""

    kind: ClassVar[str] = "activated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(_Event):
    """An administrator has taken away token, recovery codes and devices."""

    kind: ClassVar[str] = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChanged(_Event):
    """Goes to the old and to the new address, which are given masked."""

    kind: ClassVar[str] = "address-changed"
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeUsed(_Event):
    """A recovery code was used; `low` says that it is time to get new ones."""

    kind: ClassVar[str] = "code-used"
    left: int
    low: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice(_Event):
    """A device is trusted `until` (seconds since the epoch); `device` is the name it has in lists."""

    kind: ClassVar[str] = "new-device"
    until: float
    device: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Test(_Event):
    """An admin wants to see whether mail arrives. `account` is empty."""

    kind: ClassVar[str] = "test"
    account: str = ""


class Change(StrEnum):
    """What users change about their own second factor."""

    CODES_MADE = "codes-made"
    CODES_DELETED = "codes-deleted"
    DEVICE_RENAMED = "device-renamed"
    DEVICE_REVOKED = "device-revoked"
    DEVICES_REVOKED = "devices-revoked"
    PHONE_BEGUN = "phone-begun"
    """The key of another authenticator was shown; the first code of it is still to come."""
    PHONE_REMOVED = "phone-removed"
    PHONE_IN_STEP = "phone-in-step"
    SIGNED_OUT = "signed-out"
    """All sessions have ended."""
    NOT_ME = "not-me"
    """A login was a stranger's: sessions and trusted devices have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(_Event):
    """The account's second factor was changed in the portal; `device` is the label of what it was about."""

    kind: ClassVar[str] = "changed"
    what: Change
    device: str = ""


Facts = Invitation | Activated | Reset | AddressChanged | CodeUsed | NewDevice | Changed | Test
KINDS: dict[str, type[Facts]] = {
    one.kind: one for one in (Invitation, Activated, Reset, AddressChanged, CodeUsed, NewDevice, Changed, Test)
}


def dumps(facts: Facts) -> bytes:
    """The facts as JSON, for the store to seal."""
    return json.dumps({"kind": facts.kind, **asdict(facts)}).encode()


def loads(body: bytes) -> Facts:
    """The facts that `dumps` wrote. Raises OperationFailed for anything else, without repeating it."""
    try:
        values = json.loads(body)
        return KINDS[values.pop("kind")](**values)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise OperationFailed("the mail was written by another version and cannot be read") from None
