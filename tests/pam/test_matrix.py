"""What each function of the module returns, seen by an application that is not ours (THREATS 62)."""

from __future__ import annotations

import os
import pty
import subprocess
import termios
from pathlib import Path

import pytest

from tests.pam.host import HELLO, NEEDS_HOOK, Host

pytestmark = [
    *NEEDS_HOOK,
    pytest.mark.needs("pamtester", package="pamtester"),
    pytest.mark.needs_root,
]
# The service exists in a mount namespace of pamtester's own and is gone with it, however it ends.
PRIVATELY = 'mount --bind "$1" /etc/pam.d && shift && exec pamtester sshd alice "$@"'
LOCAL_FLAGS = 3
CODE = b"PROMPT\tvisible\tCode: \n"
WORDS = {
    "authenticate": {
        "success": "successfully authenticated",
        "denied": "Authentication failure",
        "maxtries": "Have exhausted maximum number of retries for service",
        "unavailable": "Authentication service cannot retrieve authentication info",
    },
    "setcred": "credential info has successfully been set",
    "acct_mgmt": "Module is unknown",
}


def privately(stack: Path, *operations: str) -> list[str | Path]:
    return ["unshare", "--mount", "sh", "-c", PRIVATELY, "sh", stack, *operations]


def pamtester(stack: Path, *operations: str, given: str = "") -> str:
    """What pamtester prints."""
    done = subprocess.run(
        privately(stack, *operations), input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=10,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("verdict", ["success", "denied", "maxtries", "unavailable"])
def test_what_the_daemon_says_is_what_pam_returns(host: Host, verdict: str) -> None:
    """Each result of the daemon has its return code; unavailable is a denial, for there is somebody who says it."""
    stack = host.stack(host.hook())
    with host.daemon(HELLO + CODE, b"RESULT\t%b\n" % verdict.encode()) as daemon:
        said = pamtester(stack, "authenticate", given="123456\n")
    words = WORDS["authenticate"]
    assert isinstance(words, dict)
    told = "denied" if verdict == "unavailable" else verdict
    assert [told] == [name for name, text in words.items() if text in said]
    assert [b"ANSWER\t123456\n"] == daemon.only[1:]


@pytest.mark.parametrize("options", [[], ["socket=/nowhere/pam.sock"], ["sockt=x"], ["timeout=0"]])
def test_setcred_has_nothing_to_set(host: Host, options: list[str]) -> None:
    """pam_setcred succeeds without the daemon, as README.md says: sshd after a key and cron call it alone."""
    stack = host.stack(host.hook(*options))
    with host.daemon(HELLO) as daemon:
        assert str(WORDS["setcred"]) in pamtester(stack, "setcred")
    assert [] == daemon.heard


@pytest.mark.parametrize(
    ("kind", "operation"), [("account", "acct_mgmt"), ("session", "open_session"), ("password", "chauthtok")]
)
def test_the_hook_is_for_authentication_alone(host: Host, kind: str, operation: str) -> None:
    """In another part of a stack the module is unknown: a mistake of the admin denies."""
    stack = host.stack(host.hook().replace("auth", kind, 1))
    with host.daemon(HELLO) as daemon:
        assert str(WORDS["acct_mgmt"]) in pamtester(stack, operation)
    assert [] == daemon.heard


@pytest.mark.parametrize("control", ["required", "requisite", "sufficient", "[success=done default=die]"])
@pytest.mark.parametrize("verdict", ["denied", "maxtries", "unavailable"])
def test_no_control_makes_a_login_of_a_refusal(host: Host, control: str, verdict: str) -> None:
    """However the hook is controlled, what the daemon refuses is refused."""
    stack = host.stack(host.hook(control=control))
    with host.daemon(HELLO + b"RESULT\t%b\n" % verdict.encode()):
        assert "successfully" not in pamtester(stack, "authenticate")


def test_the_end_of_input_is_no_answer(host: Host) -> None:
    """pamtester without input: the login fails at the prompt."""
    stack = host.stack(host.hook())
    with host.daemon(HELLO + CODE, b"RESULT\tsuccess\n"):
        assert "successfully" not in pamtester(stack, "authenticate")


@pytest.mark.parametrize("key", [b"\x03", b"\x04", b"\x1c"], ids=["Ctrl-C", "Ctrl-D", "Ctrl-backslash"])
@pytest.mark.parametrize("prompts", [1, 2])
def test_a_key_that_breaks_off_at_a_terminal(host: Host, key: bytes, prompts: int) -> None:
    """Ctrl-C, Ctrl-D or Ctrl-backslash at a real terminal, at the first or the second prompt: no login."""
    stack = host.stack(host.hook())
    ours, theirs = pty.openpty()
    turns = [HELLO + b"PROMPT\thidden\tAsked\n"] + [b"PROMPT\thidden\tAsked\n"] * (prompts - 1)
    # Who runs the tests in the background ignores these signals, and so would pamtester.
    command = ["setsid", "--ctty", "env", "--default-signal=INT,QUIT", *privately(stack, "authenticate")]
    with host.daemon(*turns, b"RESULT\tsuccess\n"), os.fdopen(ours, "r+b", buffering=0) as terminal:
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        said = b""
        for turn in range(prompts):
            while said.count(b"Asked") <= turn:
                said += terminal.read(1000)
            while termios.tcgetattr(terminal)[LOCAL_FLAGS] & termios.ECHO:
                os.sched_yield()  # what is typed before pamtester has switched the echo off is dropped
            terminal.write(b"123456\n" if turn < prompts - 1 else key)
        status = process.wait(10)
    assert status != 0
    assert b"successfully" not in said
