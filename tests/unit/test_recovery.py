"""Recovery codes: how they are made, and that each stands in for the authenticator once."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest

from radius_mfa.auth import recovery
from radius_mfa.auth.asks import Commit, UseRecoveryCode
from radius_mfa.auth.model import Accept, Account, Claim, ClientPolicy, Device, DeviceKind, Method, Reject
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, say
from tests.unit.driving import (
    APPEND,
    BOTH,
    NOW,
    PASSWORD,
    PBX,
    RECOVERY,
    World,
    alice,
    code,
    dashed,
    pending,
    request,
    totp,
    wrong,
)
from tests.unit.memory import Code, Trusted, octets

OTHER = "QRSTUVWXYZ234567"
CODES = [letter * 16 for letter in "BCDEF"]


def drawing(*codes: str) -> Callable[[int], bytes]:
    """A source of random octets that gives these codes."""
    left = iter(codes)
    return lambda size: base64.b32decode(next(left))[:size]


def test_codes_are_eighty_bits_shown_in_groups_of_four() -> None:
    """A code is the base32 of ten octets from the source."""
    assert ["AAAQEAYEAUDAOCAJ"] == recovery.make(lambda size: bytes(range(size)), 1)
    assert "ABCD-EFGH-IJKL-MNOP" == recovery.show(RECOVERY)


def test_no_code_could_be_read_as_one_of_an_authenticator() -> None:
    """A code that ends in six digits is not handed out, nor one that was drawn before."""
    source = drawing("AAAAAAAAAA234567", RECOVERY, RECOVERY, "2222222222222222", "AAAAAAAAAAA34567", OTHER)
    assert [RECOVERY, "AAAAAAAAAAA34567"] == recovery.make(source, 2)


@pytest.mark.parametrize("text", [RECOVERY, "abcd-efgh-ijkl-mnop", "ABCD-EFGH-IJKL-MNO1", " ABCD-EFGH-IJKL-MNOP", ""])
def test_only_what_was_shown_is_a_code_as_it_is_shown(text: str) -> None:
    """Exactly four groups of four; any other spelling of a code is for people to type, not for us to show."""
    assert recovery.is_shown(recovery.show(RECOVERY))
    assert not recovery.is_shown(text)


@pytest.mark.parametrize("client", [PBX, APPEND, BOTH], ids=lambda client: client.dialogue.value)
def test_a_recovery_code_stands_in_for_the_authenticator(client: ClientPolicy) -> None:
    """In every dialogue it lets in once, says how many are left, and is refused the second time, uncounted."""
    world = World(alice(totp()), codes=[RECOVERY, OTHER])

    def attempt() -> Accept | Reject:
        if client is PBX:
            verdict = world.answered(dashed(), client)
        else:
            verdict = world.login(request(PASSWORD + dashed(), client))
        assert isinstance(verdict, Accept | Reject)
        return verdict

    assert Accept(Method.RECOVERY, text="Recovery code used, 1 left") == attempt()
    assert Reason.USED_CODE is attempt().reason
    assert [UseRecoveryCode(1)] == world.taken
    assert 0 == world.accounts["alice"].history.failures


def test_a_recovery_code_without_an_authenticator_lets_in() -> None:
    """An account with recovery codes and no token is asked for one of them."""
    world = World(alice(), codes=[RECOVERY])
    assert Accept(Method.RECOVERY, text="Recovery code used, 0 left") == world.answered(RECOVERY.lower().encode())
    assert Reason.NOT_ENROLLED is world.login(request()).reason


def test_an_unknown_recovery_code_is_a_wrong_code() -> None:
    """What has the form of a recovery code and is none of the account's is counted."""
    world = World(alice(totp()), codes=[RECOVERY])
    assert Reason.WRONG_CODE is world.answered(OTHER.encode()).reason
    assert 1 == world.accounts["alice"].history.failures


def test_the_recovery_code_of_another_account_is_a_wrong_code() -> None:
    """Codes belong to one account."""
    world = World(alice(totp()), Account(2, "bob", tokens=(totp(id=2),)), codes=[RECOVERY])
    world.codes[2, OTHER] = Code(99)
    asked = world.login(request(PASSWORD + dashed(), APPEND, name=b"bob"))
    assert (Reason.WRONG_CODE, []) == (asked.reason, world.taken)


def test_without_recovery_codes_an_answer_that_looks_like_one_is_no_code() -> None:
    """What cannot be a code of this account is refused and not counted."""
    world = World(alice(totp()))
    for typed in (RECOVERY.encode(), b"12345678"):
        assert Reason.NOT_A_CODE is world.answered(typed).reason
    assert 0 == world.accounts["alice"].history.failures


def test_an_imported_scratch_code_is_taken_once_at_the_prompt() -> None:
    """Eight digits of an account with six-digit codes are one of its scratch codes, or a wrong code."""
    world = World(alice(totp()), codes=["12345678"])
    assert Reason.WRONG_CODE is world.answered(b"12345679").reason
    first = world.answered(b"1234 5678")
    assert isinstance(first, Accept)
    assert Method.RECOVERY is first.method
    assert Reason.USED_CODE is world.answered(b"12345678").reason
    assert Reason.WRONG_PASSWORD is world.login(request(PASSWORD + b"12345678", APPEND)).reason


def test_an_accept_says_when_recovery_codes_run_out() -> None:
    """At three left or fewer every Accept with a second factor says how many; above, none does."""
    for left in range(6):
        world = World(alice(totp()), codes=[*CODES[:left], RECOVERY])
        world.codes[1, RECOVERY].used = True
        verdict = world.answered(code())
        assert isinstance(verdict, Accept)
        assert ("" if left > 3 else say(Text.CODES_LOW, left=left)) == verdict.text
    fresh = World(alice(totp())).answered(code())
    assert isinstance(fresh, Accept)
    assert "" == fresh.text, "who never had any is not told"


def test_a_recovery_code_ends_all_trusted_devices() -> None:
    """Who had to use one has lost something: no device is trusted any more."""
    world = World(alice(totp()), codes=[RECOVERY])
    world.devices = [Trusted(1, Claim(DeviceKind.TOKEN, "pbx", b"mark"), Device(1, NOW, NOW, NOW + 600))]
    assert isinstance(world.answered(dashed()), Accept)
    assert [] == world.devices


def test_an_expired_recovery_code_is_refused() -> None:
    """A code that has expired lets nobody in, is not counted, and no Accept for it is ever made."""
    world = World(alice(totp()), codes=[RECOVERY])
    world.codes[1, RECOVERY].expires = NOW
    assert Reason.USED_CODE is world.answered(dashed()).reason
    (promised,) = [ask.verdict for ask in world.asked if isinstance(ask, Commit)]
    assert isinstance(promised, Reject)
    assert (0, []) == (world.accounts["alice"].history.failures, world.taken)


def test_of_two_rounds_at_once_one_takes_the_code() -> None:
    """A recovery code that another round takes between look and commit is used."""
    world = World(alice(totp()), codes=[RECOVERY])

    def overtake() -> None:
        world.meanwhile = lambda: None
        world.login(request(PASSWORD + dashed(), APPEND))

    world.meanwhile = overtake
    assert Reject(Reason.USED_CODE, say(Text.DENIED_APPEND)) == world.login(request(PASSWORD + dashed(), APPEND))
    assert [UseRecoveryCode(1)] == world.taken


@pytest.mark.parametrize("client", [PBX, APPEND], ids=lambda client: client.dialogue.value)
def test_a_recovery_code_is_not_taken_for_the_first_code(client: ClientPolicy) -> None:
    """Where the only token is pending, recovery codes are no answer, and not counted."""
    world = World(alice(pending()), codes=[RECOVERY])
    verdict = world.answered(dashed()) if client is PBX else world.login(request(PASSWORD + dashed(), client))
    assert (Reason.NOT_A_CODE, []) == (verdict.reason, world.taken)


def test_a_recovery_code_is_taken_beside_a_pending_second_token() -> None:
    """An account with an active token keeps its recovery codes while another token waits."""
    world = World(alice(totp(), pending(id=2)), codes=[RECOVERY])
    assert Reason.OK is world.answered(dashed()).reason


@pytest.mark.parametrize("client", [APPEND, BOTH], ids=lambda client: client.dialogue.value)
def test_the_last_code_once_more_after_a_crash_gets_its_reply(client: ClientPolicy) -> None:
    """The datagram that used the last recovery code, come again, is answered with the stored octets."""
    world = World(alice(), codes=[RECOVERY])
    datagram = request(PASSWORD + dashed(), client)
    first = world.login(datagram)
    assert Accept(Method.NONE, Reason.REPEATED, stored=octets(first)) == world.login(datagram)
    assert Reason.USED_CODE is world.login(replace(datagram, at=NOW + 31)).reason
    assert [UseRecoveryCode(1)] == world.taken


def test_after_the_last_code_a_password_that_ends_in_digits_is_read_whole() -> None:
    """An account that has used up its recovery codes can still be invited to enrol."""
    world = World(alice(), codes=[RECOVERY])
    world.codes[1, RECOVERY].used = True
    world.passwords[1] = b"hunter123456"
    assert Reason.NOT_ENROLLED is world.login(request(b"hunter123456", APPEND)).reason
    world.passwords[1] = PASSWORD
    assert Reason.NOT_ENROLLED is world.login(request(PASSWORD, APPEND)).reason


def test_digits_behind_the_password_are_a_wrong_code_while_there_are_recovery_codes() -> None:
    """An account with recovery codes and no token has no six digits that could be right."""
    world = World(alice(), codes=[RECOVERY])
    assert Reason.WRONG_CODE is world.login(request(PASSWORD + b"123456", APPEND)).reason


def test_a_password_may_end_like_a_recovery_code_where_there_never_was_one() -> None:
    """An account without any recovery code is read whole."""
    world = World(alice())
    world.passwords[1] = b"hunter" + dashed()
    assert Reason.NOT_ENROLLED is world.login(request(world.passwords[1], APPEND)).reason


def test_without_mfa_nothing_is_taken_off_the_password() -> None:
    """An account that owes no code keeps its recovery codes, whatever its password ends in."""
    world = World(alice(), codes=[RECOVERY], rules=Rules(required=False))
    assert Reason.WRONG_PASSWORD is world.login(request(PASSWORD + dashed(), APPEND)).reason
    assert Reason.OK is world.login(request(PASSWORD, APPEND)).reason


def test_right_and_wrong_recovery_codes_are_refused_alike() -> None:
    """The Reject of a used, an unknown and an expired code is that of a wrong code of the authenticator."""
    world = World(alice(totp()), codes=[RECOVERY])
    world.codes[1, RECOVERY].used = True
    texts = [getattr(world.answered(answer), "text", None) for answer in (dashed(), OTHER.encode(), wrong())]
    assert [say(Text.DENIED)] * 3 == texts
    assert Reason.OK is world.answered(code()).reason
