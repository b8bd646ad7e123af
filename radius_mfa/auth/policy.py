"""Who owes a second factor, who may use a client, how a field is to be read: the configuration as functions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum, auto

from radius_mfa.auth import claims, credential
from radius_mfa.auth.model import (
    LOCAL,
    Account,
    Algorithm,
    ClientPolicy,
    Dialogue,
    Door,
    FirstFactor,
    LoginRequest,
    Mfa,
    Token,
    TokenStatus,
)
from radius_mfa.auth.notices import Content
from radius_mfa.auth.texts import Text, lasting, masked, say
from radius_mfa.auth.throttle import Lockout
from radius_mfa.value import value

LONGEST_NAME = 253
LONGEST_PLACE = 64
"""Characters of a place that a notice or a list tells."""
ROOT = "root"
"""The account of the host itself."""
_UPPER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


class NotEnrolled(StrEnum):
    """What happens to an account that owes a code and has no token."""

    ENROLL = "enroll"
    REJECT = "reject"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class Names:
    """How a User-Name becomes an account's name. Realms and domains are in lower case."""

    fold: bool = True
    realms: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Enrolment:
    """How an account comes to its first token; durations in seconds.

    `expires`: how long a pending token lives. `prompt`: how long the challenge for its first code can be answered.
    `digits`, `algorithm` and `period` are those of new tokens.
    """

    expires: float = 86400.0
    prompt: float = 600.0
    resend_after: float = 600.0
    per_day: int = 5
    per_minute: int = 60
    content: Content = "qr"
    digits: int = 6
    algorithm: Algorithm = Algorithm.SHA1
    period: int = 30


@dataclass(frozen=True, slots=True)
class TrustRules:
    """How long a device is trusted, in seconds, and how many of them an account may have."""

    lifetime: float = 7 * 86400.0
    most: int = 10


@dataclass(frozen=True, slots=True)
class Rules:
    """The configuration as far as a login depends on it; durations in seconds.

    `required` is True (everybody owes a code), False, or the groups whose members do. `mails`: whether mail can be
    sent at all. At `low` recovery codes left, their owner is told to get new ones. `newcomers`: whether a
    backend brings accounts of its own, so that a name without one may still be somebody, who has no code yet.
    """

    names: Names = field(default_factory=Names)
    required: bool | frozenset[str] = True
    not_enrolled: NotEnrolled = NotEnrolled.ENROLL
    window: int = 1
    look_ahead: int = 10
    state_lifetime: float = 120.0
    enrolment: Enrolment = field(default_factory=Enrolment)
    lockout: Lockout = field(default_factory=Lockout)
    trust: TrustRules = field(default_factory=TrustRules)
    mails: bool = False
    low: int = 3
    newcomers: bool = False


@value
class Reading:
    """A first round's field, read: what is the password, what the code.

    `whole`: a second candidate for the password (dialogue `both`, or a device that may stand in for the code), to be
    checked whatever the first gives. Whether there is one depends on the request alone, so that the same request costs
    every account the same. `wish`: a `+` behind the code wishes for trust.
    """

    password: bytes = field(repr=False)
    code: bytes | None = field(default=None, repr=False)
    whole: bytes | None = field(default=None, repr=False)
    wish: bool = False


class Owes(StrEnum):
    """What an account owes after its password."""

    NOTHING = auto()
    CODE = auto()
    FIRST_CODE = auto()
    """The code that activates its only, pending token."""
    ENROLMENT = auto()
    TOKEN_UNREADABLE = auto()
    TOKEN_DISABLED = auto()


def canonical_name(raw: bytes | None, names: Names) -> str | None:
    r"""The account name that a User-Name stands for, or None if it can be no name.

    ASCII is case-folded if so configured, a listed domain (`DOM\alice`) and a listed realm (`alice@realm`) are cut
    off once; anything else stays part of the name. No Unicode normalisation: two spellings are two names.
    """
    if raw is None or len(raw) > LONGEST_NAME:
        return None
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not name.isprintable():
        return None
    if names.domains:
        domain, backslash, rest = name.partition("\\")
        name = rest if backslash and _folded(domain) in names.domains else name
    if names.realms:
        user, at, realm = name.rpartition("@")
        name = user if at and _folded(realm) in names.realms else name
    return (_folded(name) if names.fold else name) or None


def _folded(text: str) -> str:
    """`text` with its ASCII letters in lower case."""
    return text.lower() if text.isascii() else text.translate(_UPPER)


def account_name(request: LoginRequest, names: Names) -> str | None:
    """The canonical name of this request. Over PAM it has to be written so: `ALICE` is another Linux user.

    In a session it is the account's own, which may be older than a realm that is cut off today.
    """
    if request.first_factor is FirstFactor.SESSION:
        return (request.name or b"").decode("utf-8", "replace") or None
    name = canonical_name(request.name, names)
    if request.door is Door.PAM and name is not None and name.encode() != request.name:
        return None
    return name


def as_known(account: Account, request: LoginRequest) -> Account:
    """The account as far as this round knows it: a stack before us has not asked the backend of a host user's groups.

    Those of its last password may be long gone.
    """
    unasked = request.first_factor is FirstFactor.PROVEN_BY_STACK and account.backend != LOCAL
    return replace(account, groups=None) if unasked else account


def admits(account: Account, request: LoginRequest) -> bool:
    """Whether the client's `groups` let this account in; without them, everyone may. root never over the network."""
    if account.name == ROOT and request.door is not Door.PAM:
        return False
    return _in_groups(account, request.client.groups)


def owes_code(account: Account, client: ClientPolicy, rules: Rules) -> bool:
    """The account's own setting decides, then the client's, then `mfa.required`."""
    for mfa in (account.mfa, client.mfa):
        if mfa is not Mfa.INHERIT:
            return mfa is Mfa.REQUIRED
    if isinstance(rules.required, bool):
        return rules.required
    return account.groups is None or _in_groups(account, rules.required)


def usable_tokens(account: Account, at: float) -> tuple[Token, ...]:
    """Tokens whose code may be tried now: active ones, and a pending one that has not expired."""
    return tuple([token for token in account.tokens if token.secret is not None and _alive(token, at)])


def takes_recovery_codes(account: Account, at: float) -> bool:
    """A recovery code stands in for a token that was active once, never for the first code of a pending one."""
    return _replaceable(usable_tokens(account, at))


def owes(account: Account, client: ClientPolicy, rules: Rules, at: float) -> Owes:
    """What this account owes this client after its password. What cannot be judged is never enrolment."""
    return second_factor(account, at) if owes_code(account, client, rules) else Owes.NOTHING


def second_factor(account: Account, at: float) -> Owes:
    """What stands between this account and an Accept once a code is owed."""
    tokens = usable_tokens(account, at)
    if tokens:
        return Owes.CODE if _replaceable(tokens) else Owes.FIRST_CODE
    if any(_alive(token, at) for token in account.tokens):
        return Owes.TOKEN_UNREADABLE
    if any(token.status is TokenStatus.DISABLED for token in account.tokens):
        return Owes.TOKEN_DISABLED
    return Owes.CODE if account.recovery_left else Owes.ENROLMENT


def code_digits(account: Account | None, rules: Rules) -> int:
    """How long this account's codes are; all its tokens agree, and an unknown account is like a new one."""
    return account.tokens[0].digits if account and account.tokens else rules.enrolment.digits


def read(password: bytes, request: LoginRequest, account: Account | None, rules: Rules) -> Reading:
    """Read the field of a first round as the client's dialogue says (DESIGN "What a client may send").

    A device that it shows may stand in for the code: then the whole field may be the password, unless a backend
    counts wrong passwords itself.
    """
    dialogue = request.client.dialogue
    if dialogue is Dialogue.CHALLENGE:
        return Reading(password)
    typed = password.removesuffix(b"+") if claims.may_trust(request.client) else password
    front, code = credential.split(typed, code_digits(account, rules))
    wish = typed != password and code is not None and code.isdigit()
    if typed != password and not wish:
        front, code = credential.split(password, code_digits(account, rules))
    if code is not None and not _may_append(account, code, request, rules):
        front, code, wish = password, None, False
    twice = dialogue is Dialogue.BOTH or (claims.claim(request) is not None and not rules.newcomers)
    whole = password if twice and credential.ends_like_a_code(typed) else None
    return Reading(front, code, whole, wish)


def attributes(account: Account, client: ClientPolicy) -> bytes:
    """The encoded attributes of the final Accept: those of the first rule whose groups match."""
    for rule in client.replies:
        if _in_groups(account, rule.groups):
            return rule.attributes
    return b""


def denial(client: ClientPolicy) -> str:
    """The text of every Reject of this client, whatever the reason."""
    return say(Text.DENIED if client.dialogue is Dialogue.CHALLENGE else Text.DENIED_APPEND)


def place(request: LoginRequest) -> str:
    """Where the user sits, as far as anybody says: the station, the remote host, else who asked us."""
    return request.calling_station or request.rhost or request.source


def place_key(request: LoginRequest) -> str:
    """Where a request came from, to be told from all other places: a door's client, and the station behind it."""
    return "\0".join((request.door, request.client.shortname, place(request)))


def low_on_codes(account: Account, rules: Rules) -> str:
    """What an Accept says of recovery codes that are running out."""
    low = account.recovery_issued and account.recovery_left <= rules.low
    return say(Text.CODES_LOW, left=account.recovery_left) if low else ""


def mailed(account: Account, rules: Rules) -> str | None:
    """The address that mail for this account goes to; None where none can be sent."""
    return (account.mail or None) if rules.mails else None


def prompt(request: LoginRequest, owed: Owes, account: Account | None, rules: Rules) -> str:
    """The text of a challenge; with `always_challenge`, one for all accounts."""
    trust = say(Text.MAY_TRUST, time=lasting(rules.trust.lifetime)) if claims.offers_trust(request) else ""
    if owed is Owes.CODE or account is None or request.client.always_challenge:
        return say(Text.ASK_CODE, trust=trust)
    address = mailed(account, rules)
    if address is None:
        return say(Text.ASK_FIRST_CODE, trust=trust)
    return say(Text.ASK_MAILED_CODE, address=masked(address), trust=trust)


def _in_groups(account: Account, groups: frozenset[str] | None) -> bool:
    """Whether a rule for these groups (None: for everyone) is about this account."""
    return groups is None or (account.groups is not None and not groups.isdisjoint(account.groups))


def _may_append(account: Account | None, code: bytes, request: LoginRequest, rules: Rules) -> bool:
    """Whether this account can have such a code behind its password; else the whole field is the password."""
    if account is None:
        return not rules.newcomers
    if not owes_code(account, request.client, rules):
        return False
    if account.recovery_left or any(_alive(token, request.at) for token in account.tokens):
        return True
    # The last recovery code, once more: a repetition of the datagram that used it has to find its reply.
    return account.recovery_issued and not code.isdigit()


def _replaceable(tokens: tuple[Token, ...]) -> bool:
    """Whether a recovery code may stand in for these usable tokens."""
    return not tokens or TokenStatus.ACTIVE in [token.status for token in tokens]


def _alive(token: Token, at: float) -> bool:
    if token.status is TokenStatus.PENDING:
        return token.expires is not None and at < token.expires
    return token.status is TokenStatus.ACTIVE
