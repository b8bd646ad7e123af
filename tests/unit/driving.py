"""A world for the rules: drives a flow with send(), and answers from memory with the guards that a store has.

Nothing here is a double of our own code but the store, and that is a model of `asks.Commit` as it is written down: the
laws of tests/laws hold for every store that keeps to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import count

from radius_mfa.auth import flow, otp
from radius_mfa.auth.asks import (
    Ask,
    Checked,
    CheckPassword,
    FindSkew,
    MakeDeviceToken,
    Recall,
    ReturnTry,
    TagPassword,
    TakeTry,
)
from radius_mfa.auth.model import (
    Account,
    Challenge,
    ClientPolicy,
    Dialogue,
    Door,
    LoginRequest,
    OpenedState,
    Token,
    TokenKind,
    TokenStatus,
    Verdict,
)
from radius_mfa.auth.policy import Rules
from tests.unit.memory import Memory

NOW = 1_750_000_020.0
"""A moment, in seconds since the epoch, at which a step of 30 seconds begins."""
STEP = int(NOW) // 30
PASSWORD = b"correct horse"
SECRET = b"12345678901234567890"
RECOVERY = "ABCDEFGHIJKLMNOP"

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


@lru_cache(maxsize=512)
def wrong(at: float = NOW) -> bytes:
    """Six digits that the authenticator shows at no step near `at`, nor in the week before."""
    near = {code(at, off=off) for off in range(-20_200, 21)}
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


class World(Memory):
    """Drives logins against a Memory. `asked` are all asks."""

    def __init__(self, *accounts: Account, rules: Rules | None = None, codes: Iterable[str] = ()) -> None:
        super().__init__(accounts, codes)
        self.rules = rules or Rules()
        self.passwords = {account.id: PASSWORD for account in accounts}
        self.host: dict[str, Checked] = {}
        """What the backend `pam` says of a user of the host whose password was PASSWORD."""
        self.asked: list[Ask] = []
        self.skew: Callable[[FindSkew], otp.Skewed] = lambda ask: otp.find_skew(ask.tokens, ask.code, ask.at, ask.back)
        self.tries: Callable[[TakeTry], object | None] = lambda ask: ask
        """What becomes of a try at a password: taken, unless a story says otherwise."""
        self.remembered: Callable[[Recall], bool] = lambda ask: False
        """Whether a password was checked before: not, unless a story says otherwise."""

    def login(self, request: LoginRequest) -> Verdict:
        """The verdict of one round."""
        self.at = request.at
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

    def count(self, kind: type) -> int:
        """How many asks of this kind there were."""
        return sum(isinstance(ask, kind) for ask in self.asked)

    def _answer(self, ask: Ask) -> object:
        match ask:
            case CheckPassword():
                return self._checked(ask)
            case Recall():
                return self.remembered(ask)
            case TakeTry():
                return self.tries(ask)
            case FindSkew():
                return self.skew(ask)
            case MakeDeviceToken():
                return next(_numbers).to_bytes(32, "big")
            case TagPassword():
                return ask.password[:2]
            case ReturnTry():
                return None
        return self.answer(ask)

    def _checked(self, ask: CheckPassword) -> Checked:
        user = self.host.get(ask.name)
        if user is not None and (ask.account is None or ask.account.backend == "pam"):
            return user if ask.password == PASSWORD else Checked(passed=False)
        return Checked(passed=ask.account is not None and self.passwords[ask.account.id] == ask.password)
