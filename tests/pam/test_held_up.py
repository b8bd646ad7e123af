"""Who runs `su` may stop it: time in which the hook did not run is none of the daemon's, and opens no way back in."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.daemon.server import wait_for
from tests.pam.host import HELLO, NEEDS_HOOK, SUCCESS, Host

pytestmark = [
    *NEEDS_HOOK,
]
HELD = 2.3
"""Seconds for which the hook is stopped: more than its timeout, which is 1, and the second it may lose."""

Hang = Callable[[socket.socket], None]


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(10)
        yield listener
    path.unlink()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def result(host: Host, meanwhile: Hang, held: float = HELD) -> str:
    """What comes out when the hook is stopped after its greeting, and the daemon does something meanwhile."""
    host.stack(host.hook("timeout=1"))
    command = host.command("123456")
    with listening(host.socket) as listener, subprocess.Popen(command, stdout=subprocess.PIPE) as login:
        hook, _ = listener.accept()
        with hook:
            assert hook.recv(4096).startswith(b"HELLO\t1\t")
            os.kill(login.pid, signal.SIGSTOP)
            wait_for(lambda: state(login.pid) == "T", "a hook that stands still")
            meanwhile(hook)
            end = time.monotonic() + held
            wait_for(lambda: time.monotonic() > end, "the time to pass")
            os.kill(login.pid, signal.SIGCONT)
            output, _ = login.communicate(timeout=10)
    return next(line for line in output.decode().splitlines() if line.startswith("result ")).removeprefix("result ")


def test_an_answer_that_is_there_is_taken(host: Host) -> None:
    """The daemon has answered in time; that the hook reads it late is not its fault."""
    assert "success" == result(host, lambda hook: hook.sendall(HELLO + SUCCESS))


def test_a_daemon_that_has_hung_up_meanwhile_is_a_denial(host: Host) -> None:
    """It gives up who says nothing for long, and that must not look like a daemon that is down."""
    assert "auth_err" == result(host, lambda hook: hook.shutdown(socket.SHUT_RDWR))


def test_a_daemon_that_is_silent_all_the_time_is_a_denial(host: Host) -> None:
    """Nobody can tell whether it was the daemon or the pause."""
    assert "auth_err" == result(host, lambda _: None)


def test_a_silent_daemon_is_unavailable_without_a_pause(host: Host) -> None:
    """The same without time that is missing: nothing answers."""
    assert "authinfo_unavail" == result(host, lambda _: None, held=0.0)
