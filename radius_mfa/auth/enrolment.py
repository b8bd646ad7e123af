"""From the first right password to the first code: who is invited, by which mail, and what the prompt says meanwhile.

A pending token is made together with its mail, in one transaction, and its secret stays for as long as it lives: no
login changes it. The first right code activates it and accepts that very login (flow.check_otp).
"""

from __future__ import annotations

from radius_mfa.auth import policy, throttle
from radius_mfa.auth.asks import Commit, Invite, InviteAgain, Loss, Outcome
from radius_mfa.auth.model import (
    Account,
    Challenge,
    Dialogue,
    LoginRequest,
    Method,
    OpenedState,
    Reject,
    Stage,
    Verdict,
)
from radius_mfa.auth.policy import NotEnrolled, Owes, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, masked, say
from radius_mfa.auth.verdicts import Flow, accept, lost, refuse, reject, settle

WORD = b"mail"
"""What is typed at the prompt to get the mail again."""


def enrol(request: LoginRequest, account: Account, rules: Rules) -> Flow:
    """The password is right, a code is owed and there is no token: invite, unless the configuration says otherwise."""
    locked = throttle.locked(account.history, request.at)
    if rules.not_enrolled is NotEnrolled.ACCEPT:
        if locked:
            return refuse(request, Reason.LOCKED, rules)
        return accept(request, account, Method.PASSWORD, reason=Reason.NOT_ENROLLED_ACCEPTED)
    if rules.not_enrolled is NotEnrolled.REJECT or not rules.mails:
        return refuse(request, Reason.NOT_ENROLLED, rules)
    if policy.mailed(account, rules) is None:
        return refuse(request, Reason.NO_ADDRESS, rules)
    if locked:
        return ask_first_code(request, account, rules, Reason.LOCKED)
    verdict = ask_first_code(request, account, rules, Reason.INVITED)
    outcome: Outcome = yield Commit(
        account, verdict, request.at, request.digest, mails=(_invitation(request, rules.enrolment),)
    )
    match outcome.lost:
        case None:
            return verdict
        case Loss.MAIL_LIMIT:
            return refuse(request, Reason.MAIL_LIMIT, rules)
    return refuse(request, Reason.ACCOUNT_CHANGED, rules)


def ask_first_code(
    request: LoginRequest, account: Account, rules: Rules, reason: Reason, lifetime: float | None = None
) -> Verdict:
    """The challenge for the first code; who has no second round is told where to look for it.

    `lifetime` in seconds: that of `enrollment.prompt` unless it is given.
    """
    if request.client.dialogue is Dialogue.APPEND:
        return _look_in_mailbox(request, account, rules, reason)
    text = policy.prompt(request, Owes.FIRST_CODE, account, rules)
    lives = rules.enrolment.prompt if lifetime is None else lifetime
    address = policy.mailed(account, rules)
    shown = "" if address is None else masked(address)
    return Challenge(Stage.ENROLMENT, text, account.id, account.epoch, lives, reason, address=shown)


def wants_mail(request: LoginRequest, state: OpenedState, account: Account, rules: Rules) -> bool:
    """Whether the answer is the word that sends the mail again, to a prompt that names it."""
    if state.stage is not Stage.ENROLMENT or request.client.always_challenge:
        return False
    return policy.mailed(account, rules) is not None and (request.password or b"").strip().lower() == WORD


def invite_again(request: LoginRequest, state: OpenedState, account: Account, rules: Rules) -> Flow:
    """`mail` was typed: the State is spent and the same question asked anew; it counts as no code.

    Only a mail that was really sent buys its reader another full time to answer. Whether the account is locked cannot
    be told from the answer.
    """
    left = state.expires - request.at
    if throttle.locked(account.history, request.at):
        same = ask_first_code(request, account, rules, Reason.LOCKED, left)
        return (yield from settle(request, account, same))
    limits = rules.enrolment
    verdict = ask_first_code(request, account, rules, Reason.INVITED_AGAIN)
    mail = InviteAgain(request.at - limits.resend_after, limits.content, limits.per_day, limits.per_minute)
    outcome: Outcome = yield Commit(account, verdict, request.at, request.digest, state, mails=(mail,))
    match outcome.lost:
        case None:
            return verdict
        case Loss.TOO_SOON | Loss.MAIL_LIMIT:
            return ask_first_code(request, account, rules, lost(request, outcome.lost).reason, left)
        case Loss.CONSUMED:
            return reject(request, Reason.INVITATION_ENDED)
    return lost(request, outcome.lost)


def _look_in_mailbox(request: LoginRequest, account: Account, rules: Rules, reason: Reason) -> Reject:
    address = policy.mailed(account, rules)
    if address is None:
        return reject(request, reason)
    return Reject(reason, say(Text.LOOK_IN_MAILBOX, address=masked(address)))


def _invitation(request: LoginRequest, limits: policy.Enrolment) -> Invite:
    return Invite(
        ends=request.at + limits.expires,
        content=limits.content,
        digits=limits.digits,
        algorithm=limits.algorithm,
        period=limits.period,
        per_day=limits.per_day,
        per_minute=limits.per_minute,
    )
