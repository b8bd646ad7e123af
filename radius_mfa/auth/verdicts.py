"""How a round ends: the three verdicts as the rules give them, and the commit that one of them rests on."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from radius_mfa.auth import policy
from radius_mfa.auth.asks import Ask, Commit, Consumption, Ended, Loss, Mail, Outcome, Trust, UseRecoveryCode
from radius_mfa.auth.model import Accept, Account, Challenge, DeviceToken, LoginRequest, Method, Reject, Stage, Verdict
from radius_mfa.auth.policy import Owes, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.throttle import Lockout

Flow = Generator[Ask, Any, Verdict]

_LOST = {
    Loss.STATE: Reason.STATE_SPENT,
    Loss.CONSUMED: Reason.STALE_CODE,
    Loss.ACCOUNT: Reason.ACCOUNT_CHANGED,
    Loss.LOCKED: Reason.LOCKED,
    Loss.MAIL_LIMIT: Reason.MAIL_LIMIT,
    Loss.TOO_SOON: Reason.INVITATION_WAITS,
}
_ENDED = {Ended.LOCKED: Reason.WRONG_CODE_LOCKS, Ended.DISABLED: Reason.WRONG_CODE_DISABLES}


def accept(
    request: LoginRequest,
    account: Account,
    method: Method,
    *texts: str,
    reason: Reason = Reason.OK,
    device: DeviceToken | None = None,
) -> Accept:
    """An Accept with the attributes that this client gets for this account; it says what of `texts` is not empty."""
    said = ". ".join(filter(None, texts))
    attributes = policy.attributes(account, request.client)
    return Accept(method, reason, said, attributes, device=device, account_id=account.id, epoch=account.epoch)


def repeated(stored: bytes) -> Accept:
    """The Accept that this very datagram was given before."""
    return Accept(Method.NONE, Reason.REPEATED, stored=stored)


def reject(request: LoginRequest, reason: Reason) -> Reject:
    """A Reject that says the same whatever the reason."""
    return Reject(reason, policy.denial(request.client))


def refuse(request: LoginRequest, reason: Reason, rules: Rules) -> Verdict:
    """A first round that fails: a Reject, or with `always_challenge` a challenge that only a Reject can follow."""
    if not request.client.always_challenge:
        return reject(request, reason)
    text = policy.prompt(request, Owes.CODE, None, rules)
    return Challenge(Stage.DECOY, text, 0, 0, rules.state_lifetime, reason)


def settle(
    request: LoginRequest,
    account: Account,
    verdict: Verdict,
    *,
    consume: Consumption | None = None,
    wrong_code: Lockout | None = None,
    judged: bool = False,
    trust: Trust | None = None,
    mails: tuple[Mail, ...] = (),
) -> Flow:
    """Commit what the verdict rests on, and give the verdict only if all of it was won."""
    if request.state is None and consume is None and wrong_code is None and not judged:
        return verdict
    outcome: Outcome = yield Commit(
        account,
        verdict,
        request.at,
        request.digest,
        request.state,
        consume,
        place=policy.place_key(request) if consume is not None else "",
        wrong_code=wrong_code,
        judged=judged,
        trust=trust,
        mails=mails,
    )
    if outcome.stored is not None:
        return repeated(outcome.stored)
    if outcome.ended is not None:
        return reject(request, _ENDED[outcome.ended])
    if outcome.lost is None:
        return verdict
    if outcome.lost is Loss.CONSUMED and isinstance(consume, UseRecoveryCode):
        return reject(request, Reason.USED_CODE)
    return lost(request, outcome.lost)


def lost(request: LoginRequest, loss: Loss) -> Reject:
    """The Reject of a round whose commit has lost."""
    if loss is Loss.STATE and request.state is not None and request.state.expires <= request.at:
        return reject(request, Reason.STATE_EXPIRED)
    return reject(request, _LOST[loss])
