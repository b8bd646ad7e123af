"""The second round: what a State stands for, what kills it, and what happens between the rounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.asks import Commit
from radius_mfa.auth.model import (
    INVALID_STATE,
    Accept,
    Account,
    ClientPolicy,
    CodeHistory,
    Method,
    Mfa,
    OpenedState,
    Reject,
    Stage,
    TokenStatus,
)
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, say
from tests.unit.driving import NOW, PASSWORD, World, alice, code, pending, request, totp, wrong
from tests.unit.memory import octets


@pytest.mark.parametrize("facts", [{"secret": None}, {"status": TokenStatus.DISABLED}])
def test_a_token_that_breaks_between_the_rounds_refuses(facts: dict[str, object]) -> None:
    """No recovery code stands in for a token that became unreadable or disabled after the challenge."""
    world = World(alice(totp()), codes=["ABCDEFGHIJKLMNOP"])
    state = world.challenged()
    world.change(tokens=(totp(**facts),))
    verdicts = [world.login(request(answer, state=state)) for answer in (b"ABCDEFGHIJKLMNOP", code())]
    reason = Reason.TOKEN_UNREADABLE if "secret" in facts else Reason.TOKEN_DISABLED
    assert [reason, Reason.STATE_SPENT] == [verdict.reason for verdict in verdicts]
    assert [] == world.taken


def test_an_expired_invitation_activates_nothing() -> None:
    """A pending token that expires between the rounds takes no code any more."""
    world = World(alice(pending(expires=NOW + 5)))
    state = world.challenged()
    ended = Reject(Reason.INVITATION_ENDED, say(Text.DENIED))
    assert ended == world.login(request(code(), at=NOW + 5, state=state))
    assert Reason.STATE_SPENT is world.login(request(code(), at=NOW + 4, state=state)).reason
    assert ([], 0) == (world.taken, world.accounts["alice"].history.failures)


def test_a_last_recovery_code_that_is_gone_is_told_as_such() -> None:
    """Without a token, and asked for a recovery code: used meanwhile it is a used code, and no invitation has ended."""
    world = World(alice(), codes=["ABCDEFGHIJKLMNOP"])
    mine, other = world.challenged(), world.challenged()
    datagram = request(b"ABCDEFGHIJKLMNOP", state=other)
    first = world.login(datagram)
    assert Reason.USED_CODE is world.login(request(b"ABCDEFGHIJKLMNOP", state=mine)).reason
    assert Accept(Method.NONE, Reason.REPEATED, stored=octets(first)) == world.login(datagram)
    assert 1 == len(world.taken)


def test_a_retransmission_finds_its_reply_after_the_invitation_ended() -> None:
    """The first code activated the token, the token was ended: the same datagram is answered all the same."""
    world = World(alice(pending()))
    datagram = request(code(), state=world.challenged())
    first = world.login(datagram)
    world.change(tokens=())
    assert Accept(Method.NONE, Reason.REPEATED, stored=octets(first)) == world.login(datagram)


def test_of_two_rounds_at_once_one_takes_the_step() -> None:
    """A code that another round takes between look and commit is stale."""
    world = World(alice(totp()))
    mine, other = world.challenged(), world.challenged()

    def overtake() -> None:
        world.meanwhile = lambda: None
        assert Reason.OK is world.login(request(code(), state=other)).reason

    world.meanwhile = overtake
    assert Reject(Reason.STALE_CODE, say(Text.DENIED)) == world.login(request(code(), state=mine))
    assert 1 == len(world.taken)


@pytest.mark.parametrize(
    "facts", [{"disabled": True}, {"epoch": 2}, {"history": CodeHistory(locked_until=NOW + 300)}], ids=str
)
def test_a_change_at_the_last_moment_counts(facts: dict[str, object]) -> None:
    """Disabled, changed or locked between look and commit: no Accept, and the step is not taken."""
    world = World(alice(totp()))
    state = world.challenged()
    world.meanwhile = lambda: world.change(**facts)
    assert Reject(Reason.ACCOUNT_CHANGED, say(Text.DENIED)) == world.login(request(code(), state=state))
    assert [] == world.taken


def test_a_wrong_code_kills_the_state() -> None:
    """After one wrong code the right one on the same State is refused and its step is not taken."""
    world = World(alice(totp()))
    state = world.challenged()
    right = request(code(), state=state)
    verdicts = [world.login(request(wrong(), state=state)), world.login(right), world.login(right)]
    assert [Reason.WRONG_CODE, Reason.STATE_SPENT, Reason.STATE_SPENT] == [verdict.reason for verdict in verdicts]
    assert [] == world.taken
    assert Reason.OK is world.answered(code()).reason


@pytest.mark.parametrize("answer", [None, b"", b"12345", code(off=-5), code(off=5)])
def test_any_answer_kills_the_state(answer: bytes | None) -> None:
    """A State is spent by whatever answers it, counted or not."""
    world = World(alice(totp()))
    state = world.challenged()
    assert isinstance(world.login(request(answer, state=state)), Reject)
    assert Reason.STATE_SPENT is world.login(request(code(), state=state)).reason


def test_a_state_serves_once() -> None:
    """After an Accept neither the next code nor a recovery code gets in on the same State."""
    world = World(alice(totp()), codes=["ABCDEFGHIJKLMNOP"])
    state = world.challenged()
    answers = (code(), code(off=1), b"ABCDEFGHIJKLMNOP")
    reasons = [world.login(request(answer, state=state)).reason for answer in answers]
    assert [Reason.OK, Reason.STATE_SPENT, Reason.STATE_SPENT] == reasons
    assert 1 == len(world.taken)


@pytest.mark.parametrize(
    ("age", "expected"), [(119, Reason.OK), (120, Reason.STATE_EXPIRED), (121, Reason.STATE_EXPIRED)]
)
def test_a_state_lives_as_long_as_configured(age: int, expected: Reason) -> None:
    """At 119 seconds the code lets in, at 120 it does not, and its step is not taken."""
    world = World(alice(totp()))
    state = world.challenged()
    assert expected is world.login(request(code(NOW + age), at=NOW + age, state=state)).reason
    assert (expected is Reason.OK) == bool(world.taken)


def spoilt(state: OpenedState, **facts: object) -> OpenedState:
    return replace(state, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"epoch": 2}, Reason.STATE_OUTDATED),
        ({"epoch": 0}, Reason.STATE_OUTDATED),
        ({"account_id": 2}, Reason.STATE_INVALID),
        ({"stage": Stage.DECOY}, Reason.WRONG_PASSWORD),
        ({"stage": Stage.INVALID}, Reason.STATE_INVALID),
    ],
)
def test_another_state_lets_nobody_in(facts: dict[str, object], expected: Reason) -> None:
    """Of another epoch, another account, a decoy, or none that opens: the right code is refused and nothing written."""
    world = World(alice(totp()))
    verdict = world.login(request(code(), state=spoilt(world.challenged(), **facts)))
    assert Reject(expected, say(Text.DENIED)) == verdict
    assert world.count(Commit) == 0


def test_a_state_that_does_not_open_lets_nobody_in() -> None:
    """The door's INVALID_STATE is a Reject, also for an account that owes nothing."""
    for account in (alice(totp()), alice(mfa=Mfa.OFF)):
        assert Reason.STATE_INVALID is World(account).login(request(PASSWORD, state=INVALID_STATE)).reason


def test_state_and_code_of_different_people_do_not_mix() -> None:
    """The password of one and the code of another is no login, whoever's State and name it is."""
    bob = Account(2, "bob", tokens=(totp(id=2, secret=b"bob's own secret key"),))
    world = World(alice(totp()), bob)
    of_bob = code(token=bob.tokens[0])
    state = world.challenged()
    wrongs = [
        world.login(request(of_bob, state=state)),
        world.login(request(of_bob, name=b"bob", state=world.challenged())),
        world.login(request(code(), name=b"bob", state=world.challenged())),
        world.login(request(code(), name=b"mallory", state=world.challenged())),
        world.login(request(code(), name=b"\xff", state=world.challenged())),
        world.login(request(code(), name=None, state=world.challenged())),
    ]
    assert [Reason.WRONG_CODE, *[Reason.STATE_INVALID] * 5] == [verdict.reason for verdict in wrongs]
    assert [] == world.taken


@pytest.mark.parametrize(
    "facts",
    [{"epoch": 2}, {"disabled": True}, {"groups": frozenset({"guests"})}],
    ids=["password changed", "disabled", "left the group"],
)
def test_what_changes_between_the_rounds_counts(facts: dict[str, object]) -> None:
    """A changed password, a disabled account, a lost group: the State of before is dead."""
    client = ClientPolicy("pbx", groups=frozenset({"staff"}))
    world = World(alice(totp(), groups=frozenset({"staff"})))
    state = world.challenged(client)
    world.change(**facts)
    assert Reason.STATE_OUTDATED is world.login(request(code(), client, state=state)).reason
    assert [] == world.taken


def test_a_retransmission_after_a_crash_gets_the_same_reply() -> None:
    """The datagram whose code was committed, come again, is answered with the stored octets, and nothing is taken."""
    world = World(alice(totp()))
    datagram = request(code(), state=world.challenged())
    first = world.login(datagram)
    assert Accept(Method.NONE, Reason.REPEATED, stored=octets(first)) == world.login(datagram)
    later = replace(datagram, at=NOW + 31)
    assert Reason.STATE_SPENT is world.login(later).reason
    assert 1 == len(world.taken)


def test_another_datagram_with_the_same_code_gets_no_stored_reply() -> None:
    """What was stored belongs to its datagram alone."""
    world = World(alice(totp()))
    state = world.challenged()
    world.login(request(code(), state=state))
    assert Reason.STATE_SPENT is world.login(request(code(), state=state)).reason
    assert Reason.STALE_CODE is world.answered(code()).reason


def test_a_lock_kills_the_states_it_meets() -> None:
    """A State answered while the account is locked is dead when the lock has gone."""
    world = World(alice(totp()))
    state = world.challenged()
    world.change(history=CodeHistory(locked_until=NOW + 1))
    assert Reason.LOCKED is world.login(request(code(), state=state)).reason
    assert Reason.STATE_SPENT is world.login(request(code(), at=NOW + 2, state=state)).reason
