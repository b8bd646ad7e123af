"""One round of a login, from LoginRequest to Verdict.

Read it from top to bottom: load the account, check the password, see what is owed, check the code, commit, verdict. A
flow is a generator: it yields an ask and is sent the answer, so the same lines run in a test without I/O, in the UDP
loop, behind PAM and in the portal. Whoever drives it makes an exception, or an end without a verdict, a Reject.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from radius_mfa.auth import credential, otp, policy, throttle
from radius_mfa.auth.asks import (
    ActivateToken,
    Ask,
    CheckPassword,
    Commit,
    Consumption,
    FindRecoveryCode,
    FindSkew,
    LoadAccount,
    Loss,
    Outcome,
    UseRecoveryCode,
    UseToken,
)
from radius_mfa.auth.model import (
    Accept,
    Account,
    Challenge,
    Dialogue,
    LoginRequest,
    Method,
    OpenedState,
    RecoveryCode,
    Reject,
    Stage,
    TokenKind,
    TokenStatus,
    Verdict,
)
from radius_mfa.auth.policy import NotEnrolled, Owes, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, say

Flow = Generator[Ask, Any, Verdict]

_BROKEN = {Owes.TOKEN_UNREADABLE: Reason.TOKEN_UNREADABLE, Owes.TOKEN_DISABLED: Reason.TOKEN_DISABLED}
"""What is owed and cannot be judged: no other code stands in for it, and it is never enrolment."""


def login(request: LoginRequest, rules: Rules) -> Flow:
    """One round: the first if there is no State, else the answer to a challenge."""
    if request.unsupported:
        return Reject(Reason.UNSUPPORTED_METHOD, say(Text.NEEDS_PAP))
    name = policy.canonical_name(request.name, rules.names)
    account: Account | None = (yield LoadAccount(name)) if name is not None else None
    if request.state is not None:
        return (yield from second_round(request, request.state, account, rules))
    if not request.password:
        return reject(request, Reason.NO_PASSWORD)
    reading = policy.read(request.password, request, account, rules)
    passed, code = yield from check_password(account, reading)
    if account is None:
        return refuse(request, Reason.BAD_NAME if name is None else Reason.UNKNOWN_ACCOUNT, rules)
    if not passed:
        return refuse(request, Reason.WRONG_PASSWORD, rules)
    if account.disabled:
        return refuse(request, Reason.DISABLED, rules)
    if not policy.admits(account, request):
        return refuse(request, Reason.NOT_ALLOWED, rules)
    return (yield from after_password(request, account, code, rules))


def check_password(account: Account | None, reading: policy.Reading) -> Generator[Ask, Any, tuple[bool, bytes | None]]:
    """Whether the password is right, and the code that came with it."""
    passed: bool = yield _checked(account, reading.password)
    if reading.whole is None:
        return passed, reading.code
    whole: bool = yield _checked(account, reading.whole)
    return passed or whole, reading.code if passed else None


def after_password(request: LoginRequest, account: Account, code: bytes | None, rules: Rules) -> Flow:
    """The password is right and the account may use this client: what does it owe?"""
    owed = policy.owes(account, request.client, rules, request.at)
    match owed:
        case Owes.NOTHING:
            return accept(request, account, Method.PASSWORD)
        case Owes.TOKEN_UNREADABLE | Owes.TOKEN_DISABLED:
            return refuse(request, _BROKEN[owed], rules)
        case _ if code is not None:
            return (yield from check_code(request, account, code, rules))
        case Owes.ENROLMENT:
            return enrol(request, account, rules)
        case _ if request.client.dialogue is Dialogue.APPEND:
            return reject(request, Reason.CODE_MISSING)
    stage, lifetime = Stage.CODE, rules.state_lifetime
    if owed is Owes.FIRST_CODE:
        stage, lifetime = Stage.ENROLMENT, rules.enrolment_lifetime
    return Challenge(stage, policy.prompt(request.client, owed), account.id, account.epoch, lifetime)


def second_round(request: LoginRequest, state: OpenedState, account: Account | None, rules: Rules) -> Flow:
    """The answer to a challenge. The State stands for the right password of that account at that epoch."""
    if state.stage is Stage.INVALID:
        return reject(request, Reason.STATE_INVALID)
    if state.stage is Stage.DECOY:
        return reject(request, Reason.WRONG_PASSWORD)
    if account is None or account.id != state.account_id:
        return reject(request, Reason.STATE_INVALID)
    if account.epoch != state.epoch or account.disabled or not policy.admits(account, request):
        return reject(request, Reason.STATE_OUTDATED)
    owed = policy.owes(account, request.client, rules, request.at)
    if owed in _BROKEN:
        return (yield from settle(request, account, reject(request, _BROKEN[owed])))
    return (yield from check_code(request, account, request.password or b"", rules))


def check_code(request: LoginRequest, account: Account, answer: bytes, rules: Rules) -> Flow:
    """Judge a code after a right password. Whatever comes of it, the State it answers is spent."""
    if throttle.locked(account.history, request.at):
        return (yield from settle(request, account, reject(request, Reason.LOCKED)))
    otp_code = credential.otp_code(answer, policy.code_digits(account, rules))
    if otp_code is not None:
        return (yield from check_otp(request, account, otp_code, rules))
    recovery_code = credential.recovery_code(answer)
    if recovery_code is not None and policy.takes_recovery_codes(account, request.at):
        return (yield from check_recovery_code(request, account, recovery_code))
    return (yield from settle(request, account, reject(request, Reason.NOT_A_CODE)))


def check_otp(request: LoginRequest, account: Account, code: str, rules: Rules) -> Flow:
    """A code of the authenticator: within the window it is taken, else it is told apart from a guess."""
    tokens = policy.usable_tokens(account, request.at)
    match = otp.match(tokens, code, request.at, rules.window, rules.look_ahead)
    if match is not None:
        method = Method.HOTP if match.token.kind is TokenKind.HOTP else Method.TOTP
        return (yield from settle(request, account, accept(request, account, method), consume=_take(match)))
    found: otp.Skewed = yield FindSkew(tokens, code, request.at)
    if found.match is not None:
        # Used or left behind. Taking it must lose, and tells whether this very datagram took it.
        stale = reject(request, Reason.STALE_CODE)
        return (yield from settle(request, account, stale, consume=_take(found.match)))
    if found.skew is otp.Skew.SKEWED:
        return (yield from settle(request, account, reject(request, Reason.SKEWED_CODE)))
    return (yield from settle(request, account, reject(request, Reason.WRONG_CODE), wrong_code=True))


def check_recovery_code(request: LoginRequest, account: Account, code: str) -> Flow:
    """A recovery code in place of the authenticator's."""
    found: RecoveryCode | None = yield FindRecoveryCode(account, code)
    if found is None:
        return (yield from settle(request, account, reject(request, Reason.WRONG_CODE), wrong_code=True))
    verdict: Verdict = reject(request, Reason.USED_CODE)
    if found.usable:
        left = say(Text.CODES_LEFT, left=account.recovery_left - 1)
        verdict = accept(request, account, Method.RECOVERY, left)
    return (yield from settle(request, account, verdict, consume=UseRecoveryCode(found.id)))


def settle(
    request: LoginRequest,
    account: Account,
    verdict: Verdict,
    *,
    consume: Consumption | None = None,
    wrong_code: bool = False,
) -> Flow:
    """Commit what the verdict rests on, and give the verdict only if all of it was won."""
    if request.state is None and consume is None and not wrong_code:
        return verdict
    outcome: Outcome = yield Commit(
        account, verdict, request.at, request.digest, request.state, consume, wrong_code=wrong_code
    )
    if outcome.stored is not None:
        return Accept(Method.NONE, Reason.REPEATED, stored=outcome.stored)
    match outcome.lost:
        case None:
            return verdict
        case Loss.STATE if request.state is not None and request.state.expires <= request.at:
            return reject(request, Reason.STATE_EXPIRED)
        case Loss.STATE:
            return reject(request, Reason.STATE_SPENT)
        case Loss.ACCOUNT:
            return reject(request, Reason.ACCOUNT_CHANGED)
        case Loss.CONSUMED if isinstance(consume, UseRecoveryCode):
            return reject(request, Reason.USED_CODE)
    return reject(request, Reason.STALE_CODE)


def enrol(request: LoginRequest, account: Account, rules: Rules) -> Verdict:
    """The account owes a code and has no token. Until mail exists, `enroll` rejects."""
    if rules.not_enrolled is NotEnrolled.ACCEPT:
        return accept(request, account, Method.PASSWORD, reason=Reason.NOT_ENROLLED_ACCEPTED)
    return refuse(request, Reason.NOT_ENROLLED, rules)


def accept(
    request: LoginRequest, account: Account, method: Method, text: str = "", reason: Reason = Reason.OK
) -> Accept:
    """An Accept with the attributes that this client gets for this account."""
    return Accept(method, reason, text, policy.attributes(account, request.client))


def reject(request: LoginRequest, reason: Reason) -> Reject:
    """A Reject that says the same whatever the reason."""
    return Reject(reason, policy.denial(request.client))


def refuse(request: LoginRequest, reason: Reason, rules: Rules) -> Verdict:
    """A first round that fails: a Reject, or with `always_challenge` a challenge that only a Reject can follow."""
    if not request.client.always_challenge:
        return reject(request, reason)
    text = policy.prompt(request.client, Owes.CODE)
    return Challenge(Stage.DECOY, text, 0, 0, rules.state_lifetime, reason)


def _checked(account: Account | None, password: bytes) -> CheckPassword:
    """No backend is ever asked about an empty password, only the dummy hash of an unknown account."""
    return CheckPassword(account if password else None, password)


def _take(match: otp.Match) -> Consumption:
    kind = ActivateToken if match.token.status is TokenStatus.PENDING else UseToken
    return kind(match.token.id, match.step, match.drift)
