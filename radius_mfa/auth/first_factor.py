"""The first factor: what comes of a password, and of the account that a backend brings with it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import field, replace
from typing import Any

from radius_mfa.auth import policy
from radius_mfa.auth.asks import Ask, Brought, Checked, CheckPassword, Recall, RecordAccount, ReturnTry, TakeTry
from radius_mfa.auth.model import LOCAL, Account, LoginRequest
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.value import value


@value
class First:
    """What came of a first factor: the password that was right, the code and the wish that came with it.

    `throttled`: it was not checked.
    """

    checked: Checked
    password: bytes = field(default=b"", repr=False)
    code: bytes | None = field(default=None, repr=False)
    wish: bool = False
    throttled: bool = False


_RIGHT = Checked(passed=True)
PROVEN = First(_RIGHT)
"""What a PAM stack before us has found. It brings no account."""


def check_password(
    request: LoginRequest, name: str | None, account: Account | None, rules: Rules
) -> Generator[Ask, Any, First]:
    """What comes of the password. One that is not to be checked any more costs the same, and is wrong."""
    readings = _readings(request, account, rules)
    if account is not None and account.backend == LOCAL:
        for reading in readings:
            if reading.password and (yield Recall(account, reading.password, policy.place_key(request), request.at)):
                return reading
    taken: object = None
    throttled = False
    if name is not None:  # known or not: both have to wait, and to be refused, in the same way
        taken = yield TakeTry(account, name, policy.place_key(request), request.at)
        throttled = taken is None
    found = First(Checked(passed=False), throttled=throttled)
    for reading in readings:
        question = _nobody(reading.password) if throttled else _question(request, name, account, reading.password)
        checked: Checked = yield question
        if checked.passed and not found.checked.passed:
            found = replace(reading, checked=checked)
    if found.checked.passed and taken is not None:
        yield ReturnTry(taken)
    return found


def refusal(name: str | None, account: Account | None, first: First) -> Reason | None:
    """Why this first factor is none; None if it is one."""
    if first.throttled:
        return Reason.THROTTLED
    checked = first.checked
    if account is None and (not checked.passed or (checked.allowed and checked.brought is None)):
        return Reason.BAD_NAME if name is None else Reason.UNKNOWN_ACCOUNT
    if not checked.passed:
        return Reason.WRONG_PASSWORD
    if account is not None and account.disabled:
        return Reason.DISABLED
    return None if checked.allowed else Reason.NOT_ALLOWED


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


def _readings(request: LoginRequest, account: Account | None, rules: Rules) -> list[First]:
    """What the field may say, each as what comes of it if its password is right."""
    reading = policy.read(request.password or b"", request, account, rules)
    code = reading.code
    first = First(_RIGHT, reading.password, code, wish=code is not None and (reading.wish or request.trust_wish))
    return [first] if reading.whole is None else [first, First(_RIGHT, reading.whole)]


def _question(request: LoginRequest, name: str | None, account: Account | None, password: bytes) -> CheckPassword:
    """No backend is ever asked about an empty password, only the dummy hash of an unknown account."""
    if not password:
        return _nobody(password)
    return CheckPassword(account, name or "", password, policy.place(request))


def _nobody(password: bytes) -> CheckPassword:
    return CheckPassword(None, "", password)
