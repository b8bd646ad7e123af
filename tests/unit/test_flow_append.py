"""The dialogue `append`: password and code in one field, one round."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.asks import CheckPassword, Commit, UseToken
from radius_mfa.auth.model import Accept, Account, CodeHistory, Method, Mfa, Reject, Token
from radius_mfa.auth.policy import NotEnrolled, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, say
from tests.unit.driving import (
    APPEND,
    NOW,
    PASSWORD,
    RECOVERY,
    STEP,
    World,
    alice,
    code,
    dashed,
    pending,
    request,
    totp,
    wrong,
)
from tests.unit.memory import octets

DENIED = say(Text.DENIED_APPEND)


def test_password_and_code_let_in() -> None:
    """The code behind the password is taken in the same round, after one password check."""
    world = World(alice(totp()))
    assert Accept(Method.TOTP) == world.login(request(PASSWORD + code(), APPEND))
    assert ([UseToken(1, STEP, 0)], 1) == (world.taken, world.count(CheckPassword))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (PASSWORD, Reason.CODE_MISSING),
        (PASSWORD + wrong(), Reason.WRONG_CODE),
        (b"wrong" + code(), Reason.WRONG_PASSWORD),
        (b"wrong", Reason.WRONG_PASSWORD),
        (code(), Reason.WRONG_PASSWORD),
        (code() + PASSWORD, Reason.WRONG_PASSWORD),
        (PASSWORD + b" " + code(), Reason.WRONG_PASSWORD),
        (PASSWORD + code() + b"\n", Reason.WRONG_PASSWORD),
        (PASSWORD + code()[:5], Reason.WRONG_PASSWORD),
        (PASSWORD + code() + code(), Reason.WRONG_PASSWORD),
        (PASSWORD + "１２３４５６".encode(), Reason.WRONG_PASSWORD),  # noqa: RUF001 - full-width digits
    ],
)
def test_nothing_less_lets_in(field: bytes, expected: Reason) -> None:
    """Password alone, code alone, either wrong, or anything between or behind: the same Reject, nothing taken."""
    world = World(alice(totp()))
    assert Reject(expected, DENIED) == world.login(request(field, APPEND))
    assert ([], 1) == (world.taken, world.count(CheckPassword))


@pytest.mark.parametrize("account", [None, alice(), alice(totp()), alice(totp(), mfa=Mfa.OFF)])
def test_a_code_alone_is_a_password_for_nobody(account: Account | None) -> None:
    """Six digits alone: an empty password is asked of no backend, also where one was stored."""
    world = World(*([account] if account else []))
    world.passwords[1] = b""
    assert isinstance(world.login(request(code(), APPEND)), Reject)
    asked = [ask for ask in world.asked if isinstance(ask, CheckPassword)]
    assert 1 == len(asked)
    assert asked[0].account is None or asked[0].password


@pytest.mark.parametrize("password", [b"hunter123456", b"123456", b"654321654321", b"x", b"\xff\xfe", b"a" * 122])
def test_a_password_may_end_in_digits(password: bytes) -> None:
    """Password and code let in, whatever the password ends in; the password alone never does."""
    world = World(alice(totp()))
    world.passwords[1] = password
    assert isinstance(world.login(request(password, APPEND)), Reject)
    assert Reason.OK is world.login(request(password + code(), APPEND)).reason


def test_without_mfa_the_whole_field_is_the_password() -> None:
    """An account that owes this client no code gets in with a password that ends in digits, and not with a code."""
    world = World(alice(totp(), mfa=Mfa.OFF))
    world.passwords[1] = b"hunter123456"
    assert Accept(Method.PASSWORD) == world.login(request(b"hunter123456", APPEND))
    assert Reason.WRONG_PASSWORD is world.login(request(b"hunter123456" + code(), APPEND)).reason


def test_without_any_code_the_whole_field_is_the_password() -> None:
    """An account with neither token nor recovery code is read whole, so that it can enrol."""
    world = World(alice(pending(expires=NOW)))
    world.passwords[1] = b"hunter123456"
    assert Reject(Reason.NOT_ENROLLED, DENIED) == world.login(request(b"hunter123456", APPEND))


def test_codes_of_eight_digits_are_taken_off_whole() -> None:
    """The length of the code is that of the account's tokens."""
    token = totp(digits=8)
    world = World(alice(token))
    assert Reason.OK is world.login(request(PASSWORD + code(token=token), APPEND)).reason
    assert Reason.WRONG_PASSWORD is World(alice(totp())).login(request(PASSWORD + code(token=token), APPEND)).reason


def test_the_first_code_activates_a_pending_token() -> None:
    """An account with only a pending token activates it with the code behind its password."""
    world = World(alice(pending()), codes=[RECOVERY])
    assert Reason.CODE_MISSING is world.login(request(PASSWORD, APPEND)).reason
    assert Reason.NOT_A_CODE is world.login(request(PASSWORD + dashed(), APPEND)).reason
    assert Accept(Method.TOTP, text=say(Text.ACTIVATED)) == world.login(request(PASSWORD + code(), APPEND))


def test_a_used_code_is_stale() -> None:
    """The same password and code in another datagram are refused and not counted."""
    world = World(alice(totp()))
    verdicts = [world.login(request(PASSWORD + code(), APPEND)) for _ in range(2)]
    assert [Reason.OK, Reason.STALE_CODE] == [verdict.reason for verdict in verdicts]
    assert 0 == world.accounts["alice"].history.failures


def test_a_retransmission_after_a_crash_gets_the_same_reply() -> None:
    """The datagram whose code was committed is answered with the stored octets for thirty seconds, and only those."""
    world = World(alice(totp()))
    datagram = request(PASSWORD + code(), APPEND)
    first = world.login(datagram)
    again = [world.login(replace(datagram, at=NOW + later)) for later in (0, 30, 31)]
    assert [octets(first), octets(first)] == [one.stored for one in again if isinstance(one, Accept)]
    assert Reason.STALE_CODE is again[2].reason


def test_a_retransmission_is_answered_when_its_step_has_left_the_window() -> None:
    """With `window: 0` a code, come again thirty seconds later, is a step too old and still finds its reply."""
    world = World(alice(totp()), rules=Rules(window=0))
    datagram = request(PASSWORD + code(), APPEND)
    first = world.login(datagram)
    again = replace(datagram, at=NOW + 30)
    assert Accept(Method.NONE, Reason.REPEATED, stored=octets(first)) == world.login(again)
    assert 1 == len(world.taken)


def test_a_wrong_code_counts_and_a_wrong_password_does_not() -> None:
    """Only who knows the password can count up the wrong codes, once a datagram: the same one again costs no write."""
    world = World(alice(totp()))
    datagram = request(PASSWORD + wrong(), APPEND)
    for one in (request(b"wrong" + wrong(), APPEND), request(PASSWORD, APPEND), datagram, datagram):
        world.login(one)
    assert (1, 1) == (world.accounts["alice"].history.failures, world.count(Commit))


def test_a_locked_account_is_refused_like_any_other() -> None:
    """While locked, right and wrong codes get the same Reject without a write."""
    world = World(alice(totp(), history=CodeHistory(locked_until=NOW + 1)))
    verdicts = [world.login(request(PASSWORD + answer, APPEND)) for answer in (code(), wrong(), dashed())]
    assert [Reject(Reason.LOCKED, DENIED)] * 3 == verdicts
    assert 0 == world.count(Commit)


@pytest.mark.parametrize("token", [totp(secret=None), pending(secret=None)])
def test_a_token_that_cannot_be_read_refuses_password_and_code(token: Token) -> None:
    """A broken secret is a refusal of its own, also under `not_enrolled: accept`."""
    world = World(alice(token), rules=Rules(not_enrolled=NotEnrolled.ACCEPT))
    assert Reject(Reason.TOKEN_UNREADABLE, DENIED) == world.login(request(PASSWORD + code(), APPEND))
    assert Reject(Reason.TOKEN_UNREADABLE, DENIED) == world.login(request(PASSWORD, APPEND))
