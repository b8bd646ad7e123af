"""What a decision hangs on, one fact a line: in words for people, and as values for programs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from radius_mfa.auth import claims, policy, throttle
from radius_mfa.auth.model import (
    LOCAL,
    Account,
    Device,
    DeviceKind,
    Dialogue,
    Door,
    FirstFactor,
    LoginRequest,
    Mfa,
    Token,
    TokenStatus,
)
from radius_mfa.auth.policy import Names, Rules
from radius_mfa.auth.texts import lasting
from radius_mfa.cli import output
from radius_mfa.store.tries import AccountTries

_FIELD = {
    Dialogue.CHALLENGE: "the password, then the code as an answer of its own",
    Dialogue.APPEND: "the password with the code right behind it",
    Dialogue.BOTH: "the password with the code right behind it, or the code as an answer of its own",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """`words` for people, `value` for programs."""

    words: str
    value: object


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known before anybody logs in. `shown`: the device that this calling station is; `devices`: live here."""

    account: Account
    request: LoginRequest
    rules: Rules
    devices: int
    shown: Device | None
    tries: AccountTries

    @property
    def door(self) -> str:
        return "service" if self.request.door is Door.PAM else "client"


def facts(at: Situation) -> dict[str, Fact]:
    """Every fact by its name, in the order in which a login meets them."""
    return {
        "account": _account(at),
        at.door: Fact(at.request.client.shortname, at.request.client.shortname),
        "sends": _sends(at),
        "passwords": _passwords(at),
        "may log in": _admitted(at),
        "mfa": _mfa(at),
        "authenticator": _tokens(at),
        "lockout": _lockout(at),
        "recovery codes": _recovery_codes(at),
        "devices": _devices(at),
        "reply": _reply(at),
    }


def mfa_rule(at: Situation) -> str:
    """Who says whether a code is owed."""
    client, required = at.request.client, at.rules.required
    for mfa, whose in ((at.account.mfa, "the account"), (client.mfa, f"the {at.door} {client.shortname}")):
        if mfa is not Mfa.INHERIT:
            return f"mfa: {mfa} of {whose}"
    if isinstance(required, bool):
        return f"mfa.required: {'all' if required else 'none'}"
    return f"mfa.required: groups {_listed(required)}, the account is in {_own_groups(at)}"


def _account(at: Situation) -> Fact:
    given = (at.request.name or b"").decode("utf-8", "replace")
    names, name = at.rules.names, at.account.name
    alone = {
        "case": Names(fold=names.fold),
        "realms": Names(fold=False, realms=names.realms),
        "domains": Names(fold=False, domains=names.domains),
    }
    by = [f"accounts.{rule}" for rule, one in alone.items() if policy.canonical_name(at.request.name, one) != given]
    words = [name if given == name else f"{name}, from {given} by {', '.join(by)}"]
    if policy.account_name(at.request, names) is None:
        words.append("over PAM it has to be written so")
    if at.account.backend != LOCAL:
        words.append(f"password and groups are kept by {at.account.backend}")
    if at.account.disabled:
        words.append("disabled")
    value = {"name": name, "given": given, "by": by, "backend": at.account.backend, "disabled": at.account.disabled}
    return Fact("; ".join(words), value)


def _sends(at: Situation) -> Fact:
    client = at.request.client
    field = "the code alone" if at.request.first_factor is FirstFactor.PROVEN_BY_STACK else _FIELD[client.dialogue]
    plus = _plus(at)
    return Fact(f"{field}{f'; {plus}' if plus else ''}", {"dialogue": client.dialogue, "trust": plus or None})


def _plus(at: Situation) -> str:
    """What a `+` behind the code comes to here."""
    kind, days = at.request.client.trusted_devices, lasting(at.rules.trust.lifetime)
    if kind is None:
        return ""
    if kind is DeviceKind.TOKEN:
        return f"Trust-Device, or + behind the code, trusts the device for {days}"
    if claims.offers_trust(at.request):
        return f"+ behind the code trusts {policy.place(at.request)} for {days}"
    if kind is DeviceKind.SSH_KEY:
        return "+ behind the code trusts nothing without a key that sshd has proven"
    if at.request.service in claims.RAISING:
        return f"+ behind the code trusts nothing: no address is trusted for {at.request.service}"
    return "+ behind the code trusts nothing without a calling station that is an address"


def _passwords(at: Situation) -> Fact:
    wrong, until = at.tries.wrong, at.tries.until
    words = "no wrong ones" if not wrong else f"{output.count(wrong, 'wrong one')} in this window"
    if until:
        words = f"throttled until {output.when(until)}, but from places it is known from: {words}"
    return Fact(words, {"wrong": wrong, "throttled_until": output.iso(until)})


def _admitted(at: Situation) -> Fact:
    admitted, groups = policy.admits(at.account, at.request), at.request.client.groups
    if groups is None:
        words = "yes, like everyone" if admitted else "no: root never does over the network"
    else:
        words = f"{'yes' if admitted else 'no'}: groups is {_listed(groups)}, the account is in {_own_groups(at)}"
    return Fact(words, admitted)


def _mfa(at: Situation) -> Fact:
    owed, rule = policy.owes_code(at.account, at.request.client, at.rules), mfa_rule(at)
    return Fact(f"{'a' if owed else 'no'} code is owed, by {rule}", {"owed": owed, "by": rule})


def _tokens(at: Situation) -> Fact:
    said = [_token(token, at) for token in at.account.tokens]
    return Fact("; ".join(said) or "none", said)


def _token(token: Token, at: Situation) -> str:
    said = f"{token.status} {token.kind} of {token.digits} digits"
    if token.status is TokenStatus.PENDING:
        alone = replace(at.account, tokens=(replace(token, secret=b""),))
        over = not policy.usable_tokens(alone, at.request.at)
        said += f", {'expired' if over else 'until'} {output.when(token.expires)}"
    return said if token.secret is not None else f"{said}, unreadable: damaged, or sealed under another master key"


def _lockout(at: Situation) -> Fact:
    history = at.account.history
    until = history.locked_until if throttle.locked(history, at.request.at) else None
    state = f"locked until {output.when(until)}" if until else "not locked"
    wrong = f"{output.count(history.failures, 'wrong code')} in a row, {history.window_failures} in the window"
    counts = {"in_a_row": history.failures, "in_window": history.window_failures}
    return Fact(f"{state}: {wrong}", {"locked_until": output.iso(until), "wrong_codes": counts})


def _recovery_codes(at: Situation) -> Fact:
    left = at.account.recovery_left
    waits = left and not policy.takes_recovery_codes(at.account, at.request.at)
    return Fact(f"{left} left{', not taken before the first code' if waits else ''}", left)


def _devices(at: Situation) -> Fact:
    kind, station = at.request.client.trusted_devices, at.request.calling_station or at.request.rhost
    if kind is None:
        return Fact(f"never trusted at this {at.door}", {"kind": None, "trusted": 0, "station": None})
    words = f"{output.count(at.devices, 'device')} trusted here, by {kind}"
    live = at.shown is not None and at.request.at < at.shown.expires
    if station and kind is DeviceKind.CALLING_STATION:
        words += f"; {station} is {f'one until {output.when(at.shown.expires)}' if live and at.shown else 'none'}"
    return Fact(words, {"kind": kind, "trusted": at.devices, "station": live})


def _reply(at: Situation) -> Fact:
    client = at.request.client
    alone = (replace(client, replies=(rule,)) for rule in client.replies)
    shown = next((dict(one.replies[0].shown) for one in alone if policy.attributes(at.account, one)), {})
    return Fact(", ".join(f"{name} = {value}" for name, value in shown.items()) or "no attributes", shown)


def _own_groups(at: Situation) -> str:
    return "groups that cannot be read" if at.account.groups is None else _listed(at.account.groups)


def _listed(groups: frozenset[str]) -> str:
    return ", ".join(sorted(groups)) or "none"
