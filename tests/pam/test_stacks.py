"""The stacks of pam_hook/README.md: whom they let in, and when.

pam_unix and pam_sss are a module that knows one password; all others are the real ones. The users are two of the
system's own: `daemon` is in the group `daemon`, which stands for mfa-rescue, `nobody` is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pam.host import HELLO, NEEDS_HOOK, SUCCESS, Daemon, Host, Said

pytestmark = [
    *NEEDS_HOOK,
    pytest.mark.needs("/lib/*/security/pam_succeed_if.so", package="libpam-modules"),
]
STACKS = dict(re.findall(r"^```pam (.+)\n((?:.+\n)+)```$", (ROOT / "pam_hook/README.md").read_text(), re.MULTILINE))
CODE_ONLY = ["sudo on Debian and Ubuntu", "sudo on RHEL", "sudo on RHEL with sssd"]
RESCUES = ["rescue: the daemon checks both", "rescue: the stack checks the password"]
COMMON_AUTH = """auth [success=1 default=ignore] pam_unix.so nullok
auth requisite pam_deny.so
auth required pam_permit.so
"""
PASSWORD = b"PROMPT\tpassword\tPassword: \n"
CODE = b"PROMPT\thidden\tCode: \n"
DENIED = b"RESULT\tdenied\n"
UNAVAILABLE = b"RESULT\tunavailable\n"


def install(host: Host, text: str, logged: Path) -> None:
    """Put a stack in the place of sshd's, with the files it includes."""
    checks = rf"{host.folder}/neighbour.so check=horse"
    text = re.sub(r"pam_(?:unix|sss)\.so", checks, text).replace(" nullok", "").replace("delay=2000000", "")
    text = text.replace("mfa-rescue", "daemon").replace("/usr/bin/logger", str(host.folder / "logger"))
    text = re.sub(r"^auth +(\S+|\[.*?\]) +pam_radius_mfa\.so", lambda found: host.hook(control=found[1]), text,
                  flags=re.MULTILINE)  # fmt: skip
    host.stack(text.replace("@include common-auth", f"@include {host.folder}/common-auth"))
    (host.folder / "logger").write_text(f'#!/bin/sh\necho "$@" >>{logged}\n')
    (host.folder / "logger").chmod(0o755)
    common = re.sub(r"pam_unix\.so nullok", checks, COMMON_AUTH)
    (host.folder / "common-auth").write_text(common)


@contextmanager
def answering(host: Host, name: str, verdict: bytes) -> Iterator[Daemon]:
    """A daemon that asks for what this stack leaves to it."""
    first = [HELLO + PASSWORD, CODE] if "daemon checks both" in name else [HELLO + CODE]
    with host.daemon(*first, verdict) as daemon:
        yield daemon


def asked_for_a_code(said: Said) -> bool:
    return b"hidden Code: " in said.shown


def test_every_stack_is_tested() -> None:
    """A stack that joins the README joins these tests."""
    assert {"sshd: the daemon checks both", *CODE_ONLY, *RESCUES} == set(STACKS)


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("user", ["daemon", "nobody"])
@pytest.mark.parametrize(("verdict", "result"), [(SUCCESS, "success"), (DENIED, "auth_err")])
def test_the_daemon_decides(host: Host, tmp_path: Path, name: str, user: str, verdict: bytes, result: str) -> None:
    """Right password, and the daemon is asked for the code: what it says comes out, for rescuers too."""
    install(host, STACKS[name], tmp_path / "logged")
    with answering(host, name, verdict):
        said = host.login("horse", "123456", user=user)
    assert (result, True) == (said.result, asked_for_a_code(said))
    assert not (tmp_path / "logged").exists()


@pytest.mark.parametrize("name", [*CODE_ONLY, "rescue: the stack checks the password"])
@pytest.mark.parametrize("user", ["daemon", "nobody"])
def test_no_code_prompt_after_a_wrong_password(host: Host, tmp_path: Path, name: str, user: str) -> None:
    """A wrong password ends the login; the daemon hears nothing of it."""
    install(host, STACKS[name], tmp_path / "logged")
    with answering(host, name, SUCCESS) as daemon:
        said = host.login("mule", "mule", "123456", user=user)
    assert not asked_for_a_code(said)
    assert "success" != said.result
    assert [] == daemon.heard


@pytest.mark.parametrize("name", [name for name in STACKS if name not in RESCUES])
def test_without_the_daemon_nobody_gets_in(host: Host, tmp_path: Path, name: str) -> None:
    """The daemon is down: the right password alone is not enough."""
    install(host, STACKS[name], tmp_path / "logged")
    assert "success" != host.login("horse", "horse", "123456").result


@pytest.mark.parametrize("name", RESCUES)
@pytest.mark.parametrize(
    ("user", "password", "rescued"), [("daemon", "horse", True), ("daemon", "mule", False), ("nobody", "horse", False)]
)
def test_the_way_back_in(host: Host, tmp_path: Path, name: str, user: str, password: str, rescued: bool) -> None:
    """Without the daemon, the group's members get in with their password, and each time it is written at auth.alert."""
    logged = tmp_path / "logged"
    install(host, STACKS[name], logged)
    said = host.login(password, user=user)
    assert rescued == (said.result == "success")
    written = "-p auth.alert -t radius-mfa rescue login: the daemon does not answer\n"
    assert (written if rescued else None) == (logged.read_text() if logged.exists() else None)


@pytest.mark.parametrize("name", RESCUES)
@pytest.mark.parametrize("first", [b"", PASSWORD])
def test_a_daemon_that_cannot_judge_opens_no_way_back(host: Host, tmp_path: Path, name: str, first: bytes) -> None:
    """It is there: `unavailable` is a denial, before a question as after it, and whoever wore it out stays out."""
    install(host, STACKS[name], tmp_path / "logged")
    turns = [HELLO + first, UNAVAILABLE] if first else [HELLO + UNAVAILABLE]
    with host.daemon(*turns):
        said = host.login("horse", "horse", user="daemon")
    assert "auth_err" == said.result
    assert not (tmp_path / "logged").exists()


@pytest.mark.parametrize("name", RESCUES)
@pytest.mark.parametrize("asked", [False, True])
def test_who_wears_the_daemon_out_does_not_come_in_by_the_way_back(
    host: Host, tmp_path: Path, name: str, asked: bool
) -> None:
    """A daemon that hangs up on a member, after its greeting or at the code: denied, and not the way back in."""
    install(host, STACKS[name], tmp_path / "logged")
    first = [HELLO + PASSWORD, CODE] if "daemon checks both" in name else [HELLO + CODE]
    with host.daemon(*(first if asked else [HELLO]), manner="slam"):
        said = host.login("horse", "123456", "horse", user="daemon")
    assert ("auth_err", asked) == (said.result, asked_for_a_code(said))
    assert not (tmp_path / "logged").exists()


FAILLOCK = """auth  required  pam_faillock.so preauth silent dir={tally} deny=3
auth  [success=1 default=bad]  pam_unix.so
auth  [default=die]  pam_faillock.so authfail dir={tally} deny=3
auth  required  pam_radius_mfa.so
account  required  pam_faillock.so dir={tally}
account  required  pam_permit.so
"""


@pytest.mark.needs("/lib/*/security/pam_faillock.so", package="libpam-modules")
@pytest.mark.parametrize(("password", "verdict"), [(p, v) for p in ("horse", "mule") for v in (SUCCESS, DENIED)])
def test_beside_pam_faillock(host: Host, tmp_path: Path, password: str, verdict: bytes) -> None:
    """Of password and code, right or wrong, only both right is a login; wrong passwords are tallied (THREATS 66)."""
    tally = host.folder / f"tally-{tmp_path.name}"
    tally.mkdir()
    install(host, FAILLOCK.format(tally=tally), tmp_path / "logged")
    with host.daemon(HELLO + CODE, verdict):
        said = host.login(password, "123456", user="nobody")
    assert (password == "horse" and verdict == SUCCESS) == (said.result == "success")
    assert (password == "mule") == bool((tally / "nobody").exists() and (tally / "nobody").stat().st_size)
