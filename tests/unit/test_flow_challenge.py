"""The dialogue `challenge`: the password, then the code in a round of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.asks import ActivateToken, CheckPassword, Commit, FindSkew, UseToken
from radius_mfa.auth.model import (
    Accept,
    Account,
    Challenge,
    ClientPolicy,
    CodeHistory,
    Method,
    Mfa,
    Reject,
    ReplyRule,
    Stage,
    TokenStatus,
)
from radius_mfa.auth.otp import code_at
from radius_mfa.auth.policy import Names, NotEnrolled, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, say
from tests.unit.driving import (
    NOW,
    PASSWORD,
    PBX,
    SECRET,
    STEP,
    World,
    alice,
    code,
    hotp,
    opened,
    pending,
    request,
    totp,
    wrong,
)
from tests.unit.test_credential import NOT_CODES


def test_password_then_code_lets_in() -> None:
    """The right password is answered with a challenge, the code with an Accept; the step is taken."""
    world = World(alice(totp(), epoch=7))
    asked = world.login(request())
    assert Challenge(Stage.CODE, say(Text.ASK_CODE, trust=""), 1, 7, 120.0) == asked
    assert Accept(Method.TOTP) == world.login(request(code(), state=opened(asked)))
    assert [UseToken(1, STEP, 0)] == world.taken


def test_the_accept_brings_the_attributes_of_the_account() -> None:
    """What the client's reply rules say of the account's groups comes with the Accept, never with the challenge."""
    client = ClientPolicy("pbx", replies=(ReplyRule(frozenset({"staff"}), b"\x06\x06\0\0\0\x06"),))
    verdict = World(alice(totp(), groups=frozenset({"staff"}))).answered(code(), client)
    assert Accept(Method.TOTP, attributes=b"\x06\x06\0\0\0\x06") == verdict


def test_without_mfa_the_password_is_enough_and_only_a_new_place_is_written() -> None:
    """An account that owes no code gets its Accept in the first round; a place it is known from costs no write."""
    world = World(alice(totp(), mfa=Mfa.OFF))
    for place, commits in (("192.0.2.7", 1), ("192.0.2.7", 1), ("192.0.2.8", 2), ("192.0.2.7", 2)):
        assert Accept(Method.PASSWORD) == world.login(request(calling_station=place))
        assert world.count(Commit) == commits


def test_a_lock_is_about_codes() -> None:
    """Who owes none gets in while codes are not looked at, from a new place as from a known one."""
    world = World(alice(totp(), mfa=Mfa.OFF, history=CodeHistory(locked_until=NOW + 60)))
    assert [Accept(Method.PASSWORD)] * 2 == [world.login(request()) for _ in range(2)]


def test_a_place_that_cannot_be_written_down_lets_nobody_in() -> None:
    """Without MFA too: an account that was disabled in the same moment gets no Accept."""
    world = World(alice(mfa=Mfa.OFF))
    world.meanwhile = lambda: world.change(disabled=True, epoch=2)
    assert Reason.ACCOUNT_CHANGED is world.login(request()).reason


@pytest.mark.parametrize(
    ("window", "expected"), [(0, {0}), (1, {-1, 0, 1}), (2, {-2, -1, 0, 1, 2}), (None, {-1, 0, 1})]
)
def test_the_window_decides_which_codes_let_in(window: int | None, expected: set[int]) -> None:
    """Codes of the window let in and those beside it do not; one step either way unless configured."""
    rules = Rules() if window is None else Rules(window=window)
    let_in = {
        off for off in range(-4, 5) if World(alice(totp()), rules=rules).answered(code(off=off)).reason is Reason.OK
    }
    assert expected == let_in


@pytest.mark.parametrize(("ahead", "expected"), [(0, {4}), (2, {4, 5, 6}), (None, set(range(4, 15)))])
def test_the_look_ahead_decides_which_counters_let_in(ahead: int | None, expected: set[int]) -> None:
    """The next counter lets in, and as many after it as configured; ten unless said otherwise."""
    rules = Rules() if ahead is None else Rules(look_ahead=ahead)
    shown = {n: code_at(SECRET, n, 6, hotp().algorithm).encode() for n in range(20)}
    let_in = {n for n in shown if World(alice(hotp(last_step=3)), rules=rules).answered(shown[n]).reason is Reason.OK}
    assert expected == let_in


def test_a_counter_token_lets_in() -> None:
    """A counter token gives its next code, and the counter is taken."""
    world = World(alice(hotp(last_step=4)))
    assert Accept(Method.HOTP) == world.answered(code_at(SECRET, 5, 6, hotp().algorithm).encode())
    assert [UseToken(1, 5, 0)] == world.taken


def test_the_learned_drift_is_remembered() -> None:
    """A code of the next step is taken with its drift."""
    world = World(alice(totp()))
    world.answered(code(off=1))
    assert [UseToken(1, STEP + 1, 1)] == world.taken


@pytest.mark.parametrize(
    ("password", "name", "expected"),
    [
        (b"wrong", b"alice", Reason.WRONG_PASSWORD),
        (PASSWORD + b"\xff", b"alice", Reason.WRONG_PASSWORD),
        (PASSWORD[:-1], b"alice", Reason.WRONG_PASSWORD),
        (code(), b"alice", Reason.WRONG_PASSWORD),
        (PASSWORD + code(), b"alice", Reason.WRONG_PASSWORD),
        (PASSWORD, b"mallory", Reason.UNKNOWN_ACCOUNT),
        (PASSWORD, b" ", Reason.UNKNOWN_ACCOUNT),
        (PASSWORD, b"alice\0x", Reason.BAD_NAME),
        (PASSWORD, None, Reason.BAD_NAME),
    ],
)
def test_without_the_password_there_is_no_challenge(password: bytes, name: bytes | None, expected: Reason) -> None:
    """Wrong, with more behind it, a code in its place, of nobody: a Reject after one password check, and no write."""
    world = World(alice(totp()))
    assert Reject(expected, say(Text.DENIED)) == world.login(request(password, name=name))
    assert (1, 0) == (world.count(CheckPassword), world.count(Commit))


@pytest.mark.parametrize("name", [None, b"", b"alice\0", b"\xff"])
def test_what_is_no_name_is_looked_up_nowhere(name: bytes | None) -> None:
    """Octets that are no name cost a password check and no question to the store."""
    world = World(alice(totp()))
    assert Reason.BAD_NAME is world.login(request(name=name)).reason
    assert [CheckPassword(None, "", PASSWORD, "192.0.2.10")] == world.asked


@pytest.mark.parametrize("password", [None, b""])
def test_an_empty_password_is_asked_of_nobody(password: bytes | None) -> None:
    """No password: a Reject, and no backend hears of it."""
    world = World(alice(totp()))
    world.passwords[1] = b""
    assert Reason.NO_PASSWORD is world.login(request(password)).reason
    assert world.count(CheckPassword) == 0


def test_chap_is_refused_in_words() -> None:
    """A method that cannot carry a code is a Reject that says so, whatever else came with it."""
    world = World(alice(mfa=Mfa.OFF))
    verdict = world.login(request(unsupported=True))
    assert Reject(Reason.UNSUPPORTED_METHOD, say(Text.NEEDS_PAP)) == verdict
    assert [] == world.asked


@pytest.mark.parametrize(
    ("facts", "client", "expected"),
    [
        ({"disabled": True}, PBX, Reason.DISABLED),
        ({"disabled": True, "mfa": Mfa.OFF}, PBX, Reason.DISABLED),
        ({}, ClientPolicy("pbx", groups=frozenset({"admins"})), Reason.NOT_ALLOWED),
        ({"mfa": Mfa.OFF}, ClientPolicy("pbx", groups=frozenset({"admins"})), Reason.NOT_ALLOWED),
    ],
)
def test_who_may_not_log_in_is_told_nothing(facts: dict[str, object], client: ClientPolicy, expected: Reason) -> None:
    """Disabled, or not in the client's groups: with the right password the same Reject as with a wrong one."""
    world = World(alice(totp(), **facts))
    right, false = world.login(request(client=client)), world.login(request(b"wrong", client))
    assert (expected, Reason.WRONG_PASSWORD) == (right.reason, false.reason)
    assert replace(right, reason=Reason.WRONG_PASSWORD) == false


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (alice(totp(secret=None)), Reason.TOKEN_UNREADABLE),
        (alice(totp(status=TokenStatus.DISABLED)), Reason.TOKEN_DISABLED),
        (alice(), Reason.NOT_ENROLLED),
        (alice(pending(expires=NOW)), Reason.NOT_ENROLLED),
    ],
)
@pytest.mark.parametrize("codes", [(), ("ABCDEFGHIJKLMNOP",)])
def test_a_missing_or_broken_token_is_never_password_only(
    account: Account, expected: Reason, codes: tuple[str]
) -> None:
    """Corrupt, undecryptable, disabled or no token: a Reject; recovery codes help only without a token."""
    verdict = World(account, codes=codes).login(request())
    if expected is Reason.NOT_ENROLLED and codes:
        assert isinstance(verdict, Challenge)
    else:
        assert Reject(expected, say(Text.DENIED)) == verdict


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (NotEnrolled.ENROLL, Reject(Reason.NOT_ENROLLED, say(Text.DENIED))),
        (NotEnrolled.REJECT, Reject(Reason.NOT_ENROLLED, say(Text.DENIED))),
        (NotEnrolled.ACCEPT, Accept(Method.PASSWORD, Reason.NOT_ENROLLED_ACCEPTED)),
    ],
)
def test_who_is_not_enrolled_is_treated_as_configured(setting: NotEnrolled, expected: Accept | Reject) -> None:
    """`not_enrolled` decides about an account without a token, and an Accept by it has a reason of its own."""
    world = World(alice(), rules=Rules(not_enrolled=setting))
    assert expected == world.login(request())
    assert Reason.WRONG_PASSWORD is world.login(request(b"wrong")).reason


@pytest.mark.parametrize("facts", [{"secret": None}, {"status": TokenStatus.DISABLED}, {}])
def test_accepting_the_not_enrolled_lets_nobody_else_in(facts: dict[str, object]) -> None:
    """With `not_enrolled: accept` an account with a token, broken or not, still owes its code."""
    world = World(alice(totp(**facts)), rules=Rules(not_enrolled=NotEnrolled.ACCEPT))
    assert not isinstance(world.login(request()), Accept)


def test_the_first_code_activates_a_pending_token() -> None:
    """A pending token is asked for its first code in its own words and time; the code activates it and lets in."""
    world = World(alice(pending()))
    asked = world.login(request())
    assert Challenge(Stage.ENROLMENT, say(Text.ASK_FIRST_CODE, trust=""), 1, 1, 600.0) == asked
    assert Accept(Method.TOTP, text=say(Text.ACTIVATED)) == world.login(request(code(), state=opened(asked)))
    assert [ActivateToken(1, STEP, 0)] == world.taken
    assert Reason.STALE_CODE is world.answered(code()).reason


def test_a_second_token_of_the_account_has_its_own_steps() -> None:
    """Codes of two tokens in the same step both let in, each once."""
    second = totp(id=2, secret=b"another secret of it")
    world = World(alice(totp(), second))
    verdicts = [world.answered(code(token=token)) for token in (totp(), second, totp(), second)]
    assert [Reason.OK, Reason.OK, Reason.STALE_CODE, Reason.STALE_CODE] == [verdict.reason for verdict in verdicts]


@pytest.mark.parametrize("answer", [*NOT_CODES.values(), None, PASSWORD], ids=[*NOT_CODES, "none", "the password"])
def test_what_cannot_be_a_code_is_refused_and_not_counted(answer: bytes | None) -> None:
    """Unicode digits, other lengths, nothing, the password again: a Reject that takes no step and is not counted."""
    world = World(alice(totp()))
    assert Reject(Reason.NOT_A_CODE, say(Text.DENIED)) == world.answered(answer)
    assert ([], CodeHistory()) == (world.taken, world.accounts["alice"].history)
    assert world.count(FindSkew) == 0


def test_a_unicode_twin_of_a_used_code_is_no_code() -> None:
    """After 123456 was taken, the same in full-width digits is not looked at."""
    world = World(alice(totp()))
    world.answered(code())
    twin = code().decode().translate({digit: digit + 0xFEE0 for digit in range(0x30, 0x3A)}).encode()
    assert Reason.NOT_A_CODE is world.answered(twin).reason


def test_a_code_is_taken_once() -> None:
    """The same code again, at another client or under another spelling of the name, is stale and not counted."""
    names = Names(realms=frozenset({"example.com"}), domains=frozenset({"corp"}))
    world = World(alice(totp()), rules=Rules(names=names))
    assert Reason.OK is world.answered(code()).reason
    assert Reason.STALE_CODE is world.answered(code(), ClientPolicy("vpn")).reason
    for name in (b"alice", b"ALICE", b"alice@Example.com", b"CORP\\alice"):
        assert Reason.STALE_CODE is world.login(request(code(), name=name, state=world.challenged())).reason
    assert (1, 0) == (len(world.taken), world.accounts["alice"].history.failures)


def test_an_older_step_is_stale_after_a_newer_one() -> None:
    """Once the newer code of the window is taken, the older one is lost."""
    world = World(alice(totp()))
    assert Reason.OK is world.answered(code(off=1)).reason
    assert [Reason.STALE_CODE] * 2 == [world.answered(code(off=off)).reason for off in (0, -1)]


def test_a_wrong_code_is_counted_once_a_datagram() -> None:
    """Wrong codes are counted on the account; a repetition of the datagram is not; a right code begins anew."""
    world = World(alice(totp()))
    datagram = request(wrong(), state=world.challenged())
    world.login(datagram)
    world.login(datagram)
    world.answered(wrong())
    assert 2 == world.accounts["alice"].history.failures
    world.answered(code())
    history = world.accounts["alice"].history
    assert (0, 2) == (history.failures, history.window_failures)


def test_a_clock_that_is_off_is_told_apart_from_a_guess() -> None:
    """A code of ten minutes ahead or of a step passed by is refused with its reason and not counted."""
    world = World(alice(totp(last_step=STEP - 10)))
    expected = {10: Reason.SKEWED_CODE, -5: Reason.SKEWED_CODE, -10: Reason.STALE_CODE, -20: Reason.STALE_CODE}
    assert expected == {off: world.answered(code(off=off)).reason for off in expected}
    assert ([], 0) == (world.taken, world.accounts["alice"].history.failures)


def test_a_clock_set_back_opens_no_used_code() -> None:
    """Ten minutes back in time, used codes and all codes up to the last one stay refused; later ones work again."""
    world = World(alice(totp(last_step=STEP)))
    back = NOW - 600
    assert [Reason.STALE_CODE] * 2 == [world.answered(code(at), at=back).reason for at in (back, NOW)]
    assert Reason.OK is world.answered(code(NOW + 30), at=NOW + 30).reason


def test_while_locked_no_code_is_looked_at() -> None:
    """A locked account gets its challenge; right and wrong codes get the same Reject and are not searched for."""
    world = World(alice(totp(), history=CodeHistory(locked_until=NOW + 1)), codes=["ABCDEFGHIJKLMNOP"])
    verdicts = [world.answered(answer) for answer in (code(), wrong(), b"ABCDEFGHIJKLMNOP", b"x")]
    assert [Reject(Reason.LOCKED, say(Text.DENIED))] * 4 == verdicts
    assert (0, []) == (world.count(FindSkew), world.taken)
    assert 0 == world.accounts["alice"].history.failures
    assert Reason.OK is world.answered(code(), at=NOW + 1).reason
