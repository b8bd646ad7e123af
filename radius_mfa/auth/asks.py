"""What a flow may ask for, and what it is answered. Nothing else reaches the rules from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from radius_mfa.auth.model import Account, Algorithm, OpenedState, Token, Verdict
from radius_mfa.auth.notices import Activated, CodeUsed


@dataclass(frozen=True, slots=True)
class LoadAccount:
    """Answered with the Account of this canonical name, or None."""

    name: str


@dataclass(frozen=True, slots=True)
class CheckPassword:
    """Answered with Checked: is this the password of the account, or of the user `name` that a backend may know?

    `name` is canonical; without an account and with an empty name the answer is no, after the same work. `rhost` is
    where the person sits, as far as it is known. Runs in a slot.
    """

    account: Account | None
    name: str
    password: bytes = field(repr=False)
    rhost: str = ""


@dataclass(frozen=True, slots=True)
class Brought:
    """What a backend with accounts of its own knows of one, by its canonical name.

    `groups` is None where they cannot be read; `mail` is the address for an account that is made now.
    """

    name: str
    backend: str
    groups: frozenset[str] | None
    mail: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a backend says of a password. `allowed`: the account may be used (it has not expired, for one)."""

    passed: bool
    allowed: bool = True
    brought: Brought | None = None


@dataclass(frozen=True, slots=True)
class RecordAccount:
    """Make the account that was brought if there is none of its name, and write down its groups if they are others.

    Only for whom the backend has let pass. Other groups let the epoch grow. Answered with the account as it is
    then: another backend's, if it was made with that one. `at`: seconds since the epoch.
    """

    brought: Brought
    at: float


@dataclass(frozen=True, slots=True)
class FindSkew:
    """Answered with an `otp.Skew`: was this wrong code right in the last 24 hours or is it in the next 10 minutes?

    Runs in a hash slot: it computes some three thousand codes.
    """

    tokens: tuple[Token, ...]
    code: str = field(repr=False)
    at: float


@dataclass(frozen=True, slots=True)
class FindRecoveryCode:
    """Answered with the account's RecoveryCode of this normalised text, or None."""

    account: Account
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UseToken:
    """Take one step or counter of an active token; loses unless it is newer than the last one taken."""

    token_id: int
    step: int
    drift: int


@dataclass(frozen=True, slots=True)
class ActivateToken:
    """Take the first step of a pending token that has not expired; it becomes active."""

    token_id: int
    step: int
    drift: int


@dataclass(frozen=True, slots=True)
class UseRecoveryCode:
    """Take a recovery code; loses if it was used or has expired."""

    code_id: int


Consumption = UseToken | ActivateToken | UseRecoveryCode


@dataclass(frozen=True, slots=True)
class Invite:
    """Make a pending TOTP token that lives until `ends`, and queue the mail that brings its key.

    Only while the account is not locked, not disabled and of the epoch that was loaded; nothing is made where a token
    is there by now, and that is no loss. At most `per_day` invitations an account and `per_minute` in all are queued:
    past that, Loss.MAIL_LIMIT. Times are seconds since the epoch.
    """

    ends: float
    content: Literal["qr", "key"] = "qr"
    digits: int = 6
    algorithm: Algorithm = Algorithm.SHA1
    period: int = 30
    per_day: int = 5
    per_minute: int = 60


@dataclass(frozen=True, slots=True)
class InviteAgain:
    """Queue the mail of the pending token once more; Loss.TOO_SOON if one was queued after `since`.

    The account's state and the limits as with Invite; without a living pending token, Loss.CONSUMED.
    """

    since: float
    content: Literal["qr", "key"] = "qr"
    per_day: int = 5
    per_minute: int = 60


Mail = Invite | InviteAgain | Activated | CodeUsed
"""What a round puts into the outbox. The last two are notices to the stored address: nobody waits for them."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything a round changes, in one transaction, in this order; a statement that loses ends the round's writes.

    1. `spend`: the State this round answers, spent whatever the verdict (an expired one is lost by definition).
    2. `consume`: the row that is used up, only while the account is not locked, not disabled and of the epoch that
       was loaded; the reply to `verdict` is stored in that row under `digest`.
    3. The account row: `failures` back to 0 after a consumption if they were not; with `wrong_code`, the account is
       read again and `throttle.count` decides on its history.
    4. `mail`: the outbox, and the pending token an invitation is about.

    Answered with an Outcome. `at` is the time of the request, seconds since the epoch.
    """

    account: Account
    verdict: Verdict
    at: float
    digest: bytes
    spend: OpenedState | None = None
    consume: Consumption | None = None
    wrong_code: bool = False
    mail: Mail | None = None


class Loss(StrEnum):
    """Which part of a Commit lost."""

    STATE = "state"
    """The State was spent before or has expired."""
    CONSUMED = "consumed"
    """Another round took the step or the code before."""
    ACCOUNT = "account"
    """The account was locked, disabled or changed since it was loaded."""
    MAIL_LIMIT = "mail-limit"
    """No invitation was queued: too many today, or in this minute."""
    TOO_SOON = "too-soon"
    """The last invitation is too young to be sent again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a Commit: `lost` is None when all of it was won.

    `stored` is the reply that this very datagram (`digest`) was given within the last 30 seconds, if it was: the
    round was a retransmission that the duplicate cache could not know.
    """

    lost: Loss | None = None
    stored: bytes | None = field(default=None, repr=False)


WON = Outcome()

Ask = LoadAccount | CheckPassword | RecordAccount | FindSkew | FindRecoveryCode | Commit
