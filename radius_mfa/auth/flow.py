"""One round of a login, from LoginRequest to Verdict.

Read it from top to bottom: load the account, check the password, see what is owed, check the code, commit, verdict. A
flow is a generator: it yields an ask and is sent the answer, so the same lines run in a test without I/O, in the UDP
loop, behind PAM and in the portal. Whoever drives it makes an exception, or an end without a verdict, a Reject.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from radius_mfa.auth import credential, enrolment, otp, policy, throttle
from radius_mfa.auth.asks import (
    ActivateToken,
    Ask,
    Brought,
    Checked,
    CheckPassword,
    Consumption,
    FindRecoveryCode,
    FindSkew,
    LoadAccount,
    RecordAccount,
    UseRecoveryCode,
    UseToken,
)
from radius_mfa.auth.model import (
    LOCAL,
    Account,
    Challenge,
    Dialogue,
    FirstFactor,
    LoginRequest,
    Method,
    OpenedState,
    RecoveryCode,
    Reject,
    Stage,
    TokenKind,
    TokenStatus,
)
from radius_mfa.auth.policy import Owes, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, say
from radius_mfa.auth.verdicts import Flow, accept, refuse, reject, settle

_BROKEN = {Owes.TOKEN_UNREADABLE: Reason.TOKEN_UNREADABLE, Owes.TOKEN_DISABLED: Reason.TOKEN_DISABLED}
"""What is owed and cannot be judged: no other code stands in for it, and it is never enrolment."""
_PROVEN = Checked(passed=True)
"""What a PAM stack before us has found. It brings no account."""


def login(request: LoginRequest, rules: Rules) -> Flow:
    """One round: the first if there is no State, else the answer to a challenge."""
    if request.unsupported:
        return Reject(Reason.UNSUPPORTED_METHOD, say(Text.NEEDS_PAP))
    name = policy.account_name(request, rules.names)
    account: Account | None = (yield LoadAccount(name)) if name is not None else None
    if request.state is not None:
        return (yield from second_round(request, request.state, account, rules))
    proven = request.first_factor is FirstFactor.PROVEN_BY_STACK
    if not request.password and not proven:
        return reject(request, Reason.NO_PASSWORD)
    checked, code = (_PROVEN, None) if proven else (yield from check_password(request, name, account, rules))
    refused = _refused(name, account, checked)
    if refused is not None:
        return refuse(request, refused, rules)
    known = account if checked.brought is None else (yield from meet(request, account, checked.brought))
    if proven and known is not None and known.backend != LOCAL:
        known = replace(known, groups=None)  # those of its last password may be long gone
    if known is None or not policy.admits(known, request):
        return refuse(request, Reason.NOT_ALLOWED, rules)
    return (yield from after_password(request, known, code, rules))


def check_password(
    request: LoginRequest, name: str | None, account: Account | None, rules: Rules
) -> Generator[Ask, Any, tuple[Checked, bytes | None]]:
    """What comes of the password, and the code that came with it."""
    reading = policy.read(request.password or b"", request, account, rules)
    checked: Checked = yield _question(request, name, account, reading.password)
    if reading.whole is None:
        return checked, reading.code
    whole: Checked = yield _question(request, name, account, reading.whole)
    return (checked, reading.code) if checked.passed else (whole, None)


def meet(request: LoginRequest, account: Account | None, brought: Brought) -> Generator[Ask, Any, Account | None]:
    """The account as its backend knows it; None if it may not be used here.

    What is news is written down before anything rests on it, but only for whom this client admits.
    """
    seen = replace(account or Account(0, brought.name, brought.backend), groups=brought.groups)
    if not policy.admits(seen, request):
        return None
    if account is not None and account.groups == brought.groups:
        return account
    stored: Account = yield RecordAccount(brought, request.at)
    return None if stored.backend != brought.backend or stored.disabled else stored


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
            return (yield from enrolment.enrol(request, account, rules))
        case Owes.FIRST_CODE:
            missing = request.client.dialogue is Dialogue.APPEND
            reason = Reason.CODE_MISSING if missing else Reason.OK
            return enrolment.ask_first_code(request, account, rules, reason)
        case _ if request.client.dialogue is Dialogue.APPEND:
            return reject(request, Reason.CODE_MISSING)
    text = policy.prompt(request.client, owed, account, rules)
    return Challenge(Stage.CODE, text, account.id, account.epoch, rules.state_lifetime)


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
    if owed is Owes.ENROLMENT and state.stage is Stage.ENROLMENT:
        return (yield from settle(request, account, reject(request, Reason.INVITATION_ENDED)))
    if owed is Owes.FIRST_CODE and enrolment.wants_mail(request, state, account, rules):
        return (yield from enrolment.invite_again(request, state, account, rules))
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
        return (yield from check_recovery_code(request, account, recovery_code, rules))
    return (yield from settle(request, account, reject(request, Reason.NOT_A_CODE)))


def check_otp(request: LoginRequest, account: Account, code: str, rules: Rules) -> Flow:
    """A code of the authenticator: within the window it is taken, else it is told apart from a guess."""
    tokens = policy.usable_tokens(account, request.at)
    match = otp.match(tokens, code, request.at, rules.window, rules.look_ahead)
    if match is not None:
        return (yield from take(request, account, match, rules))
    found: otp.Skewed = yield FindSkew(tokens, code, request.at)
    if found.match is not None:
        # Used or left behind. Taking it must lose, and tells whether this very datagram took it.
        stale = reject(request, Reason.STALE_CODE)
        return (yield from settle(request, account, stale, consume=_take(found.match)))
    if found.skew is otp.Skew.SKEWED:
        return (yield from settle(request, account, reject(request, Reason.SKEWED_CODE)))
    return (yield from settle(request, account, reject(request, Reason.WRONG_CODE), wrong_code=True))


def take(request: LoginRequest, account: Account, match: otp.Match, rules: Rules) -> Flow:
    """A code that fits: it is used up, and the first one of a pending token activates it."""
    method = Method.HOTP if match.token.kind is TokenKind.HOTP else Method.TOTP
    if match.token.status is not TokenStatus.PENDING:
        return (yield from settle(request, account, accept(request, account, method), consume=_take(match)))
    verdict = accept(request, account, method, say(Text.ACTIVATED))
    notice = enrolment.activated(request, account, rules)
    return (yield from settle(request, account, verdict, consume=_take(match), mail=notice))


def check_recovery_code(request: LoginRequest, account: Account, code: str, rules: Rules) -> Flow:
    """A recovery code in place of the authenticator's."""
    found: RecoveryCode | None = yield FindRecoveryCode(account, code)
    if found is None:
        return (yield from settle(request, account, reject(request, Reason.WRONG_CODE), wrong_code=True))
    if not found.usable:
        used = reject(request, Reason.USED_CODE)
        return (yield from settle(request, account, used, consume=UseRecoveryCode(found.id)))
    left = account.recovery_left - 1
    verdict = accept(request, account, Method.RECOVERY, say(Text.CODES_LEFT, left=left))
    notice = enrolment.code_used(request, account, left, rules)
    return (yield from settle(request, account, verdict, consume=UseRecoveryCode(found.id), mail=notice))


def _refused(name: str | None, account: Account | None, checked: Checked) -> Reason | None:
    """Why this first factor is none; None if it is one."""
    if account is None and (not checked.passed or (checked.allowed and checked.brought is None)):
        return Reason.BAD_NAME if name is None else Reason.UNKNOWN_ACCOUNT
    if not checked.passed:
        return Reason.WRONG_PASSWORD
    if account is not None and account.disabled:
        return Reason.DISABLED
    return None if checked.allowed else Reason.NOT_ALLOWED


def _question(request: LoginRequest, name: str | None, account: Account | None, password: bytes) -> CheckPassword:
    """No backend is ever asked about an empty password, only the dummy hash of an unknown account."""
    if not password:
        return CheckPassword(None, "", password)
    return CheckPassword(account, name or "", password, policy.place(request))


def _take(match: otp.Match) -> Consumption:
    kind = ActivateToken if match.token.status is TokenStatus.PENDING else UseToken
    return kind(match.token.id, match.step, match.drift)
