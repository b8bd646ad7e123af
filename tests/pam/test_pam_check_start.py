"""How `radius-mfa pam-check` starts: what it listens on, as whom, and where PAM is never called."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from radius_mfa.errors import ConfigurationError
from tests.conftest import ROOT
from tests.pam.check_host import OWNER, PASSWORDS, STATION, UNIX, CheckHost, make

pytestmark = [pytest.mark.needs("perl", package="perl"), pytest.mark.needs_root]
COMMAND: list[str | Path] = [Path(sys.executable).with_name("radius-mfa")]
STRANGER = 1234
SHADOW = 42
# What `radius-mfa pam-check` does, as the unit confines it: no root, no way to more, no writable code (PR_SET_MDWE).
# The libraries are loaded before, for a test may run where only root can read them.
_CONFINED = """
import ctypes, os, sys
from pathlib import Path
from radius_mfa import log
from radius_mfa.backends.pam_check import PamCheck
from radius_mfa.local_socket import listen
from radius_mfa.clock import SystemClock
path, given, uid, shadow, owner = sys.argv[1], *map(int, sys.argv[2:])
os.dup2(given, 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.setgroups([shadow])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)
log.configure("text", "info")
PamCheck(listen(Path(path), owner), {0, owner}, SystemClock()).run()
"""
# Becomes a command whose descriptors from 3 on are the ones given, as a service manager does it.
_PASSING = """
import os, sys
for number, given in enumerate(map(int, sys.argv[1].split(",")), 3):
    os.dup2(given, number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sys.argv[1].split(","))))
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def host() -> Iterator[CheckHost]:
    with TemporaryDirectory(prefix="radius-mfa-") as folder:
        yield make(Path(folder))


def refused(host: CheckHost, *descriptors: int) -> bytes:
    """What it says when it does not start: with status 78, and soon."""
    done = subprocess.run(
        host.privately(*COMMAND, "--config", host.config, "pam-check"),
        stderr=subprocess.PIPE, pass_fds=descriptors, timeout=20,
    )  # fmt: skip
    assert ConfigurationError.exit_code == done.returncode
    return done.stderr


def test_a_socket_that_is_passed_is_taken(host: CheckHost) -> None:
    """The one that is bound to passwords.helper; nothing is made or taken away."""
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(str(host.socket))
        passed.listen()
        inode = host.socket.stat().st_ino
        given = f"{passed.fileno()}"
        command = host.privately(sys.executable, "-c", _PASSING, given, *COMMAND, "--config", host.config, "pam-check")
        with host.running(command, pass_fds=(passed.fileno(),)):
            assert host.lets_in()
            assert inode == host.socket.stat().st_ino


def test_a_socket_that_nobody_wants_is_told(host: CheckHost) -> None:
    """Whoever connects where the service manager listens would wait for ever: 78, and its place."""
    with socket.socket(socket.AF_UNIX) as passed, socket.socket(socket.AF_UNIX) as other:
        for one, path in ((passed, host.socket), (other, host.folder / "other.sock")):
            one.bind(str(path))
            one.listen()
        given = f"{other.fileno()},{passed.fileno()}"
        command = [sys.executable, "-c", _PASSING, given, *COMMAND, "--config", str(host.config), "pam-check"]
        numbers = (passed.fileno(), other.fileno())
        done = subprocess.run(host.privately(*command), pass_fds=numbers, capture_output=True, timeout=20)
    assert 78 == done.returncode
    assert b"passed a socket that is not used: " + bytes(host.folder / "other.sock") in done.stderr


def test_what_is_passed_to_another_process_is_left_alone(host: CheckHost) -> None:
    """Variables that were inherited from whoever was meant: the socket is made here."""
    meant = "env", "LISTEN_PID=1", "LISTEN_FDS=100"
    with host.running(host.privately(*meant, *COMMAND, "--config", host.config, "pam-check")):
        assert host.lets_in()


def test_it_needs_no_root(host: CheckHost) -> None:
    """As the unit runs it: a user with the group that may read shadow, no way to more, and no writable code."""
    (host.folder / "shadow").chmod(0o640)
    os.chown(host.folder / "shadow", 0, SHADOW)
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(str(host.socket))
        passed.listen()
        numbers = map(str, (passed.fileno(), STRANGER, SHADOW, OWNER))
        command = host.privately(sys.executable, "-c", _CONFINED, host.socket, *numbers)
        with host.running(command, pass_fds=[passed.fileno()]) as process:
            assert f"\nUid:\t{STRANGER}\t{STRANGER}\t{STRANGER}\t" in Path(f"/proc/{process.pid}/status").read_text()
            assert host.lets_in()
            wrong = host.passwords().check(None, "alice", b"wrong", STATION)
            expired = host.passwords().check(None, "expired", PASSWORDS["expired"], STATION)
    assert (False, (True, False)) == (wrong.passed, (expired.passed, expired.allowed))


def test_what_a_dead_process_left_is_replaced(host: CheckHost) -> None:
    """A socket that nobody listens on; one that somebody listens on is left alone."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(host.socket))
    with host.checking():
        assert host.lets_in()
        assert b"somebody already listens" in refused(host)
        assert host.lets_in()


def test_what_is_no_socket_is_left_alone(host: CheckHost) -> None:
    """A file at the path of the socket, or no directory: status 78, and the file is still there."""
    host.socket.write_text("mine")
    refused(host)
    assert "mine" == host.socket.read_text()
    host.config.write_text(host.config.read_text().replace("check.sock", "nowhere/check.sock"))
    assert b"has to be there" in refused(host)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_process_with_a_network_socket_does_not_check(host: CheckHost, family: int) -> None:
    """Whoever passes it one: it ends at start with status 78."""
    with socket.socket(family, socket.SOCK_DGRAM) as network:
        said = refused(host, network.fileno())
    assert b"holds a network socket" in said


def test_a_check_itself_refuses_beside_a_network_socket() -> None:
    """Not at start alone: whoever calls it from a server is refused before PAM is."""
    script = (
        "import socket\nfrom radius_mfa.backends import pam_calls\n"
        "from radius_mfa.backends.pam_question import Question\n"
        "pam_calls.load()\nheld = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "pam_calls.pam.pam = None\npam_calls.check(Question('radius-mfa', 'alice', b'x', '_', 1000))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, cwd=ROOT)
    assert b"ConfigurationError: PAM is not called in a process that holds a network socket" in done.stderr


def test_the_server_never_has_python_pam() -> None:
    """Neither the daemon nor its backend brings PAM into a process of the network."""
    script = (
        "import sys\nimport radius_mfa.daemon, radius_mfa.supervisor, radius_mfa.backends.pam, radius_mfa.cli.serve\n"
        "sys.exit(bool({'pam', 'pam.__internals', 'radius_mfa.backends.pam_calls'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_a_bad_stack_is_named_at_start(host: CheckHost) -> None:
    """Before the first login; it can be mended without a restart."""
    host.stack("radius-mfa", "auth sufficient pam_radius_mfa.so", *UNIX)
    with host.checking():
        assert "would ask this server again" in host.log
        host.stack("radius-mfa", *UNIX)
        assert host.lets_in()


def test_the_user_of_the_server_has_to_be_there(host: CheckHost) -> None:
    """Without it nobody but root could be allowed to ask."""
    host.config.write_text(host.config.read_text().replace("user: nobody", "user: somebody"))
    assert b"there is no user somebody" in refused(host)
