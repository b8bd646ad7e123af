"""A login that is only thought through: the flow of the daemon, driven with right answers and without a trace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from radius_mfa.answers import Answers, Work
from radius_mfa.auth import flow, otp, policy, throttle
from radius_mfa.auth.asks import (
    WON,
    Ask,
    Brought,
    Checked,
    Commit,
    FindDevice,
    FindRecoveryCode,
    ReturnTry,
    TagPassword,
)
from radius_mfa.auth.model import (
    LOCAL,
    TAG,
    Account,
    Challenge,
    Device,
    FirstFactor,
    LoginRequest,
    OpenedState,
    RecoveryCode,
    Reject,
    Stage,
    TokenKind,
    TokenStatus,
    Verdict,
)
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.ports import PasswordBackend, Store

PASSWORD = b"the right password"
"""Stands for it: any text that ends in no digit, and so is never read as password and code."""
RECOVERY_CODE = b"AAAA-AAAA-AAAA-AAAA"
_TAG = bytes(TAG)


class Sent(StrEnum):
    """What a round brings."""

    PASSWORD = "password"
    NOTHING = "nothing"
    """The password was checked before us."""
    CODE = "code"
    RECOVERY_CODE = "recovery-code"
    PASSWORD_AND_CODE = "password-and-code"


@dataclass(frozen=True, slots=True)
class Round:
    """What comes of one round, and what it would have written. `at`: seconds since the epoch."""

    sent: Sent
    at: float
    verdict: Verdict
    commits: tuple[Commit, ...]


@dataclass(slots=True)
class RightPassword:
    """ports.PasswordBackend: knows PASSWORD for the password of every account that has one."""

    name: str
    brings: bool
    waits: bool = False

    def check(self, account: Account | None, name: str, password: bytes, rhost: str) -> Checked:  # noqa: ARG002
        if account is None or password != PASSWORD:
            return Checked(passed=False)
        if account.backend == LOCAL:
            return Checked(passed=account.password_hash is not None)
        return Checked(passed=True, brought=Brought(account.name, account.backend, account.groups, account.mail))


class Untold:
    """ports.PasswordTries: there is always one more, and none is counted."""

    def take(self, *_: object) -> object:
        return self

    def room(self, *_: object) -> bool:
        return True

    def give_back(self, taken: object) -> None:
        """Nothing was taken."""

    spend = give_back

    def may_come_back(self, *_: object) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class RightCode:
    """A code that is right from `at` (seconds since the epoch) on."""

    typed: bytes = field(repr=False)
    sent: Sent
    at: float


class Decision:
    """The rounds of one login by the rules; `store` is only read, `backends` are those that check passwords."""

    def __init__(self, rules: Rules, store: Store, backends: Iterable[str]) -> None:
        passwords: dict[str, PasswordBackend] = {name: RightPassword(name, name != LOCAL) for name in backends}
        self._rules = rules
        self._answers = Answers(store, passwords, bytes, Untold())

    def rounds(self, request: LoginRequest, account: Account) -> list[Round]:
        """With the right password, and then with a right code where one is asked for and there can be one."""
        proven = request.first_factor is FirstFactor.PROVEN_BY_STACK
        begin = replace(request, password=None if proven else PASSWORD)
        first = self._round(begin, Sent.NOTHING if proven else Sent.PASSWORD)
        code = right_code(account, request.at)
        match first.verdict:
            case Challenge(stage=Stage.CODE | Stage.ENROLMENT) if code is not None:
                answer = replace(request, at=code.at, password=code.typed, state=_opened(first.verdict, code.at))
                return [first, self._round(answer, code.sent)]
            case Reject(reason=Reason.CODE_MISSING) if code is not None:
                both = replace(request, at=code.at, password=PASSWORD + code.typed)
                return [first, self._round(both, Sent.PASSWORD_AND_CODE)]
        return [first]

    def _round(self, request: LoginRequest, sent: Sent) -> Round:
        running = flow.login(request, self._rules)
        commits: list[Commit] = []
        answer: object = None
        try:
            while True:
                ask = running.send(answer)
                if isinstance(ask, Commit):
                    commits.append(ask)
                answer = self._answer(ask)
        except StopIteration as end:
            return Round(sent, request.at, end.value, tuple(commits))

    def _answer(self, ask: Ask) -> object:
        match ask:
            case Commit():
                return WON
            case ReturnTry():
                return None
            case TagPassword():
                return _TAG
            case FindRecoveryCode():
                return RecoveryCode(0, usable=True)
        answer = self._answers.to(ask)
        if isinstance(ask, FindDevice) and isinstance(answer, Device) and answer.tag is not None:
            return replace(answer, tag=_TAG)  # the right password is the one it was trusted with
        return answer.run() if isinstance(answer, Work) else answer


def right_code(account: Account, at: float) -> RightCode | None:
    """The code that its owner would type next; None where there can be none.

    While the account is locked it is one of now, used or not: none is looked at.
    """
    tokens = policy.usable_tokens(account, at)
    if not tokens:
        return RightCode(RECOVERY_CODE, Sent.RECOVERY_CODE, at) if account.recovery_left else None
    token = next((token for token in tokens if token.status is TokenStatus.ACTIVE), tokens[0])
    step = token.last_step + 1
    if token.kind is TokenKind.TOTP:
        locked = throttle.locked(account.history, at)
        step = int(at // token.period) if locked else max(step, int(at // token.period))
        at = max(at, float(step * token.period))
    return RightCode(otp.code_at(token.secret or b"", step, token.digits, token.algorithm).encode(), Sent.CODE, at)


def _opened(challenge: Challenge, at: float) -> OpenedState:
    """The State of the challenge, as the door would open it."""
    return OpenedState(challenge.stage, challenge.account_id, challenge.epoch, int(at) + 1, bytes(12), challenge.tag)
