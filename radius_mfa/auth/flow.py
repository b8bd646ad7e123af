"""One round of a login, from LoginRequest to Verdict.

Read it from top to bottom: load the account, check the password, see what is owed, check the code, commit, verdict. A
flow is a generator: it yields an ask and is sent the answer, so the same lines run in a test without I/O, in the UDP
loop, behind PAM and in the portal. Whoever drives it makes an exception, or an end without a verdict, a Reject.
"""

from __future__ import annotations

from dataclasses import replace

from radius_mfa.auth import claims, devices, enrolment, policy
from radius_mfa.auth.asks import Commit, KnowsPlace, LoadAccount, Outcome, TagPassword
from radius_mfa.auth.first_factor import PROVEN, First, check_password, meet, refusal
from radius_mfa.auth.model import (
    LOCAL,
    Account,
    Challenge,
    Dialogue,
    FirstFactor,
    LoginRequest,
    Method,
    OpenedState,
    Reject,
    Stage,
    Verdict,
)
from radius_mfa.auth.policy import Owes, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.second_factor import Answer, check_code
from radius_mfa.auth.texts import Text, say
from radius_mfa.auth.verdicts import Flow, accept, lost, refuse, reject, settle

_ASKED = (Owes.CODE, Owes.FIRST_CODE)
"""What a code can settle."""
_BROKEN = {Owes.TOKEN_UNREADABLE: Reason.TOKEN_UNREADABLE, Owes.TOKEN_DISABLED: Reason.TOKEN_DISABLED}
"""What is owed and cannot be judged: no other code stands in for it, and it is never enrolment."""


def login(request: LoginRequest, rules: Rules) -> Flow:
    """One round: the first if there is no State, else the answer to a challenge."""
    if request.unsupported:
        return Reject(Reason.UNSUPPORTED_METHOD, say(Text.NEEDS_PAP))
    name = policy.account_name(request, rules.names)
    account: Account | None = (yield LoadAccount(name)) if name is not None else None
    if request.first_factor is FirstFactor.SESSION:
        return (yield from session_round(request, account, rules))
    if request.state is not None:
        verdict = yield from second_round(request, request.state, account, rules)
        return _tagged(verdict, request.state.tag)
    proven = request.first_factor is FirstFactor.PROVEN_BY_STACK
    if not request.password and not proven:
        return reject(request, Reason.NO_PASSWORD)
    first = PROVEN if proven else (yield from check_password(request, name, account, rules))
    refused = refusal(name, account, first)
    if refused is not None:
        return refuse(request, refused, rules)
    brought = first.checked.brought
    known = account if brought is None else (yield from meet(request, account, brought))
    known = policy.as_known(known, request) if known is not None else None
    if known is None or not policy.admits(known, request):
        return refuse(request, Reason.NOT_ALLOWED, rules)
    tag: bytes = (yield TagPassword(known, first.password)) if _needs_tag(request, known) else b""
    verdict = yield from after_password(request, known, first, tag, rules)
    return _tagged(verdict, tag)


def after_password(request: LoginRequest, account: Account, first: First, tag: bytes, rules: Rules) -> Flow:
    """The password is right and the account may use this client: what does it owe?"""
    owed = policy.owes(account, request.client, rules, request.at)
    match owed:
        case Owes.NOTHING:
            return (yield from accept_password(request, account))
        case Owes.TOKEN_UNREADABLE | Owes.TOKEN_DISABLED:
            return refuse(request, _BROKEN[owed], rules)
        case _ if first.code is not None:
            return (yield from check_code(request, account, Answer(first.code, first.wish, tag), rules))
        case Owes.ENROLMENT:
            return (yield from enrolment.enrol(request, account, rules))
        case Owes.FIRST_CODE:
            missing = request.client.dialogue is Dialogue.APPEND
            reason = Reason.CODE_MISSING if missing else Reason.OK
            return enrolment.ask_first_code(request, account, rules, reason)
    trusted = yield from devices.try_device(request, account, tag, rules)
    if trusted is not None:
        return trusted
    if request.client.dialogue is Dialogue.APPEND:
        return reject(request, Reason.CODE_MISSING)
    text = policy.prompt(request, owed, account, rules)
    return Challenge(Stage.CODE, text, account.id, account.epoch, rules.state_lifetime)


def accept_password(request: LoginRequest, account: Account) -> Flow:
    """No code is owed. Only a place that is new has to be written down."""
    verdict = accept(request, account, Method.PASSWORD)
    place = policy.place_key(request)
    if (yield KnowsPlace(account, place)):
        return verdict
    outcome: Outcome = yield Commit(account, verdict, request.at, request.digest, place=place)
    return verdict if outcome.lost is None else lost(request, outcome.lost)


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
    typed, wish = claims.wished(request, request.password or b"")
    return (yield from check_code(request, account, Answer(typed, wish, state.tag), rules))


def session_round(request: LoginRequest, account: Account | None, rules: Rules) -> Flow:
    """Somebody who is signed in gives a code once more. The session stands for the password, and for nothing else."""
    if account is None or account.disabled or not policy.admits(account, request):
        return reject(request, Reason.STATE_OUTDATED)
    factor = policy.second_factor(account, request.at)
    if factor not in _ASKED:
        return reject(request, _BROKEN.get(factor, Reason.NOT_ENROLLED))
    return (yield from check_code(request, account, Answer(request.password or b"", wish=False, tag=b""), rules))


def _needs_tag(request: LoginRequest, account: Account) -> bool:
    """Whether a device may hang on a password that is not ours, whose change nobody would tell us."""
    checked = request.first_factor is FirstFactor.CHECK
    return account.backend != LOCAL and checked and claims.may_trust(request.client)


def _tagged(verdict: Verdict, tag: bytes) -> Verdict:
    """The tag of the password goes into the State: the round that answers it does not see the password."""
    return replace(verdict, tag=tag) if tag and isinstance(verdict, Challenge) else verdict
