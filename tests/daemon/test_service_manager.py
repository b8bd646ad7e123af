"""What systemd hears of the daemon, and the socket that it hands over (sd_notify(3), sd_listen_fds(3))."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest

from tests.conftest import ROOT
from tests.daemon.processes import descriptors
from tests.daemon.server import Server, wait_for
from tests.pam.door import HELLO, RawHook
from tests.pam.host import NEEDS_HOOK, Host, build

OFTEN = "from radius_mfa.supervisor import bulletin\nbulletin.FIGURES = 0.0\ndef before_send(reply): pass\n"


class Manager:
    """systemd's end of NOTIFY_SOCKET."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(20)
        self.heard: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": str(self.path)}

    def hear(self, wanted: str) -> str:
        """The next message with this in it."""
        while True:
            self.heard.append(self.socket.recv(4096).decode())
            if wanted in self.heard[-1]:
                return self.heard[-1]

    def waiting(self) -> list[str]:
        """All that has been said so far."""
        self.socket.setblocking(False)
        try:
            while True:
                self.heard.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return self.heard
        finally:
            self.socket.settimeout(20)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    yield made
    made.socket.close()


@pytest.fixture
def make(tmp_path: Path, manager: Manager) -> Iterator[Callable[..., Server]]:
    """Makes a daemon that systemd listens to; it is yet to be started."""
    made: list[Server] = []

    def one(directory: Path | None = None, **keywords: object) -> Server:
        server = Server(directory or tmp_path / "server", **keywords)  # type: ignore[arg-type]
        server.environment = manager.environment
        made.append(server)
        return server

    yield one
    for server in made:
        assert server.close() in {0, None}, server.log()


def test_it_is_ready_when_it_answers(make: Callable[..., Server], manager: Manager) -> None:
    """At the first word that it is ready, a Status-Server is answered at the first try."""
    server = make()
    server.start()
    said = manager.hear("READY=1")
    client = server.client()
    client.send(client.status())
    reply = client.receive()
    assert reply is not None
    assert "accept" == reply.result
    assert "STATUS=workers: 1, clients heard: 0 of 1, datagrams dropped: 0" in said.splitlines()
    assert not [message for message in manager.heard[:-1] if "READY" in message]


def test_a_wrong_configuration_is_never_ready(make: Callable[..., Server], manager: Manager) -> None:
    """It ends with 78, and systemd hears nothing."""
    server = make(more="nonsense: 1\n")
    server.launch()
    assert server.process is not None
    assert 78 == server.process.wait(20)
    server.process = None
    assert [] == manager.waiting()


def test_a_reload_is_told(make: Callable[..., Server], manager: Manager) -> None:
    """RELOADING with the time, and READY when the new workers are at it; with a wrong file, READY as it was."""
    server = make()
    server.start()
    manager.hear("READY=1")
    for more in ("", "nonsense: 1\n"):
        server.more = more
        server.reload()
        assert re.search(r"^MONOTONIC_USEC=\d+$", manager.hear("RELOADING=1"), re.MULTILINE)
        manager.hear("READY=1")
    assert "not reloaded" in server.log()


def test_it_says_that_it_lives_and_that_it_stops(make: Callable[..., Server], manager: Manager) -> None:
    """A sign of life a second or so while all sockets are manned; STOPPING at the first SIGTERM."""
    server = make()
    server.start()
    for _ in range(2):
        manager.hear("WATCHDOG=1")
    server.stop()
    manager.hear("STOPPING=1")


def test_the_status_has_figures(make: Callable[..., Server], manager: Manager) -> None:
    """Clients that have been heard, and datagrams that were dropped."""
    server = make(hook=OFTEN)
    server.start()
    client = server.client()
    client.ask(client.status())
    client.send(b"x")
    manager.hear("STATUS=workers: 1, clients heard: 1 of 1, datagrams dropped: 1")


def test_a_service_without_workers_gives_no_sign_of_life(manager: Manager) -> None:
    """Workers that die at once, again and again: neither READY nor WATCHDOG, so that systemd ends it in time."""
    command = [sys.executable, "-m", "tests.daemon.toy", "1", "work"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=ROOT, env=os.environ | manager.environment) as toy:
        assert toy.stderr is not None
        deaths = 0
        while deaths < 3:
            deaths += b"has ended with status" in toy.stderr.readline()
        said = list(manager.waiting())
        toy.send_signal(signal.SIGTERM)
        toy.stderr.read()
    assert [] == said
    assert not [message for message in manager.waiting() if "READY" in message]


def holders(server: Server, listener: int) -> list[int]:
    """Which processes of the daemon hold the socket of this inode."""
    assert server.process is not None
    pids = [server.process.pid, *server.children()]
    return [pid for pid in pids if f"socket:[{listener}]" in descriptors(pid)]


def inode(path: Path) -> int:
    """Of the socket that listens at a path."""
    (found,) = [line.split() for line in Path("/proc/net/unix").read_text().splitlines() if line.endswith(f" {path}")]
    return int(found[6])


@pytest.fixture
def hook() -> Iterator[Host]:
    with TemporaryDirectory(prefix="radius-mfa-") as folder:
        host = build(Path(folder))
        host.stack(host.hook())
        yield host


class TestTheSocketOfTheHook:
    """Made here or passed, it is the supervisor's and the PAM child's."""

    pytestmark: ClassVar = [*NEEDS_HOOK, pytest.mark.needs_root]

    def test_it_is_roots_and_no_workers(self, make: Callable[..., Server], hook: Host) -> None:
        """Mode 0600; beside the supervisor one child holds it, and none that speaks with the network."""
        server = make(hook.folder / "server", pam=hook.socket, user="nobody")
        user = server.add_user()
        for path in (server.directory, *server.directory.iterdir()):
            shutil.chown(path, server.user)
        server.start()
        assert (0, 0o600) == (hook.socket.stat().st_uid, hook.socket.stat().st_mode & 0o777)
        supervisor, child = holders(server, inode(hook.socket))
        assert server.process is not None
        assert supervisor == server.process.pid
        assert child != server.worker()
        assert "success" == hook.login(user.password, user.code(), user=user.name, timeout=10).result

    def test_the_one_that_was_passed_is_taken(self, make: Callable[..., Server], hook: Host) -> None:
        """systemd's socket: logins come in there, and wait there while the daemon restarts."""
        with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as other:
            listener.bind(str(hook.socket))
            listener.listen()
            server = make(pam=hook.socket)
            server.passed = listener
            server.start()
            user = server.add_user()
            assert "success" == hook.login(user.password, user.code(-1), user=user.name, timeout=10).result
            server.stop()
            hook.stack(hook.hook("timeout=30"))
            late = other.submit(hook.login, user.password, user.code(), user=user.name, timeout=30)
            server.start()
            assert "success" == late.result().result

    def test_one_that_nobody_wants_is_told(self, make: Callable[..., Server], tmp_path: Path) -> None:
        """Without listen.pam, whoever connects to the socket of the unit would wait in vain: 78."""
        path = tmp_path / "passed"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            server = make()
            server.passed = listener
            server.launch()
            assert server.process is not None
            assert 78 == server.process.wait(20)
            server.process = None
            assert f"passed a socket that is not used: {path}" in server.log()

    def test_a_place_where_somebody_listens_is_not_taken(self, make: Callable[..., Server], tmp_path: Path) -> None:
        """Another daemon at that place: 78 and its name; a socket that nobody holds is replaced."""
        path = tmp_path / "pam.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            server = make(pam=path)
            server.launch()
            assert server.process is not None
            assert 78 == server.process.wait(20)
            assert f"somebody already listens on {path}" in server.log()
        server.process = None
        server.start()

    def test_a_login_under_way_outlives_a_reload(self, make: Callable[..., Server], hook: Host) -> None:
        """The child of the old configuration finishes what it has begun, while a new one attends."""
        server = make(pam=hook.socket)
        server.start()
        user = server.add_user()
        under_way = RawHook(hook.socket)
        under_way.say(HELLO)
        greeting, question = under_way.hear(), under_way.hear()
        assert (b"HELLO\t1\n", b"PROMPT\tpassword") == (greeting, question[:15])
        before = set(server.children())
        server.reload()
        assert before & set(server.children())
        assert "success" == hook.login(user.password, user.code(), user=user.name, timeout=10).result
        under_way.say(b"ANSWER\twrong\n")
        assert b"RESULT\tdenied\n" == under_way.rest()[-1]
        wait_for(lambda: not before & set(server.children()), "the end of the children of before")
        under_way.close()
