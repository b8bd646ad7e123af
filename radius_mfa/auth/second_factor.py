"""The second factor: whether an answer is a code, whose it is, and what follows from it."""

from __future__ import annotations

from dataclasses import field

from radius_mfa.auth import credential, devices, otp, policy, throttle
from radius_mfa.auth.asks import (
    ActivateToken,
    Consumption,
    FindRecoveryCode,
    FindSkew,
    Notice,
    UseRecoveryCode,
    UseToken,
)
from radius_mfa.auth.model import Account, LoginRequest, Method, RecoveryCode, TokenKind, TokenStatus
from radius_mfa.auth.news import news
from radius_mfa.auth.notices import Activated, CodeUsed, NewDevice
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, say
from radius_mfa.auth.verdicts import Flow, accept, reject, settle
from radius_mfa.value import value


@value
class Answer:
    """What was typed for a code, whether the device is to be trusted, and the tag of the password it came after."""

    typed: bytes = field(repr=False)
    wish: bool
    tag: bytes = field(repr=False)


def check_code(request: LoginRequest, account: Account, answer: Answer, rules: Rules) -> Flow:
    """Judge a code after a right password. Whatever comes of it, the State it answers is spent."""
    if throttle.locked(account.history, request.at):
        return settle(request, account, reject(request, Reason.LOCKED))
    if request.digest in account.history.counted:
        # It was judged before, and would be once a step if its sender could wait until its code is right.
        return settle(request, account, reject(request, Reason.WRONG_CODE))
    digits = policy.code_digits(account, rules)
    otp_code = credential.otp_code(answer.typed, digits)
    if otp_code is not None:
        return check_otp(request, account, otp_code, answer, rules)
    recovery_code = credential.recovery_code(answer.typed, digits) if account.recovery_issued else None
    if recovery_code is not None and policy.takes_recovery_codes(account, request.at):
        return check_recovery_code(request, account, recovery_code, rules)
    return settle(request, account, reject(request, Reason.NOT_A_CODE))


def check_otp(request: LoginRequest, account: Account, code: str, answer: Answer, rules: Rules) -> Flow:
    """A code of the authenticator: within the window it is taken, else it is told apart from a guess."""
    tokens = policy.usable_tokens(account, request.at)
    match = otp.match(tokens, code, request.at, rules.window, rules.look_ahead)
    if match is not None:
        return (yield from take(request, account, match, answer, rules))
    back = otp.LOOK_BACK if request.state is not None else otp.LOOK_BACK_APPENDED
    found: otp.Skewed = yield FindSkew(tokens, code, request.at, back)
    if found.match is not None:
        # Used or left behind. Taking it must lose, and tells whether this very datagram took it.
        stale = reject(request, Reason.STALE_CODE)
        return (yield from settle(request, account, stale, consume=_take(found.match)))
    if found.skew is otp.Skew.SKEWED:
        return (yield from settle(request, account, reject(request, Reason.SKEWED_CODE), judged=request.state is None))
    return (yield from settle(request, account, reject(request, Reason.WRONG_CODE), wrong_code=rules.lockout))


def take(request: LoginRequest, account: Account, match: otp.Match, answer: Answer, rules: Rules) -> Flow:
    """A code that fits: it is used up, the first one of a pending token activates it, and a device may be trusted."""
    first = match.token.status is TokenStatus.PENDING
    granted = (yield from devices.grant(request, account, answer.tag, rules)) if answer.wish else devices.NOTHING
    verdict = accept(
        request,
        account,
        Method.HOTP if match.token.kind is TokenKind.HOTP else Method.TOTP,
        say(Text.ACTIVATED) if first else policy.low_on_codes(account, rules),
        granted.text,
        reason=Reason.TRUSTED if granted.trust is not None else Reason.OK,
        device=granted.token,
    )
    mails: list[Notice] = [*news(Activated, request, account, rules)] if first else []
    if granted.trust is not None:
        about = {"until": granted.trust.expires, "device": granted.trust.label}
        mails += news(NewDevice, request, account, rules, **about)
    done = settle(request, account, verdict, consume=_take(match), trust=granted.trust, mails=tuple(mails))
    return (yield from done)


def check_recovery_code(request: LoginRequest, account: Account, code: str, rules: Rules) -> Flow:
    """A recovery code in place of the authenticator's. It makes no device trusted, and ends those that are."""
    found: RecoveryCode | None = yield FindRecoveryCode(account, code)
    if found is None:
        wrong = reject(request, Reason.WRONG_CODE)
        return (yield from settle(request, account, wrong, wrong_code=rules.lockout))
    if not found.usable:
        used = reject(request, Reason.USED_CODE)
        return (yield from settle(request, account, used, consume=UseRecoveryCode(found.id)))
    left = account.recovery_left - 1
    verdict = accept(request, account, Method.RECOVERY, say(Text.CODES_LEFT, left=left))
    mails = news(CodeUsed, request, account, rules, left=left, low=left <= rules.low)
    return (yield from settle(request, account, verdict, consume=UseRecoveryCode(found.id), mails=mails))


def _take(match: otp.Match) -> Consumption:
    kind = ActivateToken if match.token.status is TokenStatus.PENDING else UseToken
    return kind(match.token.id, match.step, match.drift)
