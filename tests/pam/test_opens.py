"""What the hook opens when root runs it (THREATS 68)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.pam.host import HELLO, NEEDS_HOOK, SUCCESS, Host

pytestmark = [
    *NEEDS_HOOK,
    pytest.mark.needs("strace", package="strace"),
]
CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")
# Of these, write is the application's prompt, and the memory calls are the allocator's.
EXPECTED = {"socket", "setsockopt", "connect", "getsockopt", "poll", "sendto", "recvfrom", "close", "write", "brk",
            "mmap", "munmap", "clock_gettime"}  # fmt: skip


def calls(tmp_path: Path, command: Sequence[str | bytes | Path]) -> list[str]:
    """Every system call while the hook was at work, as strace writes them."""
    trace = tmp_path / "trace"
    subprocess.run(["strace", "-f", "-s", "300", "-o", trace, *command], stdout=subprocess.PIPE, timeout=20)
    text = trace.read_text(errors="replace").splitlines()
    begin, end = (next(at for at, line in enumerate(text) if mark in line) for mark in ("hook-begins", "hook-ends"))
    return text[begin + 1 : end]


def surrounded(host: Host, *options: str) -> None:
    host.stack(host.neighbour("begin"), host.hook(*options), host.neighbour("end"))


def test_the_hook_opens_its_socket_and_nothing_else(host: Host, tmp_path: Path) -> None:
    """A login: one socket, one connection, no file, no link followed, no program started, no descriptor inherited."""
    surrounded(host)
    with host.daemon(HELLO + b"INFO\tHello\nPROMPT\tpassword\tPassword: \n", b"PROMPT\thidden\tCode: \n", SUCCESS):
        seen = calls(tmp_path, host.command("horse", "123456"))
    assert set() == {found[1] for line in seen if (found := CALL.match(line))} - EXPECTED
    assert 1 == sum("socket(" in line for line in seen)
    assert [str(host.socket)] == [found[1] for line in seen if (found := re.search(r'sun_path="([^"]+)"', line))]
    assert all("SOCK_CLOEXEC" in line for line in seen if "socket(" in line)
    assert all("MSG_NOSIGNAL" in line for line in seen if "sendto(" in line)


def test_a_failure_is_written_to_the_log_and_nowhere_else(host: Host, tmp_path: Path) -> None:
    """A refusal opens the system log and the time zone, which are root's."""
    surrounded(host, "debug")
    seen = calls(tmp_path, host.command())
    paths = {found[1] for line in seen if (found := re.search(r'"(/[^"]*)"', line))}
    assert {str(host.socket), "/dev/log"} <= paths
    assert {str(host.socket), "/dev/log", "/etc/localtime", "/dev/console"} >= paths
    assert not [line for line in seen if "exec" in line or "O_CREAT" in line or "O_WRONLY" in line]


@pytest.mark.needs_root
def test_hostile_names_open_nothing(host: Host, tmp_path: Path) -> None:
    """A user, host and terminal that look like paths, formats and commands are words to the daemon (THREATS 69)."""
    surrounded(host)
    names = ["../../etc/shadow", "%n%n%n%s", "$(touch /tmp/x)", "a\nb", "\x1b[2J"]
    for name in names:
        with host.daemon(HELLO + SUCCESS):
            seen = calls(tmp_path, host.command(user=name, options=["-r", name, "-t", name, "-u", name]))
        assert set() == {found[1] for line in seen if (found := CALL.match(line))} - EXPECTED
