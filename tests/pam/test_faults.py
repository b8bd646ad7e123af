"""The Nth call of the hook fails, for every N (THREATS 63)."""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.pam.host import HELLO, NEEDS_HOOK, NOBODY, SUCCESS, Host

pytestmark = [
    *NEEDS_HOOK,
]
LAST = 500
PASSWORD = HELLO + b"INFO\tWelcome\nPROMPT\tpassword\tPassword: \n"
CODE = b"DELAY\t0\nPROMPT\tvisible\tCode: \n"


@dataclass(frozen=True)
class Login:
    """One login in which one call was to fail; `failed` is its name, or `-` when there were not so many."""

    failed: str
    result: str
    files_left: int
    blocks_left: int


def logins(host: Host, *options: str, **environment: str) -> list[Login]:
    """LAST logins with a password and a code, in the Nth of which the Nth call fails."""
    command = host.command("correct horse", "123456", options=["-n", str(LAST), *options])
    given = {"LD_PRELOAD": str(host.folder / "faults.so"), **environment}
    done = subprocess.run(command, env=given, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    split = [line.split() for line in done.stdout.splitlines()]
    return [Login(failed, result, int(files), int(blocks)) for failed, result, files, blocks in split]


def within_the_hook(host: Host, *options: str) -> None:
    """A stack in which only the calls of the hook fail."""
    host.stack(host.neighbour("give=horse"), host.neighbour("begin"), host.hook(*options), host.neighbour("end"))


@pytest.mark.parametrize("environment", [{}, {"FAULTS_ON": "1"}], ids=["one", "all-from-there"])
def test_no_failure_of_a_call_lets_anybody_in(host: Host, environment: dict[str, str]) -> None:
    """Whatever call of the hook fails: the login is denied or unavailable, nothing is left open, nothing leaks."""
    within_the_hook(host)
    with host.daemon(PASSWORD, CODE, SUCCESS):
        all_logins = logins(host, **environment)
    struck = [login for login in all_logins if login.failed != "-"]
    assert len(all_logins) == LAST
    # For each text shown, glibc's vasprintf asks for two blocks and makes do without the second.
    spared = [login for login in struck if login.result == "success"]
    assert ([] if environment else ["malloc"] * 3) == [login.failed for login in spared]
    assert {login.result for login in struck if login not in spared} <= {"auth_err", "authinfo_unavail"}
    assert {(0, 0)} == {(login.files_left, login.blocks_left) for login in all_logins}
    calls = Counter(login.failed for login in struck)
    assert {"malloc", "socket", "clock_gettime", "connect", "getsockopt", "send", "recv", "poll"} <= set(calls)
    assert {("-", "success")} == {(login.failed, login.result) for login in all_logins[len(struck) :]}


@pytest.mark.needs_root
def test_an_owner_who_cannot_be_looked_up_is_none(host: Host) -> None:
    """`owner=NAME` needs the user database: when that fails, nobody is trusted but root."""
    within_the_hook(host, "owner=nobody", f"socket={host.socket_of(NOBODY)}")
    with host.daemon(PASSWORD, CODE, SUCCESS, uid=NOBODY, socket=host.socket_of(NOBODY)):
        all_logins = logins(host, FAULTS_ON="1")
    struck = [login for login in all_logins if login.failed != "-"]
    assert {login.result for login in struck} <= {"auth_err", "authinfo_unavail"}
    assert struck
    assert "success" == all_logins[-1].result


@pytest.mark.parametrize("verdict", ["denied", "maxtries", "unavailable"])
def test_no_failure_turns_a_refusal_around(host: Host, verdict: str) -> None:
    """Whatever call of the whole login fails, in libpam too: what the daemon refuses stays refused."""
    host.stack(host.hook())
    with host.daemon(PASSWORD, CODE, b"RESULT\t%b\n" % verdict.encode()):
        all_logins = logins(host, "-w")
    assert not {"success", "ignore"} & {login.result for login in all_logins}
    assert {0} == {login.files_left for login in all_logins}


def test_a_signal_is_no_failure(host: Host) -> None:
    """A poll, send or recv that a signal interrupts is done again: the login succeeds."""
    within_the_hook(host)
    with host.daemon(PASSWORD, CODE, SUCCESS):
        all_logins = logins(host, FAULTS_EINTR="1")
    assert {"poll", "send", "recv"} == {login.failed for login in all_logins} - {"-"}
    assert {"success"} == {login.result for login in all_logins}
