"""The vocabulary of a login: what a door asks, what the store knows of an account, what the rules answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from radius_mfa.auth.reasons import Reason
from radius_mfa.value import value


class Door(StrEnum):
    """Where a round came in."""

    RADIUS = "radius"
    PAM = "pam"
    PORTAL = "portal"


class FirstFactor(StrEnum):
    """Who answers for the first factor of a first round."""

    CHECK = "check"
    """We check the password."""
    PROVEN_BY_STACK = "proven-by-stack"
    """A PAM stack has proven it before us (a code-only service)."""
    SESSION = "session"
    """A signed-in portal session: this round asks for a code once more, and for nothing else."""


LOCAL = "local"
"""The backend of accounts whose password and groups are ours."""


class Dialogue(StrEnum):
    """How a client can bring a code (DESIGN "What a client may send")."""

    CHALLENGE = "challenge"
    APPEND = "append"
    BOTH = "both"


class Mfa(StrEnum):
    """A setting of an account or a client: does it owe a code?"""

    INHERIT = "inherit"
    REQUIRED = "required"
    OFF = "off"


class DeviceKind(StrEnum):
    """How a device shows that it is the one that was trusted."""

    TOKEN = "token"
    """By a random token that a front end keeps for it, another one after each use."""
    SSH_KEY = "ssh-key"
    """By the public key that sshd has proven."""
    CALLING_STATION = "calling-station"
    """By its address, as the client tells it."""


class Stage(IntEnum):
    """What a State stands for; one octet inside the seal."""

    CODE = 1
    """The password was right; a code is owed."""
    ENROLMENT = 2
    """The password was right; the first code of a pending token is owed."""
    DECOY = 3
    """`always_challenge` asked after a failed first round: only a Reject can follow."""
    INVALID = 255
    """Never sealed: what came did not open. Only a Reject can follow."""


class Method(StrEnum):
    """What an Accept rests on, beside the password."""

    PASSWORD = "password"
    TOTP = "totp"
    HOTP = "hotp"
    RECOVERY = "recovery"
    DEVICE = "device"
    NONE = ""


class TokenKind(StrEnum):
    """What moves the code on: time (RFC 6238) or a counter (RFC 4226)."""

    TOTP = "totp"
    HOTP = "hotp"


class TokenStatus(StrEnum):
    """A pending token waits for its first code; a disabled one refuses."""

    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"


class Algorithm(StrEnum):
    """The hash of the HMAC, by the name that hashlib knows."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"


@value
class Token:
    """An authenticator as the store has it.

    `secret` is None when it could not be unsealed. `last_step` is the last time step (TOTP) or counter (HOTP) that was
    accepted, -1 before the first. `drift` is how many steps the authenticator was off at its last login. `expires`
    (seconds since the epoch) ends a pending token.
    """

    id: int
    kind: TokenKind
    status: TokenStatus
    secret: bytes | None = field(repr=False)
    digits: int = 6
    algorithm: Algorithm = Algorithm.SHA1
    period: int = 30
    last_step: int = -1
    drift: int = 0
    expires: float | None = None


@value
class RecoveryCode:
    """One row of an account's recovery codes; `usable` is false once it was used or has expired."""

    id: int
    usable: bool


@value
class CodeHistory:
    """What an account's row remembers of wrong codes.

    `failures`: wrong codes since the last right one. `window_failures` in the window that began at `window_started`.
    `locked_until` and `window_started` are seconds since the epoch, 0 for never. `counted` are the digests of the
    last counted datagrams, newest last.
    """

    failures: int = 0
    window_failures: int = 0
    window_started: float = 0.0
    locked_until: float = 0.0
    counted: tuple[bytes, ...] = ()


@value
class Account:
    """An account as one round sees it.

    `name` is canonical. `groups` is None where they cannot be read: then a code is owed, and no rule about groups
    matches. `recovery_left` counts its usable recovery codes; `recovery_issued` says whether it has any at
    all, used ones included. `known` are keyed hashes of the places it was let in from, newest last.
    """

    id: int
    name: str
    backend: str = LOCAL
    password_hash: str | None = field(default=None, repr=False)
    mail: str | None = None
    groups: frozenset[str] | None = frozenset()
    language: str | None = None
    mfa: Mfa = Mfa.INHERIT
    disabled: bool = False
    epoch: int = 1
    history: CodeHistory = CodeHistory()
    tokens: tuple[Token, ...] = ()
    recovery_left: int = 0
    recovery_issued: bool = False
    known: tuple[bytes, ...] = ()


@value
class Claim:
    """What a request shows of a device. `mark`: the octets that tell it from all others, the token or a name."""

    kind: DeviceKind
    client: str
    mark: bytes = field(repr=False)


@value
class Device:
    """A trusted device as the store has it. Times are seconds since the epoch.

    `tag` is that of the password it was trusted with, None for local accounts. `rotated`: the mark is one that the
    device had before, and this very datagram was given the new one.
    """

    id: int
    created: float
    last_used: float
    expires: float
    tag: bytes | None = field(default=None, repr=False)
    rotated: bool = False


@value
class DeviceToken:
    """What a front end is to keep for a device of kind TOKEN; `expires` in seconds since the epoch."""

    octets: bytes = field(repr=False)
    expires: float


TAG = 2
"""Octets of the keyed tag of a password."""


@value
class OpenedState:
    """A State that opened: the seal has proven client, source address and version.

    `expires` is in whole seconds since the epoch; `nonce` is 12 octets and names this State in the store. `tag` is
    that of the password of the first round (TAG octets), where a device may come to hang on it; else empty.
    """

    stage: Stage
    account_id: int
    epoch: int
    expires: int
    nonce: bytes
    tag: bytes = field(default=b"", repr=False)


INVALID_STATE = OpenedState(Stage.INVALID, 0, 0, 0, b"")
"""What a door hands to the rules when a State came that does not open."""


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """Attributes of the final Accept for members of `groups` (None: for everyone), encoded for the wire."""

    groups: frozenset[str] | None
    attributes: bytes = b""
    shown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClientPolicy:
    """What the configuration says of one client (or PAM service), as far as the rules care."""

    shortname: str
    dialogue: Dialogue = Dialogue.CHALLENGE
    always_challenge: bool = False
    mfa: Mfa = Mfa.INHERIT
    groups: frozenset[str] | None = None
    replies: tuple[ReplyRule, ...] = ()
    trusted_devices: DeviceKind | None = None


@value
class LoginRequest:
    """The facts of one round, from whichever door.

    `at`: seconds since the epoch when the request arrived. `name` and `password` are the octets as they came (the
    password without its padding); `password` is None when the request has none that could be read, and
    `unsupported` says that it carries CHAP, MS-CHAP or EAP instead. In a round with a `state` the password field is
    the answer to the challenge. `digest` (32 octets) names the datagram together with where it came from: it keys the
    stored reply, and names the request in the audit. `host`: the machine that is logged in to, over PAM.
    `signed`: nobody on the way can have made or changed it.
    """

    door: Door
    client: ClientPolicy
    at: float
    name: bytes | None
    password: bytes | None = field(repr=False)
    digest: bytes
    source: str = ""
    first_factor: FirstFactor = FirstFactor.CHECK
    unsupported: bool = False
    state: OpenedState | None = field(default=None, repr=False)
    calling_station: str = ""
    nas_identifier: str = ""
    service: str = ""
    tty: str = ""
    rhost: str = ""
    ruser: str = ""
    host: str = ""
    proven_key: str = ""
    device_token: bytes | None = field(default=None, repr=False)
    trust_wish: bool = False
    signed: bool = True


@value
class Accept:
    """Let the user in. `attributes` are encoded for the wire; `stored` are the octets of a reply sent before.

    `device`: the token that the front end is to keep from now on. `account_id` and `epoch`: who was let in, as the
    account was then; what rests on this login longer than a moment ends with that epoch.
    """

    method: Method
    reason: Reason = Reason.OK
    text: str = ""
    attributes: bytes = field(default=b"", repr=False)
    stored: bytes | None = field(default=None, repr=False)
    device: DeviceToken | None = None
    account_id: int = field(default=0, compare=False)
    epoch: int = field(default=0, compare=False)


@value
class Reject:
    """Refuse. `text` depends on client and dialogue alone, so that it tells nothing about the account."""

    reason: Reason
    text: str = ""


@value
class Challenge:
    """Ask for a code. The door seals the State from stage, account, epoch, lifetime and tag; a decoy has account 0.

    `address`: where a mail has brought the key, masked; empty where none did.
    """

    stage: Stage
    text: str
    account_id: int
    epoch: int
    lifetime: float
    reason: Reason = Reason.OK
    tag: bytes = field(default=b"", repr=False)
    address: str = ""


Verdict = Accept | Reject | Challenge
