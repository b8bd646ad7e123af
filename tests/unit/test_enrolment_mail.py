"""The word `mail` at the prompt: the invitation once more, for who has the password and no code yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.asks import Commit, InviteAgain
from radius_mfa.auth.model import (
    Accept,
    Account,
    Challenge,
    ClientPolicy,
    CodeHistory,
    Dialogue,
    Reject,
    Stage,
    TokenStatus,
    Verdict,
)
from radius_mfa.auth.policy import Enrolment, Rules
from radius_mfa.auth.reasons import Reason
from tests.unit.driving import (
    APPEND,
    NOW,
    PASSWORD,
    PBX,
    RECOVERY,
    SHY,
    World,
    code,
    opened,
    pending,
    request,
    totp,
)
from tests.unit.test_enrolment import ASKED, LOCK, RULES, TOLD, first_code, world


def typed(
    there: World, word: bytes | None, at: float, client: ClientPolicy = PBX, since: float | None = None
) -> Verdict:
    """`word` typed at a prompt that was asked at `since`, a second ago unless it is given."""
    since = at - 1 if since is None else since
    asked = there.login(request(client=client, at=since))
    return there.login(request(word, client, at=at, state=opened(asked, since)))


@pytest.mark.parametrize("word", [b"mail", b"MAIL", b" Mail "])
def test_mail_at_the_prompt_sends_it_again(word: bytes) -> None:
    """After ten minutes, with the same question, a new time to answer it, and no wrong code."""
    there = world()
    there.login(request())
    again = typed(there, word, NOW + 600)
    assert Challenge(Stage.ENROLMENT, ASKED, 1, 1, 600.0, Reason.INVITED_AGAIN, address="a***@example.com") == again
    assert (NOW + 600, InviteAgain(NOW, "qr", 5, 60)) == there.mails[-1]
    assert isinstance(there.login(request(first_code(NOW + 610), at=NOW + 610, state=opened(again, NOW + 600))), Accept)
    assert 0 == there.accounts["alice"].history.failures


def test_mail_before_its_time_sends_nothing_and_buys_no_time() -> None:
    """The State is spent, the question comes again, and its end stays where it was."""
    there = world()
    asked = there.login(request())
    state = opened(asked)
    again = there.login(request(b"mail", at=NOW + 500, state=state))
    assert Challenge(Stage.ENROLMENT, ASKED, 1, 1, 100.0, Reason.INVITATION_WAITS, address="a***@example.com") == again
    assert Reason.STATE_SPENT is there.login(request(b"mail", at=NOW + 500, state=state)).reason
    assert Reason.STATE_SPENT is there.login(request(first_code(), at=NOW, state=state)).reason
    assert 1 == len(there.mails)


def test_mail_past_the_limit_of_a_day_sends_nothing() -> None:
    """The fifth is the last; the question comes again."""
    there = world()
    there.login(request())
    said = [typed(there, b"mail", NOW + 600 * number).reason for number in range(1, 6)]
    assert [Reason.INVITED_AGAIN] * 4 + [Reason.MAIL_LIMIT] == said
    assert 5 == len(there.mails)


@pytest.mark.parametrize(
    ("there", "client", "reason"),
    [
        (world(totp()), PBX, Reason.NOT_A_CODE),
        (world(totp(), pending(id=2)), PBX, Reason.NOT_A_CODE),
        (world(pending()), SHY, Reason.NOT_A_CODE),
        (world(pending(), rules=Rules()), PBX, Reason.NOT_A_CODE),
        (world(pending(), mail=None), PBX, Reason.NOT_A_CODE),
    ],
)
def test_mail_is_a_word_only_where_the_prompt_names_it(there: World, client: ClientPolicy, reason: Reason) -> None:
    """Not with an active token, not where every prompt is the same, not without an address."""
    verdict = typed(there, b"mail", NOW + 0.5, client, NOW)
    assert reason is verdict.reason
    assert isinstance(verdict, Reject)
    assert [] == there.mails


def test_mail_past_the_limit_of_a_minute_sends_nothing() -> None:
    """Who types it then is told nothing of the others that were sent."""
    there = world(rules=replace(RULES, enrolment=Enrolment(per_minute=1)))
    there.accounts["bob"] = Account(2, "bob", mail="bob@example.com")
    there.passwords[2] = PASSWORD
    there.login(request())
    assert Reason.MAIL_LIMIT is there.login(request(name=b"bob", at=NOW + 59)).reason
    assert () == there.accounts["bob"].tokens
    assert Reason.INVITED is there.login(request(name=b"bob", at=NOW + 600)).reason
    assert Reason.MAIL_LIMIT is typed(there, b"mail", NOW + 620).reason
    assert 2 == len(there.mails)


def test_while_locked_mail_is_answered_as_if_it_came_too_soon() -> None:
    """Nothing is sent, the State is spent, the question comes again and its end stays: the lock does not show."""
    answers = []
    for history in (LOCK, CodeHistory()):
        there = world()
        state = opened(there.login(request()))
        there.change(history=history)
        answers.append(there.login(request(b"mail", at=NOW + 0.5, state=state)))
        assert Reason.STATE_SPENT is there.login(request(first_code(), at=NOW + 2, state=state)).reason
        assert 1 == len(there.mails)
    locked, soon = answers
    assert Challenge(Stage.ENROLMENT, ASKED, 1, 1, 599.5, Reason.LOCKED, address="a***@example.com") == locked
    assert replace(soon, reason=Reason.LOCKED) == locked


def test_mail_after_the_token_has_changed_hands_is_refused() -> None:
    """It was reset meanwhile: the question is no longer the one."""
    there = world(pending())
    there.meanwhile = lambda: there.change(tokens=())
    assert Reason.INVITATION_ENDED is typed(there, b"mail", NOW + 600, since=NOW + 599).reason
    other = world(pending())
    other.meanwhile = lambda: other.change(epoch=2)
    assert Reason.ACCOUNT_CHANGED is typed(other, b"mail", NOW + 600, since=NOW + 599).reason


@pytest.mark.parametrize("word", [b"mail please", b"mai", b"e-mail", b"m ail", b"\xffmail", b"", None])
def test_no_other_word_sends_it(word: bytes | None) -> None:
    """Whatever else is typed is a code that cannot be one."""
    there = world()
    there.login(request())
    assert Reason.NOT_A_CODE is typed(there, word, NOW + 600).reason
    assert 1 == len(there.mails)


@pytest.mark.parametrize(
    ("change", "late", "reason"),
    [
        ({"epoch": 2}, 0, Reason.STATE_OUTDATED),
        ({"disabled": True}, 0, Reason.STATE_OUTDATED),
        ({"groups": frozenset({"guests"})}, 0, Reason.STATE_OUTDATED),
        ({"tokens": (totp(status=TokenStatus.DISABLED),)}, 0, Reason.TOKEN_DISABLED),
        ({"tokens": ()}, 0, Reason.INVITATION_ENDED),
        ({}, 601, Reason.STATE_EXPIRED),
    ],
    ids=str,
)
def test_what_happened_since_the_prompt_counts(change: dict[str, object], late: int, reason: Reason) -> None:
    """A State that is dead sends no mail."""
    client = replace(PBX, groups=frozenset({"staff"}))
    there = world(pending(), groups=frozenset({"staff"}))
    state = opened(there.login(request(client=client)))
    there.change(**change)
    assert reason is there.login(request(b"mail", client, at=NOW + late, state=state)).reason
    assert [] == there.mails


@pytest.mark.parametrize("state", [{"stage": Stage.DECOY}, {"stage": Stage.INVALID}, {"account_id": 2}], ids=str)
def test_without_the_password_the_word_sends_nothing(state: dict[str, object]) -> None:
    """A decoy, a State that does not open, one of somebody else: nothing is sent, and nothing written."""
    there = world(pending())
    given = replace(opened(there.login(request())), **state)  # type: ignore[arg-type]
    assert isinstance(there.login(request(b"mail", state=given)), Reject)
    assert 0 == there.count(Commit)
    assert [] == there.mails


def test_a_prompt_for_another_code_does_not_know_the_word() -> None:
    """A State for a recovery code, and meanwhile an admin has made a pending token."""
    there = world(codes=(RECOVERY,))
    state = there.challenged()
    there.change(tokens=(pending(),))
    assert Reason.NOT_A_CODE is there.login(request(b"mail", state=state)).reason
    assert [] == there.mails


def test_after_the_first_code_the_word_means_nothing() -> None:
    """Another login has activated the token: the prompt that is still open takes its codes alone."""
    there = world(pending())
    state = there.challenged()
    assert isinstance(there.answered(code()), Accept)
    there.mails.clear()
    assert Reason.NOT_A_CODE is there.login(request(b"mail", state=state)).reason
    assert [] == there.mails


def test_a_client_that_cannot_ask_any_more_is_told_where_the_mail_is() -> None:
    """Its dialogue became `append` between prompt and answer: no challenge comes, and the mail all the same."""
    there = world(pending())
    state = there.challenged()
    verdict = there.login(request(b"mail", ClientPolicy("pbx", Dialogue.APPEND), state=state))
    assert Reject(Reason.INVITED_AGAIN, TOLD) == verdict
    assert 1 == len(there.mails)


def test_the_word_behind_a_password_is_part_of_the_password() -> None:
    """With `append` there is no prompt to type it at."""
    there = world(pending())
    assert Reason.WRONG_PASSWORD is there.login(request(PASSWORD + b"mail", APPEND)).reason
    assert [] == there.mails


def test_a_pending_token_without_a_mail_of_its_own_gets_one_at_once() -> None:
    """An admin showed its key on a screen: the owner need not wait for the first mail."""
    there = world(pending())
    assert Reason.INVITED_AGAIN is typed(there, b"mail", NOW + 1).reason
    assert Reason.INVITATION_WAITS is typed(there, b"mail", NOW + 600).reason
    assert 1 == len(there.mails)
