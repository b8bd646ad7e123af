"""From the first right password to the first code: who is invited, once, and what the prompt says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.asks import Invite
from radius_mfa.auth.model import (
    Accept,
    Account,
    Algorithm,
    Challenge,
    ClientPolicy,
    CodeHistory,
    Door,
    Method,
    Mfa,
    Reject,
    Stage,
    Token,
    TokenStatus,
    Verdict,
)
from radius_mfa.auth.notices import Activated, CodeUsed
from radius_mfa.auth.policy import Enrolment, NotEnrolled, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import LONGEST_DOMAIN, Text, masked, say
from tests.unit.driving import (
    APPEND,
    BOTH,
    NOW,
    PASSWORD,
    PBX,
    RECOVERY,
    SHY,
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
from tests.unit.memory import MAILED

RULES = Rules(mails=True)
ADDRESS = "alice@example.com"
ASKED = say(Text.ASK_MAILED_CODE, address="a***@example.com", trust="")
TOLD = say(Text.LOOK_IN_MAILBOX, address="a***@example.com")


def world(*tokens: Token, rules: Rules = RULES, codes: tuple[str, ...] = (), **facts: object) -> World:
    """alice with an address."""
    return World(alice(*tokens, **{"mail": ADDRESS, **facts}), rules=rules, codes=codes)


def first_code(at: float = NOW) -> bytes:
    return code(at, totp(secret=MAILED))


@pytest.mark.parametrize("client", [PBX, BOTH], ids=lambda client: client.shortname)
def test_the_first_right_password_invites_and_asks_for_the_first_code(client: ClientPolicy) -> None:
    """Pending token and mail are one commit; the challenge says where the mail goes and lives ten minutes."""
    there = world()
    assert Challenge(Stage.ENROLMENT, ASKED, 1, 1, 600.0, Reason.INVITED, address="a***@example.com") == there.login(
        request(client=client)
    )
    assert [(NOW, Invite(NOW + 86400))] == there.mails
    assert [TokenStatus.PENDING] == [token.status for token in there.accounts["alice"].tokens]


def test_the_token_is_made_as_it_is_configured() -> None:
    """Digits, hash, period, lifetime, limits and what the mail carries."""
    limits = Enrolment(50.0, 70.0, 80.0, 3, 9, "key", 8, Algorithm.SHA256, 60)
    there = world(rules=replace(RULES, enrolment=limits))
    asked = there.login(request())
    assert isinstance(asked, Challenge)
    assert 70.0 == asked.lifetime
    assert [(NOW, Invite(NOW + 50, "key", 8, Algorithm.SHA256, 60, 3, 9))] == there.mails


@pytest.mark.parametrize("client", [PBX, BOTH, SHY], ids=lambda client: client.shortname)
def test_the_first_code_activates_and_accepts_this_very_login(client: ClientPolicy) -> None:
    """The owner is told by mail, and by the Accept how to come by recovery codes."""
    there = world()
    asked = there.login(request(client=client))
    accepted = there.login(
        request(first_code(NOW + 60), client, at=NOW + 60, state=opened(asked), calling_station="desk 7")
    )
    assert Accept(Method.TOTP, text=say(Text.ACTIVATED)) == accepted
    notice = Activated(account="alice", at=NOW + 60, client=client.shortname, address="desk 7")
    assert (NOW + 60, notice) == there.mails[-1]
    speaker = world(pending(), language="de")
    speaker.answered(code())
    assert [(NOW, Activated(account="alice", language="de", at=NOW, client="pbx", address="192.0.2.10"))] == (
        speaker.mails
    )
    assert Reason.CODE_MISSING is there.login(request(client=APPEND, at=NOW + 90)).reason


def test_a_client_without_a_second_round_is_told_to_look_in_the_mailbox() -> None:
    """Each time, until password and first code come in one field."""
    there = world()
    assert Reject(Reason.INVITED, TOLD) == there.login(request(client=APPEND))
    assert Reject(Reason.CODE_MISSING, TOLD) == there.login(request(client=APPEND))
    accepted = there.login(request(PASSWORD + first_code(), APPEND))
    assert isinstance(accepted, Accept)
    assert [Invite, Activated] == [type(mail) for _, mail in there.mails]


def test_while_a_pending_token_lives_no_login_sends_or_changes_anything() -> None:
    """The same question with the same words; the secret stays."""
    there = world()
    asked = there.login(request())
    before = there.accounts["alice"].tokens
    again = there.login(request(at=NOW + 86399))
    assert isinstance(asked, Challenge)
    assert replace(asked, reason=Reason.OK) == again
    assert before == there.accounts["alice"].tokens
    assert 1 == len(there.mails)


def test_a_pending_token_that_has_ended_is_followed_by_another_invitation() -> None:
    """Its code is no code any more, and counts for nothing; the next password sends another mail."""
    there = world()
    asked = there.login(request())
    late = there.login(request(at=NOW + 86390))
    answer = request(first_code(NOW + 86400), at=NOW + 86400, state=opened(late, NOW + 86390))
    assert Reason.INVITATION_ENDED is there.login(answer).reason
    assert 0 == there.accounts["alice"].history.failures
    assert asked == there.login(request(at=NOW + 86400))
    assert 2 == len(there.mails)


LOCK = CodeHistory(locked_until=NOW + 1)


@pytest.mark.parametrize(
    ("there", "client", "given", "reason"),
    [
        (world(), PBX, b"wrong", Reason.WRONG_PASSWORD),
        (world(), PBX, b"", Reason.NO_PASSWORD),
        (World(rules=RULES), PBX, PASSWORD, Reason.UNKNOWN_ACCOUNT),
        (world(disabled=True), PBX, PASSWORD, Reason.DISABLED),
        (world(), replace(PBX, groups=frozenset({"admins"})), PASSWORD, Reason.NOT_ALLOWED),
        (world(mfa=Mfa.OFF), PBX, PASSWORD, Reason.OK),
        (world(), replace(PBX, mfa=Mfa.OFF), PASSWORD, Reason.OK),
        (world(totp()), PBX, PASSWORD, Reason.OK),
        (world(totp(status=TokenStatus.DISABLED)), PBX, PASSWORD, Reason.TOKEN_DISABLED),
        (world(totp(secret=None)), PBX, PASSWORD, Reason.TOKEN_UNREADABLE),
        (world(pending(secret=None)), PBX, PASSWORD, Reason.TOKEN_UNREADABLE),
        (world(totp(status=TokenStatus.DISABLED), pending(expires=NOW)), PBX, PASSWORD, Reason.TOKEN_DISABLED),
        (world(codes=(RECOVERY,)), PBX, PASSWORD, Reason.OK),
        (world(mail=None), PBX, PASSWORD, Reason.NO_ADDRESS),
        (world(mail=""), PBX, PASSWORD, Reason.NO_ADDRESS),
        (world(), PBX, b"mail", Reason.WRONG_PASSWORD),
        (world(), APPEND, b"mail", Reason.WRONG_PASSWORD),
        (world(), BOTH, PASSWORD + b"123456", Reason.WRONG_PASSWORD),
        (world(rules=Rules()), PBX, PASSWORD, Reason.NOT_ENROLLED),
        (world(rules=replace(RULES, not_enrolled=NotEnrolled.REJECT)), PBX, PASSWORD, Reason.NOT_ENROLLED),
        (world(rules=replace(RULES, not_enrolled=NotEnrolled.ACCEPT)), PBX, PASSWORD, Reason.NOT_ENROLLED_ACCEPTED),
        (world(rules=replace(RULES, enrolment=Enrolment(per_day=0))), PBX, PASSWORD, Reason.MAIL_LIMIT),
    ],
)
def test_who_is_not_invited(there: World, client: ClientPolicy, given: bytes, reason: Reason) -> None:
    """No token is made and no mail sent but for a right password of an enabled account that owes its first code."""
    before = there.accounts.get("alice")
    verdict = there.login(request(given, client))
    assert reason is verdict.reason
    assert [] == there.mails
    assert before == there.accounts.get("alice")


@pytest.mark.parametrize("client", [PBX, APPEND, BOTH, SHY], ids=lambda client: client.shortname)
def test_root_is_not_invited_over_the_network(client: ClientPolicy) -> None:
    """Whatever the password."""
    root = Account(1, "root", mail=ADDRESS)
    there = World(root, rules=RULES)
    assert Reason.NOT_ALLOWED is there.login(request(name=b"root", client=client)).reason
    assert [] == there.mails


@pytest.mark.parametrize("client", [PBX, APPEND, BOTH, SHY], ids=lambda client: client.shortname)
def test_a_locked_account_gets_the_same_answer_and_no_mail(client: ClientPolicy) -> None:
    """Nothing is made while it is locked, and nobody can tell."""
    there, other = world(history=LOCK), world()
    told = there.login(request(client=client))
    assert Reason.LOCKED is told.reason
    assert told == replace(other.login(request(client=client)), reason=Reason.LOCKED)
    assert [] == there.mails
    assert () == there.accounts["alice"].tokens


def test_accepting_the_unenrolled_ends_with_a_lock() -> None:
    """`not_enrolled: accept` does not let in past a lock, and the audit says why."""
    there = world(rules=replace(RULES, not_enrolled=NotEnrolled.ACCEPT), history=LOCK)
    assert Reject(Reason.LOCKED, say(Text.DENIED)) == there.login(request())
    assert isinstance(there.login(request(at=NOW + 1)), Accept)


def test_two_first_logins_at_once_are_one_invitation() -> None:
    """Whoever commits second finds the token of the first; both are asked for its code, and one of them takes it."""
    there, asked = world(), list[Verdict]()

    def overtake() -> None:
        there.meanwhile = lambda: None
        asked.append(there.login(request()))

    there.meanwhile = overtake
    asked.append(there.login(request()))
    assert [Reason.INVITED] * 2 == [verdict.reason for verdict in asked]
    assert 1 == len(there.mails)
    ends = [there.login(request(first_code(), state=opened(verdict))).reason for verdict in asked]
    assert [Reason.OK, Reason.STALE_CODE] == ends


def test_a_token_that_came_meanwhile_is_left_alone() -> None:
    """An admin who was faster: no mail is sent, and the challenge is for the code of that token."""
    there = world()
    there.meanwhile = lambda: there.change(tokens=(totp(),))
    asked = there.login(request())
    assert ([], (totp(),)) == (there.mails, there.accounts["alice"].tokens)
    assert Accept(Method.TOTP) == there.login(request(code(), state=opened(asked)))


@pytest.mark.parametrize("change", [{"disabled": True}, {"epoch": 2}, {"history": LOCK}], ids=str)
@pytest.mark.parametrize("client", [PBX, SHY], ids=lambda client: client.shortname)
def test_an_account_that_changes_in_that_moment_is_refused(change: dict[str, object], client: ClientPolicy) -> None:
    """As after a wrong password: a Reject, or the decoy of `always_challenge`."""
    there = world()
    there.meanwhile = lambda: there.change(**change)
    verdict = there.login(request(client=client))
    assert Reason.ACCOUNT_CHANGED is verdict.reason
    assert verdict == replace(there.login(request(b"wrong", client)), reason=Reason.ACCOUNT_CHANGED)
    assert [] == there.mails


def test_a_recovery_code_is_no_first_code() -> None:
    """While the pending token is the only one, only its code activates it."""
    there = world(pending(), codes=(RECOVERY,))
    assert Reason.NOT_A_CODE is there.answered(dashed()).reason
    assert [] == there.taken


def test_a_wrong_first_code_counts_as_ever() -> None:
    """And the token stays pending."""
    there = world(pending())
    assert Reason.WRONG_CODE is there.answered(wrong()).reason
    assert 1 == there.accounts["alice"].history.failures
    assert TokenStatus.PENDING is there.accounts["alice"].tokens[0].status


@pytest.mark.parametrize("language", [None, "en"])
@pytest.mark.parametrize(("left", "low"), [(4, False), (3, True), (0, True)])
def test_a_used_recovery_code_is_told_to_its_owner(left: int, low: bool, language: str | None) -> None:
    """With time, client and address, and whether it is time for new ones."""
    codes = (RECOVERY, *(f"{number:0>16}".translate(str.maketrans("01", "AB")) for number in range(2, 2 + left)))
    there = world(totp(), codes=codes, language=language)
    assert isinstance(there.answered(dashed()), Accept)
    notice = CodeUsed(
        account="alice", language=language or "", at=NOW, client="pbx", address="192.0.2.10", left=left, low=low
    )
    assert [(NOW, notice)] == there.mails


@pytest.mark.parametrize(
    "there", [world(totp(), codes=(RECOVERY,), rules=Rules()), world(totp(), codes=(RECOVERY,), mail=None)]
)
def test_without_mail_there_is_no_notice(there: World) -> None:
    """The login goes on all the same."""
    assert isinstance(there.answered(dashed()), Accept)
    assert [] == there.mails
    activating = replace(there.accounts["alice"], tokens=(pending(),))
    there.accounts["alice"] = activating
    assert isinstance(there.answered(code()), Accept)
    assert [] == there.mails


def test_a_notice_says_where_the_user_sits() -> None:
    """The station if the client names one, else the remote host, else the client; never more than a line."""
    for station, host, place in (
        ("x" * 99, "h", "x" * 64),
        ("", "198.51.100.7", "198.51.100.7"),
        ("", "", "192.0.2.10"),
    ):
        there = world(totp(), codes=(RECOVERY,))
        there.login(request(dashed(), state=there.challenged(), calling_station=station, rhost=host))
        (_, notice) = there.mails[0]
        assert isinstance(notice, CodeUsed)
        assert place == notice.address


@pytest.mark.parametrize("client", [PBX, APPEND, BOTH, SHY], ids=lambda client: client.shortname)
def test_no_address_makes_a_text_too_long(client: ClientPolicy) -> None:
    """A Reply-Message has at most 253 octets (RFC 2865 section 5.18), however long the domain is."""
    longest = f"a@{'d' * 60}.{'e' * 60}.{'f' * 60}.example"
    verdict = World(alice(mail=longest), rules=RULES).login(request(client=client))
    assert len(verdict.text.encode()) < 253
    assert len(masked(longest)) <= LONGEST_DOMAIN + len("a***@...")


def test_with_always_challenge_an_invitation_looks_like_everything_else() -> None:
    """Text and lifetime tell nothing before the code."""
    asked = world().login(request(client=SHY))
    refused = world().login(request(b"wrong", SHY))
    assert isinstance(asked, Challenge)
    assert isinstance(refused, Challenge)
    assert (asked.text, Reason.INVITED) == (refused.text, asked.reason)


def test_over_pam_root_may_enrol() -> None:
    """The console of a host is where root lives."""
    there = World(Account(1, "root", mail=ADDRESS), rules=RULES)
    assert Reason.INVITED is there.login(request(name=b"root", door=Door.PAM)).reason
