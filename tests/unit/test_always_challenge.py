"""`always_challenge`: whoever asks is asked for a code, and only a right one behind a right password gets in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.asks import CheckPassword, Commit
from radius_mfa.auth.model import (
    Accept,
    Account,
    Challenge,
    ClientPolicy,
    CodeHistory,
    Method,
    Reject,
    Stage,
    TokenStatus,
)
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, say
from tests.unit.driving import NOW, PASSWORD, SHY, World, alice, code, opened, pending, request, totp

DECOYS = {
    "wrong password": (alice(totp()), b"wrong", Reason.WRONG_PASSWORD),
    "unknown": (Account(9, "nobody"), PASSWORD, Reason.UNKNOWN_ACCOUNT),
    "disabled": (alice(totp(), disabled=True), PASSWORD, Reason.DISABLED),
    "not enrolled": (alice(), PASSWORD, Reason.NOT_ENROLLED),
    "broken token": (alice(totp(secret=None)), PASSWORD, Reason.TOKEN_UNREADABLE),
    "disabled token": (alice(totp(status=TokenStatus.DISABLED)), PASSWORD, Reason.TOKEN_DISABLED),
}
REAL = {
    "right password": alice(totp()),
    "locked": alice(totp(), history=CodeHistory(locked_until=NOW + 60)),
    "pending": alice(pending()),
}


@pytest.mark.parametrize(("account", "password", "reason"), DECOYS.values(), ids=DECOYS)
def test_a_failed_first_round_looks_like_a_right_one(account: Account, password: bytes, reason: Reason) -> None:
    """Wrong, unknown, disabled or unusable: a challenge with the one text, as costly as the real one, unwritten."""
    world = World(account)
    asked = world.login(request(password, SHY))
    assert Challenge(Stage.DECOY, say(Text.ASK_CODE, trust=""), 0, 0, 120.0, reason) == asked
    assert (1, 0) == (world.count(CheckPassword), world.count(Commit))


@pytest.mark.parametrize("account", REAL.values(), ids=REAL)
def test_a_right_password_is_asked_with_the_same_text(account: Account) -> None:
    """The prompt names no enrolment and no lock."""
    asked = World(account).login(request(client=SHY))
    assert isinstance(asked, Challenge)
    assert say(Text.ASK_CODE, trust="") == asked.text


@pytest.mark.parametrize(("account", "password", "reason"), DECOYS.values(), ids=DECOYS)
def test_a_decoy_only_meets_the_reject(account: Account, password: bytes, reason: Reason) -> None:
    """Whatever answers a decoy, the right code too, gets the client's Reject and writes nothing."""
    world = World(account)
    state = opened(world.login(request(password, SHY)))
    for answer in (code(), b"000000", b"ABCDEFGHIJKLMNOP", b"", None):
        assert Reject(Reason.WRONG_PASSWORD, say(Text.DENIED)) == world.login(request(answer, SHY, state=state))
    assert 0 == world.count(Commit)


def test_who_is_not_allowed_gets_a_decoy_too() -> None:
    """An account outside the client's groups is asked for a code that nothing can follow."""
    asked = World(alice(totp())).login(request(client=replace(SHY, groups=frozenset({"admins"}))))
    assert Challenge(Stage.DECOY, say(Text.ASK_CODE, trust=""), 0, 0, 120.0, Reason.NOT_ALLOWED) == asked


def test_the_right_password_and_code_let_in() -> None:
    """For whom both factors are right nothing changes."""
    world = World(alice(totp()))
    assert Accept(Method.TOTP) == world.answered(code(), SHY)


def test_an_empty_password_tells_nothing_of_the_account() -> None:
    """Without a password the same Reject for a known and an unknown name."""
    client = ClientPolicy("shy", always_challenge=True)
    verdicts = {World(alice(totp())).login(request(b"", client, name=name)) for name in (b"alice", b"bob", b"\xff")}
    assert {Reject(Reason.NO_PASSWORD, say(Text.DENIED))} == verdicts
