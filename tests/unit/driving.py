"""A world for the rules: drives a flow with send(), and answers from memory with the guards that a store has.

Nothing here is a double of our own code but the store, and that is a model of `asks.Commit` as it is written down: the
laws of test_laws.py hold for every store that keeps to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count

from radius_mfa.auth import flow, otp, throttle
from radius_mfa.auth.asks import (
    WON,
    ActivateToken,
    Ask,
    Brought,
    Checked,
    CheckPassword,
    Commit,
    Consumption,
    FindRecoveryCode,
    FindSkew,
    Invite,
    InviteAgain,
    LoadAccount,
    Loss,
    Mail,
    Outcome,
    RecordAccount,
    UseRecoveryCode,
    UseToken,
)
from radius_mfa.auth.model import (
    Account,
    Challenge,
    ClientPolicy,
    Dialogue,
    Door,
    LoginRequest,
    OpenedState,
    RecoveryCode,
    Token,
    TokenKind,
    TokenStatus,
    Verdict,
)
from radius_mfa.auth.policy import Rules

NOW = 1_750_000_020.0
"""A moment, in seconds since the epoch, at which a step of 30 seconds begins."""
STEP = int(NOW) // 30
PASSWORD = b"correct horse"
SECRET = b"12345678901234567890"
RECOVERY = "ABCDEFGHIJKLMNOP"
STORED_FOR = 30.0
MAILED = b"the key of the mail."
"""The secret of every token that a login makes."""

PBX = ClientPolicy("pbx")
APPEND = ClientPolicy("append", Dialogue.APPEND)
BOTH = ClientPolicy("both", Dialogue.BOTH)
SHY = ClientPolicy("shy", always_challenge=True)

_TOTP = Token(1, TokenKind.TOTP, TokenStatus.ACTIVE, SECRET)
_numbers = count(1)


def totp(**facts: object) -> Token:
    """An active authenticator with SECRET."""
    return replace(_TOTP, **facts) if facts else _TOTP  # type: ignore[arg-type]


def hotp(**facts: object) -> Token:
    """An active counter token with SECRET."""
    return totp(kind=TokenKind.HOTP, **facts)


def pending(**facts: object) -> Token:
    """An authenticator that waits for its first code, for another hour."""
    return totp(**{"status": TokenStatus.PENDING, "expires": NOW + 3600, **facts})


def alice(*tokens: Token, **facts: object) -> Account:
    """An account with these tokens."""
    return replace(Account(1, "alice", tokens=tokens), **facts)  # type: ignore[arg-type]


def code(at: float = NOW, token: Token | None = None, off: int = 0) -> bytes:
    """What the authenticator shows at `at`, `off` steps away."""
    token = token or totp()
    assert token.secret is not None
    return otp.code_at(token.secret, int(at // token.period) + off, token.digits, token.algorithm).encode()


def wrong(at: float = NOW) -> bytes:
    """Six digits that the authenticator shows at no step near `at`."""
    near = {code(at, off=off) for off in range(-2880, 21)}
    return next(guess for number in count() if (guess := b"%06d" % number) not in near)


def dashed(recovery: str = RECOVERY) -> bytes:
    return "-".join(recovery[start : start + 4] for start in range(0, 16, 4)).encode()


def request(
    password: bytes | None = PASSWORD,
    client: ClientPolicy = PBX,
    *,
    at: float = NOW,
    name: bytes | None = b"alice",
    state: OpenedState | None = None,
    **facts: object,
) -> LoginRequest:
    """A round from `client`, a datagram unlike any other."""
    digest = next(_numbers).to_bytes(32, "big")
    made = LoginRequest(Door.RADIUS, client, at, name, password, digest, source="192.0.2.10", state=state)
    return replace(made, **facts) if facts else made  # type: ignore[arg-type]


def opened(challenge: Verdict, at: float = NOW) -> OpenedState:
    """The State of a challenge made at `at`, as the door seals and opens it."""
    assert isinstance(challenge, Challenge)
    nonce = next(_numbers).to_bytes(12, "big")
    return OpenedState(challenge.stage, challenge.account_id, challenge.epoch, int(at + challenge.lifetime), nonce)


def octets(verdict: Verdict) -> bytes:
    """A stand-in for the signed reply."""
    return repr(verdict).encode()


@dataclass
class Code:
    """A row of the recovery codes."""

    id: int
    used: bool = False
    expires: float | None = None

    def usable(self, at: float) -> bool:
        return not self.used and (self.expires is None or at < self.expires)


class World:
    """Accounts, codes and States in memory. `asked` are all asks, `taken` every consumption that was won."""

    def __init__(self, *accounts: Account, rules: Rules | None = None, codes: Iterable[str] = ()) -> None:
        self.rules = rules or Rules()
        self.accounts = {account.name: account for account in accounts}
        self.passwords = {account.id: PASSWORD for account in accounts}
        self.host: dict[str, Checked] = {}
        """What the backend `pam` says of a user of the host whose password was PASSWORD."""
        self.codes = {(1, text): Code(number) for number, text in enumerate(codes, 1)}
        self.asked: list[Ask] = []
        self.taken: list[Consumption] = []
        self.skew: Callable[[FindSkew], otp.Skewed] = lambda ask: otp.find_skew(ask.tokens, ask.code, ask.at)
        self.meanwhile: Callable[[], None] = lambda: None
        """What others do between the moment the account was loaded and the commit."""
        self._at = NOW
        self._spent: set[bytes] = set()
        self._made = count(100)
        self.mails: list[tuple[float, Mail]] = []
        """Everything that was queued, with its time."""
        self._invitations: list[tuple[float, int, int]] = []
        """When, whose and for which token an invitation was queued."""
        self._replies: dict[tuple[int, bytes], tuple[float, bytes]] = {}

    def login(self, request: LoginRequest) -> Verdict:
        """The verdict of one round."""
        self._at = request.at
        running = flow.login(request, self.rules)
        answer: object = None
        try:
            while True:
                ask = running.send(answer)
                self.asked.append(ask)
                answer = self._answer(ask)
        except StopIteration as end:
            verdict: Verdict = end.value
            return verdict

    def challenged(self, client: ClientPolicy = PBX, at: float = NOW) -> OpenedState:
        """The State that alice gets for her password."""
        return opened(self.login(request(client=client, at=at)), at)

    def answered(self, answer: bytes | None, client: ClientPolicy = PBX, at: float = NOW) -> Verdict:
        """Both rounds: the password, then this answer."""
        return self.login(request(answer, client, at=at, state=self.challenged(client, at)))

    def change(self, name: str = "alice", /, **facts: object) -> None:
        """What an admin does to the account's row; whether the epoch grows is up to the story."""
        self.accounts[name] = replace(self.accounts[name], **facts)  # type: ignore[arg-type]

    def count(self, kind: type) -> int:
        """How many asks of this kind there were."""
        return sum(isinstance(ask, kind) for ask in self.asked)

    def _answer(self, ask: Ask) -> object:
        match ask:
            case LoadAccount():
                return self._load(ask.name)
            case CheckPassword():
                return self._checked(ask)
            case RecordAccount():
                return self._record(ask.brought)
            case FindSkew():
                return self.skew(ask)
            case FindRecoveryCode():
                row = self.codes.get((ask.account.id, ask.code))
                return row and RecoveryCode(row.id, row.usable(self._at))
            case Commit():
                self.meanwhile()
                return self._commit(ask)

    def _checked(self, ask: CheckPassword) -> Checked:
        user = self.host.get(ask.name)
        if user is not None and (ask.account is None or ask.account.backend == "pam"):
            return user if ask.password == PASSWORD else Checked(passed=False)
        return Checked(passed=ask.account is not None and self.passwords[ask.account.id] == ask.password)

    def _record(self, brought: Brought) -> Account:
        self.meanwhile()
        known = self._load(brought.name)
        if known is None:
            number = 1 + max([account.id for account in self.accounts.values()], default=0)
            known = Account(number, brought.name, brought.backend, mail=brought.mail, groups=brought.groups)
        elif known.backend == brought.backend and known.groups != brought.groups:
            known = replace(known, groups=brought.groups, epoch=known.epoch + 1)
        self.accounts[brought.name] = known
        return known

    def _load(self, name: str) -> Account | None:
        account = self.accounts.get(name)
        if account is None:
            return None
        rows = [row for (owner, _), row in self.codes.items() if owner == account.id]
        left = sum(row.usable(self._at) for row in rows)
        return replace(account, recovery_left=left, recovery_issued=bool(rows))

    def _commit(self, commit: Commit) -> Outcome:
        lost = self._loss(commit)
        if lost is None:
            return WON
        at, reply = self._replies.get((commit.account.id, commit.digest), (0.0, None))
        return Outcome(lost, reply if abs(commit.at - at) <= STORED_FOR else None)

    def _loss(self, commit: Commit) -> Loss | None:
        if commit.spend is not None:
            if commit.spend.expires <= commit.at or commit.spend.nonce in self._spent:
                return Loss.STATE
            self._spent.add(commit.spend.nonce)
        now = self.accounts[commit.account.name]
        if commit.consume is not None:
            if not _admits(now, commit):
                return Loss.ACCOUNT
            if not self._consume(now, commit.consume, commit.at):
                return Loss.CONSUMED
            self.taken.append(commit.consume)
            self._replies[now.id, commit.digest] = (commit.at, octets(commit.verdict))
            self.change(now.name, history=replace(now.history, failures=0))
        if commit.wrong_code:
            self.change(now.name, history=throttle.count(now.history, commit.digest, commit.at))
        return self._queue(commit, commit.mail) if commit.mail is not None else None

    def _queue(self, commit: Commit, mail: Mail) -> Loss | None:
        assert commit.account.mail, "mail to nobody"
        if isinstance(mail, Invite | InviteAgain):
            now = self.accounts[commit.account.name]
            if not _admits(now, commit):
                return Loss.ACCOUNT
            return self._invite(now, mail, commit.at)
        self.mails.append((commit.at, mail))
        return None

    def _invite(self, account: Account, mail: Invite | InviteAgain, at: float) -> Loss | None:
        """A pending token with its mail, or the mail of the one that is there once more."""
        living = [one for one in account.tokens if one.status is not TokenStatus.PENDING or at < (one.expires or 0)]
        waiting = [one for one in living if one.status is TokenStatus.PENDING]
        if isinstance(mail, Invite) and living:
            return None
        if isinstance(mail, InviteAgain):
            if not waiting:
                return Loss.CONSUMED
            if any(when > mail.since for when, _, token in self._invitations if token == waiting[0].id):
                return Loss.TOO_SOON
        today = sum(when > at - 86400 and owner == account.id for when, owner, _ in self._invitations)
        if today >= mail.per_day or sum(when > at - 60 for when, _, _ in self._invitations) >= mail.per_minute:
            return Loss.MAIL_LIMIT
        if isinstance(mail, Invite):
            waiting = [pending(id=next(self._made), secret=MAILED, expires=mail.ends, digits=mail.digits)]
            self.change(account.name, tokens=(*living, *waiting))
        self._invitations.append((at, account.id, waiting[0].id))
        self.mails.append((at, mail))
        return None

    def _consume(self, account: Account, consume: Consumption, at: float) -> bool:
        if isinstance(consume, UseRecoveryCode):
            row = next(row for row in self.codes.values() if row.id == consume.code_id)
            won, row.used = row.usable(at), True
            return won
        token = next(token for token in account.tokens if token.id == consume.token_id)
        if token.last_step >= consume.step or not _takes(token, consume, at):
            return False
        used = replace(token, last_step=consume.step, drift=consume.drift, status=TokenStatus.ACTIVE, expires=None)
        self.change(account.name, tokens=tuple(used if old is token else old for old in account.tokens))
        return True


def _admits(now: Account, commit: Commit) -> bool:
    return not now.disabled and now.epoch == commit.account.epoch and commit.at >= now.history.locked_until


def _takes(token: Token, consume: UseToken | ActivateToken, at: float) -> bool:
    if isinstance(consume, UseToken):
        return token.status is TokenStatus.ACTIVE
    return token.status is TokenStatus.PENDING and token.expires is not None and at < token.expires
