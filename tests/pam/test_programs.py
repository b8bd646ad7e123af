"""sudo, su and login of Debian, with the stacks of README.md: the host has the password, the daemon the code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyotp
import pytest

from radius_mfa.store import accounts, tokens
from radius_mfa.store.tokens import NewToken
from tests.daemon.mailbox import edit
from tests.daemon.server import PASSWORD as DAEMONS
from tests.daemon.server import SECRET, User
from tests.pam.host import NEEDS_HOOK, Host
from tests.pam.programs import PASSWORD, Machine, machines

pytestmark = [
    pytest.mark.needs_root,
    *NEEDS_HOOK,
    pytest.mark.needs("sudo", package="sudo"),
    pytest.mark.needs("su", package="util-linux"),
    pytest.mark.needs("login", package="login"),
    pytest.mark.needs("pamtester", package="pamtester"),
    pytest.mark.needs("strace", package="strace"),
]
PROGRAMS = ["sudo", "su", "login"]
ASK_PASSWORD = "assword"
ASK_CODE = "Code from your authenticator app: "
ASK_AGAIN = f"Not accepted. {ASK_CODE}"
IN = "in as "
RECOVERY = "ABCDEFGHIJKLMNOP"
AUTHENTICATED = "successfully authenticated"
DENIED = "Authentication failure"
TRIES = "Have exhausted maximum number of retries for service"
UNAVAILABLE = "Authentication service cannot retrieve authentication info"
SETCRED = "credential info has successfully been set"
UNKNOWN = "Module is unknown"
STATES = {
    "enrolled": (AUTHENTICATED, AUTHENTICATED),
    "unknown": (DENIED, DENIED),
    "no token and no address": (DENIED, DENIED),
    "pending": (TRIES, TRIES),
    "locked": (TRIES, TRIES),
    "disabled": (DENIED, DENIED),
    "token disabled": (DENIED, DENIED),
    "mfa off": (AUTHENTICATED, AUTHENTICATED),
    "no password": (DENIED, AUTHENTICATED),
}
"""What comes of the right answers: where the daemon checks password and code, and where it checks the code alone."""


@pytest.fixture(scope="module")
def machine(host: Host) -> Iterator[Machine]:
    """One machine for all; each test has a user of its own."""
    with machines(host) as made:
        for service in ("console", "codes"):
            made.stack(service, made.hook(), made.hook("account required pam_radius_mfa.so"))
        yield made


@contextmanager
def stopped(machine: Machine) -> Iterator[None]:
    """A while without the daemon."""
    assert machine.server.stop() == 0
    try:
        yield
    finally:
        machine.server.start()


def wrong(user: User) -> str:
    """A code that is none of this user's, neither yesterday nor today."""
    now = int(time.time())
    near = {user.totp.at(now + 30 * step) for step in range(-2900, 40)}
    return next(code for code in map("{:06}".format, range(10**6)) if code not in near)


@pytest.mark.parametrize("service", [*PROGRAMS, "su-l"])
def test_a_password_and_a_code_let_in(machine: Machine, service: str) -> None:
    """Two questions without echo, and in; the audit has the program's name for its service."""
    user = machine.add(f"in-{service}")
    with machine.program(service, user) as terminal:
        terminal.answer(ASK_PASSWORD, PASSWORD)
        terminal.answer(ASK_CODE, user.code())
        assert 0 == terminal.end()
    assert f"{IN}{'root' if service == 'sudo' else user.name}" in terminal.shown
    assert PASSWORD not in terminal.shown
    last = machine.server.audit_of(user.name)[-1]
    assert ("accept", "totp", service, "pam") == tuple(last[key] for key in ("result", "method", "client", "transport"))


@pytest.mark.parametrize(("service", "says"), [("sudo", "incorrect"), ("su", DENIED), ("login", "incorrect")])
@pytest.mark.parametrize(("lock", "password"), [("", "mule"), ("!", PASSWORD)], ids=["wrong", "locked"])
def test_no_code_prompt_after_a_wrong_password(
    machine: Machine, service: str, says: str, lock: str, password: str
) -> None:
    """A wrong password, or one that is locked in /etc/shadow: the daemon hears nothing of it."""
    user = machine.add(f"wrong-{service}-{len(lock)}", lock=lock)
    with machine.program(service, user) as terminal:
        terminal.answer(ASK_PASSWORD, password)
        terminal.expect(says)
    assert ASK_CODE not in terminal.shown
    assert [] == machine.server.audit_of(user.name)


def test_three_wrong_codes_are_enough(machine: Machine) -> None:
    """After the third nobody is asked again, and each has counted."""
    user = machine.add("thrice")
    code = wrong(user)
    with machine.program("su", user) as terminal:
        terminal.answer(ASK_PASSWORD, PASSWORD)
        for question in (ASK_CODE, ASK_AGAIN, ASK_AGAIN):
            terminal.answer(question, code)
        assert 0 != terminal.end()
    assert IN not in terminal.shown
    assert ["wrong-code"] * 3 == [line["reason"] for line in machine.server.audit_of(user.name)][1:]


@pytest.mark.parametrize("door", ["pam", "radius"])
def test_a_code_is_taken_once(machine: Machine, door: str) -> None:
    """What sudo or a RADIUS client has used a moment before is refused at su, and the next code lets in."""
    user = machine.add(f"once-{door}")
    used = user.code()
    if door == "radius":
        client = machine.server.client()
        assert "accept" == client.ask(client.request(user.name, DAEMONS + used)).result
    else:
        with machine.program("sudo", user) as terminal:
            terminal.answer(ASK_PASSWORD, PASSWORD)
            terminal.answer(ASK_CODE, used)
            assert 0 == terminal.end()
    with machine.program("su", user) as terminal:
        terminal.answer(ASK_PASSWORD, PASSWORD)
        terminal.answer(ASK_CODE, used)
        terminal.answer(ASK_AGAIN, user.code(1))
        assert 0 == terminal.end()


def test_a_recovery_code_lets_in_once(machine: Machine) -> None:
    """su shows how many are left; the second time it is no code."""
    user = machine.add("lost-phone", recovery=[RECOVERY])
    with machine.program("su", user) as terminal:
        terminal.answer(ASK_PASSWORD, PASSWORD)
        terminal.answer(ASK_CODE, RECOVERY)
        assert 0 == terminal.end()
    assert "Recovery code used, 0 left" in terminal.shown
    with machine.program("su", user) as terminal:
        terminal.answer(ASK_PASSWORD, PASSWORD)
        terminal.answer(ASK_CODE, RECOVERY)
        terminal.answer(ASK_AGAIN, user.code())
        assert 0 == terminal.end()


@pytest.mark.parametrize("service", ["sudo", "login"])
def test_the_first_login_enrols(machine: Machine, service: str) -> None:
    """The right password sends the key by mail, and its first code lets in; from then on it is asked for."""
    user = machine.add(f"new-{service}", token=False, mail=f"new-{service}@example.com")
    with machine.program(service, user) as terminal:
        terminal.answer(ASK_PASSWORD, PASSWORD)
        terminal.expect("A mail to n***@example.com shows how to set up your code app.")
        totp = pyotp.TOTP(machine.key_of(user))
        terminal.answer("to get the mail again: ", totp.now())
        assert 0 == terminal.end()
    assert IN in terminal.shown
    assert service == "sudo" or "Your code app is set up." in terminal.shown  # sudo shows no such text
    with machine.program("su", user) as terminal:
        terminal.answer(ASK_PASSWORD, PASSWORD)
        terminal.answer(ASK_CODE, totp.at(int(time.time()) + 30))
        assert 0 == terminal.end()


def test_root_becomes_others_without_a_code(machine: Machine) -> None:
    """pam_rootok stands first in su: no question, and the daemon hears nothing."""
    user = machine.add("someone")
    with machine.terminal("su", user.name) as terminal:
        assert 0 == terminal.end()
    assert f"{IN}{user.name}" in terminal.shown
    assert ASK_PASSWORD not in terminal.shown
    assert [] == machine.server.audit_of(user.name)


@pytest.mark.parametrize("service", PROGRAMS)
def test_an_expired_account_stays_out(machine: Machine, service: str) -> None:
    """Both factors are right and the daemon has said so, but /etc/shadow says that the account has expired."""
    user = machine.add(f"expired-{service}", expires="1")
    with machine.program(service, user) as terminal:
        terminal.answer(ASK_PASSWORD, PASSWORD)
        terminal.answer(ASK_CODE, user.code())
        assert 0 != terminal.end()
    assert IN not in terminal.shown
    assert "expired" in terminal.shown
    assert "accept" == machine.server.audit_of(user.name)[-1]["result"]


def test_nologin_keeps_out(machine: Machine) -> None:
    """While the host says that nobody may log in, login takes neither password nor code."""
    user = machine.add("later")
    with machine.terminal("login", user.name, before="echo maintenance >/run/nologin") as terminal:
        terminal.expect("maintenance")
        terminal.expect("incorrect")
    assert [] == machine.server.audit_of(user.name)


@pytest.mark.parametrize("guess", ["right", "wrong"])
def test_pam_exec_logs_in_over_radius(machine: Machine, tmp_path: Path, guess: str) -> None:
    """Password and code in one field; neither they nor the secret are an argument or in an environment."""
    user = machine.add(f"exec-{guess}")
    machine.stack("exec", machine.pam_exec())
    code = user.code() if guess == "right" else wrong(user)
    trace = tmp_path / "trace"
    under = ("strace", "-f", "-v", "-s", "4096", "-e", "trace=execve", "-o", trace)
    said = machine.pamtester("exec", user.name, "authenticate", DAEMONS + code, under=under)
    assert (guess == "right") == (AUTHENTICATED in said)
    assert ["accept" if guess == "right" else "reject"] == [
        line["result"] for line in machine.server.audit_of(user.name)
    ]
    ran = trace.read_text()
    assert '"test", "--", ' in ran
    assert not any(secret in ran for secret in (DAEMONS, code, SECRET))


def name_of(service: str, state: str) -> str:
    return f"{state.replace(' ', '-')}-{service}"


def answers(machine: Machine, service: str, state: str) -> list[str]:
    """Bring an account into a state; its right password, if it is asked for, and its right code, if there is one."""
    password, name = ([DAEMONS] if service == "console" else []), name_of(service, state)
    if state == "unknown":
        return [*password, "123456"]
    token, mfa = state not in ("no token and no address", "pending"), "off" if state == "mfa off" else "inherit"
    user = machine.server.add_user(name, mfa=mfa, token=token)
    match state:
        case "pending":
            new = NewToken(user.totp.byte_secret())
            tokens.enroll(machine.server.database, name, new, expires=time.time() + 3600)
            return [*password, *[wrong(user)] * 3]  # the right one would end this state
        case "locked":
            edit(machine.server, "UPDATE account SET locked_until = ? WHERE name = ?", time.time() + 3600, name)
            return [*password, *[user.code()] * 3]
        case "disabled":
            accounts.disable(machine.server.database, name)
        case "token disabled":
            tokens.disable(machine.server.database, name)
        case "no password":
            password = []
    return [*password, user.code()]


@pytest.fixture(scope="module")
def matrix(machine: Machine) -> dict[tuple[str, str], str]:
    """What pamtester says of each service and state. All at once, for libpam holds each failure back."""
    cases = [(service, state) for service in ("console", "codes") for state in STATES]
    given = {case: answers(machine, *case) for case in cases}
    with ThreadPoolExecutor(len(cases)) as pool:
        said = pool.map(lambda case: machine.pamtester(case[0], name_of(*case), "authenticate", *given[case]), cases)
        return dict(zip(cases, said, strict=True))


@pytest.mark.parametrize("state", STATES)
def test_what_authenticate_returns(matrix: dict[tuple[str, str], str], state: str) -> None:
    """No success without what is owed. `codes` is a service with `password: no`, `console` is not configured."""
    for service, words in zip(("console", "codes"), STATES[state], strict=True):
        assert words in matrix[service, state]
        assert (words == AUTHENTICATED) == ("success" in matrix[service, state])


@pytest.mark.parametrize("state", STATES)
def test_what_the_other_functions_return(machine: Machine, matrix: dict[tuple[str, str], str], state: str) -> None:
    """Whatever the account: setcred sets nothing, acct_mgmt is unknown, and the daemon hears of neither."""
    assert matrix
    name, before = name_of("console", state), len(machine.server.audit_lines())
    assert SETCRED in machine.pamtester("console", name, "setcred")
    assert UNKNOWN in machine.pamtester("console", name, "acct_mgmt")
    assert before == len(machine.server.audit_lines())


def test_without_the_daemon_nobody_gets_in(machine: Machine) -> None:
    """sudo and su deny after the right password, and pamtester says why."""
    user = machine.add("outage")
    with stopped(machine):
        for service in ("sudo", "su"):
            with machine.program(service, user) as terminal:
                terminal.answer(ASK_PASSWORD, PASSWORD)
                assert 0 != terminal.end()
            assert IN not in terminal.shown
        assert UNAVAILABLE in machine.pamtester("console", user.name, "authenticate", DAEMONS, user.code())
        assert SETCRED in machine.pamtester("console", user.name, "setcred")
        assert UNKNOWN in machine.pamtester("console", user.name, "acct_mgmt")
