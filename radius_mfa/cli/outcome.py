"""What came of the rounds of a decision: a sentence for people, and the words of the audit for programs."""

from __future__ import annotations

from radius_mfa.auth import policy, throttle
from radius_mfa.auth.model import Accept, Challenge, Method, Reject, Stage
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import masked
from radius_mfa.cli import output
from radius_mfa.cli.decision import Round, Sent
from radius_mfa.cli.facts import Situation, mfa_rule

_AFTER = {
    Sent.PASSWORD: "after the right password",
    Sent.NOTHING: "after a password that others have checked",
    Sent.CODE: "after a right code",
    Sent.RECOVERY_CODE: "after a recovery code",
    Sent.PASSWORD_AND_CODE: "with a right code behind the password",
}
_LABELS = ("verdict", "then")


def in_words(at: Situation, rounds: list[Round]) -> dict[str, str]:
    """A line for each round."""
    return {label: f"{_after(at, one)}: {_said(at, one)}" for label, one in zip(_LABELS, rounds, strict=False)}


def values(rounds: list[Round]) -> dict[str, object]:
    """The rounds as the audit would write them."""
    return {
        "rounds": [
            {
                "sent": one.sent,
                "result": type(one.verdict).__name__.lower(),
                "reason": one.verdict.reason,
                "method": one.verdict.method if isinstance(one.verdict, Accept) else None,
            }
            for one in rounds
        ]
    }


def _after(at: Situation, one: Round) -> str:
    if one.at <= at.request.at:
        return _AFTER[one.sent]
    return f"{_AFTER[one.sent]}, the next one of {output.when(one.at)}"


def _said(at: Situation, one: Round) -> str:
    verdict = one.verdict
    if isinstance(verdict, Reject):
        mailed = f", and a mail with a key goes to {_reader(at)}" if verdict.reason is Reason.INVITED else ""
        return f"refused: {verdict.reason}{mailed}"
    said = _accepted(at, verdict) if isinstance(verdict, Accept) else _asked(at, verdict)
    return f"{said} ({verdict.reason})"


def _accepted(at: Situation, accept: Accept) -> str:
    if accept.method is Method.DEVICE:
        return "accepted without a code, on a trusted device"
    if accept.reason is Reason.NOT_ENROLLED_ACCEPTED:
        return "accepted without a code, since it has no authenticator and mfa.not_enrolled is accept"
    return f"accepted without a code, by {mfa_rule(at)}" if accept.method is Method.PASSWORD else "accepted"


def _asked(at: Situation, challenge: Challenge) -> str:
    if challenge.stage is Stage.DECOY:
        return "refused, after a question for a code that nothing answers"
    if challenge.reason is Reason.INVITED:
        return f"mails a key to {_reader(at)} and asks for its first code"
    return f"asks for {_answers(at)}"


def _answers(at: Situation) -> str:
    """What a question for a code takes for an answer."""
    account, now = at.account, at.request.at
    if throttle.locked(account.history, now):
        return f"a code, and takes none until {output.when(account.history.locked_until)}"
    first = not policy.takes_recovery_codes(account, now)
    digits = f"{policy.code_digits(account, at.rules)} digits of {'the pending' if first else 'its'} authenticator"
    taken = [digits] if policy.usable_tokens(account, now) else []
    if account.recovery_left and not first:
        taken.append("a recovery code")
    if first and policy.mailed(account, at.rules) and not at.request.client.always_challenge:
        taken.append("`mail`, to get the mail again")
    return ", or ".join(taken)


def _reader(at: Situation) -> str:
    return masked(at.account.mail or "")
