"""What a flow may ask for, and what it is answered. Nothing else reaches the rules from outside."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from radius_mfa.auth.model import Account, Algorithm, Claim, OpenedState, Token, Verdict
from radius_mfa.auth.notices import Activated, CodeUsed, Content, NewDevice
from radius_mfa.auth.throttle import Lockout
from radius_mfa.value import value


@value
class LoadAccount:
    """Answered with the Account of this canonical name, or None."""

    name: str


@value
class Recall:
    """Answered with whether this password of the account was checked in full a moment ago, so that it is right.

    Always no while not everybody may try the account from this place: then TakeTry decides. A no says nothing, and is
    followed by TakeTry at once. `place` and `at` as there.
    """

    account: Account
    password: bytes = field(repr=False)
    place: str
    at: float


@value
class TakeTry:
    """Answered with what was taken, or None: this password is not to be checked, there were too many wrong ones.

    `name` is canonical and `account` None for a user who has no account yet. `place` is policy.place_key of the
    request; `at` seconds since the epoch.
    """

    account: Account | None
    name: str
    place: str
    at: float


@value
class KnowsPlace:
    """Answered with whether the account was let in from this place before, as far as it is remembered."""

    account: Account
    place: str


@value
class ReturnTry:
    """The password was right: what TakeTry took does not count. Answered with None."""

    taken: object


@value
class CheckPassword:
    """Answered with Checked: is this the password of the account, or of the user `name` that a backend may know?

    `name` is canonical; without an account and with an empty name the answer is no, after the same work. `rhost` is
    where the person sits, as far as it is known. Runs in a slot.
    """

    account: Account | None
    name: str
    password: bytes = field(repr=False)
    rhost: str = ""


@value
class Brought:
    """What a backend with accounts of its own knows of one, by its canonical name.

    `groups` is None where they cannot be read; `mail` is the address for an account that is made now.
    """

    name: str
    backend: str
    groups: frozenset[str] | None
    mail: str | None = None


@value
class Checked:
    """What a backend says of a password. `allowed`: the account may be used (it has not expired, for one)."""

    passed: bool
    allowed: bool = True
    brought: Brought | None = None


@value
class RecordAccount:
    """Make the account that was brought if there is none of its name, and write down its groups if they are others.

    Only for whom the backend has let pass. Other groups let the epoch grow. Answered with the account as it is
    then: another backend's, if it was made with that one. `at`: seconds since the epoch.
    """

    brought: Brought
    at: float


@value
class FindSkew:
    """Answered with an `otp.Skewed`: was this wrong code right in the last `back` seconds, or in the next 10 minutes?

    Runs in a hash slot: for a day it computes some three thousand codes.
    """

    tokens: tuple[Token, ...]
    code: str = field(repr=False)
    at: float
    back: int


@value
class FindRecoveryCode:
    """Answered with the account's RecoveryCode of this normalised text, or None."""

    account: Account
    code: str = field(repr=False)


@value
class FindDevice:
    """Answered with the account's Device of this claim, expired or not, or None.

    One whose mark was another before is found too when it was this datagram (`digest`) that changed it.
    """

    account: Account
    claim: Claim
    digest: bytes


@value
class MakeDeviceToken:
    """Answered with 32 random octets, for a front end to keep."""


@value
class TagPassword:
    """Answered with a keyed tag of this password of the account, model.TAG octets: another password, another tag."""

    account: Account
    password: bytes = field(repr=False)


@value
class UseToken:
    """Take one step or counter of an active token; loses unless it is newer than the last one taken."""

    token_id: int
    step: int
    drift: int


@value
class ActivateToken:
    """Take the first step of a pending token that has not expired; it becomes active."""

    token_id: int
    step: int
    drift: int


@value
class UseRecoveryCode:
    """Take a recovery code; loses if it was used or has expired. The trusted devices of the account end with it."""

    code_id: int


@value
class UseDevice:
    """Let a trusted device stand in for the code; loses if it has expired or its mark is another by now.

    `after`: its mark from now on, the same one for kinds that keep it.
    """

    device_id: int
    before: Claim
    after: Claim


Consumption = UseToken | ActivateToken | UseRecoveryCode | UseDevice


@value
class Trust:
    """Trust a device from now on until `expires` (seconds since the epoch), with `tag` as its password's.

    One that was trusted under this claim before is replaced. An account has at most `most`: the one that was used
    longest ago goes.
    """

    claim: Claim
    label: str
    expires: float
    most: int
    tag: bytes | None = field(default=None, repr=False)


@value
class Invite:
    """Make a pending TOTP token that lives until `ends`, and queue the mail that brings its key.

    Only while the account is not locked, not disabled and of the epoch that was loaded; nothing is made where a token
    is there by now, and that is no loss. At most `per_day` invitations an account and `per_minute` in all are queued:
    past that, Loss.MAIL_LIMIT. Times are seconds since the epoch.
    """

    ends: float
    content: Content = "qr"
    digits: int = 6
    algorithm: Algorithm = Algorithm.SHA1
    period: int = 30
    per_day: int = 5
    per_minute: int = 60


@value
class InviteAgain:
    """Queue the mail of the pending token once more; Loss.TOO_SOON if one was queued after `since`.

    The account's state and the limits as with Invite; without a living pending token, Loss.CONSUMED.
    """

    since: float
    content: Content = "qr"
    per_day: int = 5
    per_minute: int = 60


Notice = Activated | CodeUsed | NewDevice
"""News for the stored address: nobody waits for them."""
Mail = Invite | InviteAgain | Notice
"""What a round puts into the outbox."""


@value
class Commit:
    """Everything a round changes, in one transaction, in this order; a statement that loses ends the round's writes.

    1. `spend`: the State this round answers, spent whatever the verdict (an expired one is lost by definition).
    2. `consume`: the row that is used up, only while the account is not locked, not disabled and of the epoch that
       was loaded; the reply to `verdict` is stored in that row under `digest`.
    3. The account row: `failures` back to 0 after a code was consumed if they were not, and `place` becomes one that
       the account is known from (the latest 8 are kept); with `wrong_code`, the account is read again and, unless it is
       locked by then, `throttle.count` decides on its history by these limits. A lock ends its trusted devices and lets
       its epoch grow; too many in a row disable its tokens. With `judged`, only the digest joins the counted ones: the
       same datagram is not to be judged by another clock.
    4. `trust`: a new device. `forget`: one that ends.
    5. `mails`: the outbox, and the pending token an invitation is about.

    Answered with an Outcome. `at` is the time of the request, seconds since the epoch.
    """

    account: Account
    verdict: Verdict
    at: float
    digest: bytes
    spend: OpenedState | None = None
    consume: Consumption | None = None
    place: str = ""
    wrong_code: Lockout | None = None
    judged: bool = False
    trust: Trust | None = None
    forget: int | None = None
    mails: tuple[Mail, ...] = ()


class Loss(StrEnum):
    """Which part of a Commit lost."""

    STATE = "state"
    """The State was spent before or has expired."""
    CONSUMED = "consumed"
    """Another round took the step or the code before."""
    ACCOUNT = "account"
    """The account was locked, disabled or changed since it was loaded."""
    LOCKED = "locked"
    """The account is locked: this wrong code is not counted any more."""
    MAIL_LIMIT = "mail-limit"
    """No invitation was queued: too many today, or in this minute."""
    TOO_SOON = "too-soon"
    """The last invitation is too young to be sent again."""


class Ended(StrEnum):
    """What a wrong code has brought to an end."""

    LOCKED = "locked"
    """It was the last one before the lock."""
    DISABLED = "disabled"
    """It was one too many: all tokens of the account are disabled."""


@value
class Outcome:
    """What became of a Commit: `lost` is None when all of it was won.

    `stored` is the reply that this very datagram (`digest`) was given within the last 30 seconds, if it was: the
    round was a retransmission that the duplicate cache could not know. `ended`: what the wrong code has ended.
    """

    lost: Loss | None = None
    stored: bytes | None = field(default=None, repr=False)
    ended: Ended | None = None


WON = Outcome()

Ask = (
    LoadAccount
    | KnowsPlace
    | Recall
    | TakeTry
    | ReturnTry
    | CheckPassword
    | RecordAccount
    | FindSkew
    | FindRecoveryCode
    | FindDevice
    | MakeDeviceToken
    | TagPassword
    | Commit
)
