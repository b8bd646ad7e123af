"""Logins through the real hook and the real door, from a stack to the store."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from radius_mfa.auth.model import ClientPolicy, Dialogue, LoginRequest, Mfa
from radius_mfa.auth.model import Door as Doors
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.backends.local import LocalPasswords
from radius_mfa.backends.slots import HashSlots
from radius_mfa.service import Authenticator
from tests.contract.judging import Recorder
from tests.contract.stores import NOW, NoLimit
from tests.pam.door import PASSWORD, RECOVERY, WRONG, Door, code
from tests.pam.host import NEEDS_HOOK

pytestmark = [
    pytest.mark.needs_root,
    *NEEDS_HOOK,
]
ASK_PASSWORD = b"hidden Password: "
ASK_CODE = b"hidden Code from your authenticator app: "
ASK_AGAIN = b"hidden Not accepted. Code from your authenticator app: "
ASK_MAILED = (
    b"hidden A mail to b***@example.com shows how to set up your code app. "
    b"Type its first code, or `mail` to get the mail again: "
)
CODE_ONLY = {"sshd": {"password": False}}


def test_a_password_and_a_code_let_in(door: Door) -> None:
    """Two questions, one Challenge and one Accept in the audit, and nothing more is shown."""
    door.start()
    said = door.login(PASSWORD, code(), options=["-r", "192.0.2.7"])
    assert ("success", [ASK_PASSWORD, ASK_CODE]) == (said.result, said.shown)
    assert [("challenge", "ok"), ("accept", "ok")] == door.audit()
    last = door.audit_file.read_text().splitlines()[-1]
    assert all(
        part in last
        for part in ('"account":"alice"', '"client":"sshd"', '"source":"192.0.2.7"', '"transport":"pam"', '"totp"')
    )


@pytest.mark.parametrize("user", ["alice", "mallory"])
def test_a_wrong_password_is_no_question_for_a_code(door: Door, user: str) -> None:
    """Wrong and unknown look the same: denied after the password, which was asked for once."""
    door.start()
    said = door.login("wrong", code(), user=user)
    assert ("auth_err", [ASK_PASSWORD]) == (said.result, said.shown)


def test_a_code_alone_lets_in_where_the_stack_has_checked_the_password(door: Door) -> None:
    """`password: no`: one question, no password checked."""
    door.start(services=CODE_ONLY)
    said = door.login(code())
    assert ("success", [ASK_CODE], []) == (said.result, said.shown, door.asked())


def test_password_no_is_a_matter_of_its_service(door: Door) -> None:
    """A service that is not configured has its password checked, whatever others do."""
    door.start(services={"sudo": {"password": False}})
    assert [ASK_PASSWORD] == door.login(code()).shown


@pytest.mark.parametrize("user", ["mallory", "disabled"])
def test_a_code_only_service_asks_nobody_who_may_not(door: Door, user: str) -> None:
    """Who is unknown or disabled is denied without a question."""
    door.account("disabled")
    door.stores.edit("UPDATE account SET disabled = 1 WHERE name = 'disabled'")
    door.start(services=CODE_ONLY)
    said = door.login(code(), user=user)
    assert ("auth_err", []) == (said.result, said.shown)


def test_a_service_can_owe_no_code(door: Door) -> None:
    """`mfa: off` leaves the password, unless the account itself owes a code."""
    door.account("strict", mfa=Mfa.REQUIRED)
    door.start(services={"sshd": {"mfa": "off"}})
    assert [ASK_PASSWORD] == door.login(PASSWORD).shown
    assert [ASK_PASSWORD, ASK_CODE] == door.login(PASSWORD, code(), user="strict").shown


def test_root_may_log_in_over_pam(door: Door) -> None:
    """root is refused over the network alone."""
    door.account("root")
    door.start()
    assert "success" == door.login(PASSWORD, code(), user="root").result


def test_a_recovery_code_lets_in_and_says_how_many_are_left(door: Door) -> None:
    """It stands in for the code, once."""
    door.start()
    said = door.login(PASSWORD, RECOVERY)
    assert ("success", b"info Recovery code used, 2 left") == (said.result, said.shown[-1])
    assert "maxtries" == door.login(PASSWORD, RECOVERY, WRONG, WRONG).result


def test_the_first_login_enrols(door: Door) -> None:
    """The first right password sends the key; its first code activates the token and lets in at once."""
    door.account("bob", token=False, mail="bob@example.com")
    door.start()
    assert [ASK_PASSWORD, ASK_MAILED] == door.login(PASSWORD, "@fail", user="bob").shown
    assert 1 == door.mails()
    said = door.login(PASSWORD, door.pending_code("bob"), user="bob")
    assert "success" == said.result
    assert said.shown[-1].startswith(b"info Your code app is set up.")


def test_mail_is_no_code(door: Door) -> None:
    """`mail` sends the mail again once it may, asks the same question, and leaves all three tries."""
    door.account("bob", token=False, mail="bob@example.com")
    door.start()
    door.login(PASSWORD, "@fail", user="bob")
    door.at(NOW + 601)
    said = door.login(PASSWORD, "mail", "mail", WRONG, WRONG, door.pending_code("bob", 20), user="bob")
    assert "success" == said.result
    asked = ["ok", "invited-again", "invitation-waits", "wrong-code", "wrong-code", "ok"]
    assert asked == [reason for _, reason in door.audit()][1:]
    later = b"hidden Not accepted. " + ASK_MAILED.removeprefix(b"hidden ")
    assert [ASK_PASSWORD, ASK_MAILED, ASK_MAILED, ASK_MAILED, later, later] == said.shown[:6]


def test_mail_has_an_end(door: Door) -> None:
    """Who types nothing but `mail` is denied before the hook is tired of it, and has not used up a try."""
    door.account("bob", token=False, mail="bob@example.com")
    door.start()
    said = door.login(PASSWORD, *["mail"] * 40, user="bob")
    assert ("auth_err", 11) == (said.result, len(said.shown))
    assert 0 == door.load("bob").history.failures


def test_three_wrong_codes_are_enough(door: Door) -> None:
    """Three questions, the later ones say why, then maxtries; each was a round that counted, on a State of its own."""
    door.start()
    said = door.login(PASSWORD, WRONG, WRONG, WRONG, code())
    assert ("maxtries", [ASK_PASSWORD, ASK_CODE, ASK_AGAIN, ASK_AGAIN]) == (said.result, said.shown)
    assert (3, 3) == (door.load().history.failures, door.stores.spent())


def test_the_third_code_may_be_the_right_one(door: Door) -> None:
    """After two wrong codes the right one lets in."""
    door.start()
    assert "success" == door.login(PASSWORD, WRONG, "", code()).result


def test_a_lock_is_not_to_be_seen(door: Door) -> None:
    """The right code of a locked account gets the same questions and the same end as a wrong one."""
    door.account("locked")
    door.stores.edit("UPDATE account SET locked_until = ? WHERE name = 'locked'", NOW + 300)
    door.start()
    wrong = door.login(PASSWORD, WRONG, WRONG, WRONG)
    locked = door.login(PASSWORD, code(), code(-1), code(1), user="locked")
    assert ("maxtries", wrong.shown) == (locked.result, locked.shown)
    assert [("reject", "locked")] * 3 == door.audit()[-3:]


def test_a_code_is_taken_once(door: Door) -> None:
    """The code of a login is refused in the next one, uncounted; a later one is taken."""
    door.start()
    assert "success" == door.login(PASSWORD, code()).result
    said = door.login(PASSWORD, code(), code(1))
    assert ("success", ASK_AGAIN, 0) == (said.result, said.shown[-1], door.load().history.failures)


def test_a_code_used_over_radius_is_used(door: Door) -> None:
    """What another door has taken a moment before is refused here."""
    recorder, slots = Recorder(door.stores.store()), HashSlots(1, 8, door.stores.clock)
    elsewhere = Authenticator(
        Rules(), recorder.store, {"local": LocalPasswords()}, slots, recorder, door.stores.clock, os.urandom, NoLimit()
    )
    gear = ClientPolicy("gear", Dialogue.APPEND)
    request = LoginRequest(Doors.RADIUS, gear, NOW, b"alice", (PASSWORD + code()).encode(), bytes(32))
    assert Reason.OK is elsewhere.run([request])[0].reason
    slots.close()
    door.start()
    assert "maxtries" == door.login(PASSWORD, code(), code(), code()).result


@pytest.mark.parametrize("user", ["ALICE", "Alice", "alice@example.com"])
@pytest.mark.parametrize("services", [{}, CODE_ONLY])
def test_a_name_is_written_as_the_system_writes_it(door: Door, user: str, services: dict[str, dict[str, bool]]) -> None:
    """ALICE is another Linux user than alice, though RADIUS takes the one for the other."""
    door.start(services=services)
    assert "auth_err" == door.login(*(() if services else (PASSWORD,)), code(), user=user).result
    assert [("reject", "bad-name")] == door.audit()


def test_an_empty_password_is_asked_of_nobody(door: Door) -> None:
    """It is denied before any backend hears of it."""
    door.start()
    said = door.login("", code())
    assert ("auth_err", [ASK_PASSWORD], []) == (said.result, said.shown, door.asked())
    assert [("reject", "no-password")] == door.audit()


def test_a_client_that_shows_no_questions_costs_no_try(door: Door) -> None:
    """sshd with PasswordAuthentication gives the password to every prompt: denied, and no code was counted."""
    door.start()
    said = door.login(PASSWORD, PASSWORD, PASSWORD)
    assert ("auth_err", [ASK_PASSWORD, ASK_CODE]) == (said.result, said.shown)
    assert (0, 0) == (door.load().history.failures, door.stores.spent())
    assert "the client shows no questions" in door.log()


def test_other_modules_get_the_password_and_no_code(door: Door) -> None:
    """PAM_AUTHTOK is what answered the password prompt, and nothing where only a code was asked for."""
    door.host.stack(door.host.hook(), door.host.neighbour("show"))
    door.start(services={"sudo": {"password": False}})
    assert f"info authtok {PASSWORD}".encode() in door.login(PASSWORD, code()).shown
    door.host.stack(door.host.hook(), door.host.neighbour("show"), service="sudo")
    assert b"info authtok -" in door.login(code(1), service="sudo").shown


@pytest.mark.parametrize(
    ("option", "given", "result", "shown"),
    [
        ("use_first_pass", PASSWORD, "success", [ASK_CODE]),
        ("use_first_pass", "mule", "auth_err", []),
        ("try_first_pass", PASSWORD, "success", [ASK_CODE]),
        ("try_first_pass", "mule", "success", [ASK_PASSWORD, ASK_CODE]),
    ],
)
def test_a_password_of_a_module_before_is_taken(
    door: Door, option: str, given: str, result: str, shown: list[bytes]
) -> None:
    """It is checked without a question; where it is wrong, the person is asked once if the stack says so."""
    door.host.stack(door.host.neighbour(f"give={given}"), door.host.hook(option))
    door.start()
    said = door.login(*([PASSWORD] if ASK_PASSWORD in shown else []), code())
    assert (result, shown) == (said.result, said.shown)


def test_a_wrong_password_is_asked_for_twice_at_most(door: Door) -> None:
    """try_first_pass: after the module's and the person's there is no third."""
    door.host.stack(door.host.neighbour("give=mule"), door.host.hook("try_first_pass"))
    door.start()
    said = door.login("donkey", PASSWORD, code())
    assert ("auth_err", [ASK_PASSWORD]) == (said.result, said.shown)


def test_a_failure_is_held_back(door: Door) -> None:
    """PAM is asked to wait after a denial, so that nobody guesses at full speed."""
    door.start(fail_delay=0.4)
    assert door.login("wrong").milliseconds >= 200  # libpam takes half of it to one and a half
    assert door.login(PASSWORD, WRONG, WRONG, WRONG).milliseconds >= 200


def test_a_hundred_logins_at_once(door: Door) -> None:
    """Each gets in with a code of its own account."""
    names = [f"user{number}" for number in range(100)]
    for name in names:
        door.account(name)
    door.start(queue=512)
    with ThreadPoolExecutor(100) as crowd:
        results = list(crowd.map(lambda name: door.login(PASSWORD, code(), user=name, timeout=60).result, names))
    assert ["success"] * 100 == results
