"""The dialogue `both`: a code may stand behind the password, else it is asked for."""

from __future__ import annotations

import pytest

from radius_mfa.auth.asks import CheckPassword
from radius_mfa.auth.model import Accept, Account, Challenge, Method, Mfa, Reject
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, say
from tests.unit.driving import (
    BOTH,
    PASSWORD,
    RECOVERY,
    World,
    alice,
    code,
    dashed,
    opened,
    pending,
    request,
    totp,
    wrong,
)


def test_password_and_code_let_in_at_once() -> None:
    """With the code behind the password no challenge is needed."""
    world = World(alice(totp()), codes=[RECOVERY], rules=Rules(low=0))
    assert Accept(Method.TOTP) == world.login(request(PASSWORD + code(), BOTH))
    assert Method.RECOVERY is getattr(world.login(request(PASSWORD + dashed(), BOTH)), "method", None)


@pytest.mark.parametrize("password", [PASSWORD, b"hunter123456", b"123456", b"hunter" + dashed()])
def test_the_password_alone_is_asked_for_its_code(password: bytes) -> None:
    """Also a password that ends like a code is answered with a challenge, and the code then lets in."""
    world = World(alice(totp()))
    world.passwords[1] = password
    asked = world.login(request(password, BOTH))
    assert isinstance(asked, Challenge)
    assert Accept(Method.TOTP) == world.login(request(code(), BOTH, state=opened(asked)))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"wrong", Reason.WRONG_PASSWORD),
        (b"wrong" + code(), Reason.WRONG_PASSWORD),
        (PASSWORD + wrong(), Reason.WRONG_CODE),
        (PASSWORD + dashed(), Reason.WRONG_CODE),
        (code(), Reason.WRONG_PASSWORD),
    ],
)
def test_nothing_less_gets_as_far(field: bytes, expected: Reason) -> None:
    """A wrong password, or a right one with a wrong code, is a Reject and no challenge."""
    world = World(alice(totp()), codes=["QRSTUVWXYZ234567"])
    assert Reject(expected, say(Text.DENIED_APPEND)) == world.login(request(field, BOTH))


@pytest.mark.parametrize(
    "account",
    [
        None,
        alice(),
        alice(totp()),
        alice(totp(digits=8)),
        alice(totp(), mfa=Mfa.OFF),
        alice(pending()),
        alice(disabled=True),
    ],
    ids=["unknown", "not enrolled", "six digits", "eight digits", "no mfa", "pending", "disabled"],
)
@pytest.mark.parametrize(
    ("field", "hashes"),
    [
        (PASSWORD, 1),
        (PASSWORD + b"12345", 1),
        (PASSWORD + code(), 2),
        (PASSWORD + b"12345678", 2),
        (code(), 2),
        (PASSWORD + dashed(), 2),
    ],
)
def test_a_field_costs_every_account_the_same(account: Account | None, field: bytes, hashes: int) -> None:
    """What ends like a code costs two hashes, all else one, whoever's name is on it."""
    world = World(*([account] if account else []))
    world.login(request(field, BOTH))
    assert hashes == world.count(CheckPassword)


def test_without_mfa_the_whole_field_is_the_password() -> None:
    """An account that owes nothing gets in with its password, also one that ends in digits, and not with a code."""
    world = World(alice(totp(), mfa=Mfa.OFF))
    world.passwords[1] = b"hunter123456"
    assert Accept(Method.PASSWORD) == world.login(request(b"hunter123456", BOTH))
    world.passwords[1] = b"hunter"
    assert Reason.WRONG_PASSWORD is world.login(request(b"hunter123456", BOTH)).reason
