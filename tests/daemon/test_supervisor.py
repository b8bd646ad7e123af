"""The supervisor alone, over a program that knows nothing of RADIUS: several workers, and children that misbehave."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from radius_mfa import errors
from radius_mfa.notify import Systemd
from radius_mfa.supervisor import Errand, Supervisor
from radius_mfa.supervisor.supervisor import SILENCE, Child, Post
from tests.conftest import ROOT
from tests.daemon.server import wait_for
from tests.daemon.toy import Toy, supervise


class Running:
    """The toy as a process, and a client of it."""

    def __init__(self, log: Path, workers: int, fails: str = "") -> None:
        self._log = log
        with log.open("wb") as file:
            command = [sys.executable, "-m", "tests.daemon.toy", str(workers), fails]
            self.process = subprocess.Popen(command, stderr=file, cwd=ROOT)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(15)

    def log(self) -> str:
        return self._log.read_text()

    def ready(self) -> Running:
        found = wait_for(lambda: re.search(r"listening on 127\.0\.0\.1:(\d+)", self.log()), "a toy that listens")
        assert found is not None
        self.socket.connect(("127.0.0.1", int(found.group(1))))
        return self

    def tell(self, worker: int, word: bytes = b"") -> None:
        """Send a word to one worker: octet 19 says which."""
        self.socket.send(bytes(19) + bytes([worker]) + word)

    def ask(self, worker: int, word: bytes = b"") -> tuple[int, int]:
        """The index and the pid of the worker that answers."""
        self.tell(worker, word)
        index, pid = self.socket.recv(100).split()
        return int(index), int(pid)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


Play = Callable[..., Running]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Starts toys."""
    started: list[Running] = []

    def one(workers: int, fails: str = "") -> Running:
        started.append(Running(tmp_path / "log", workers, fails))
        return started[-1]

    yield one
    for toy in started:
        toy.socket.close()
        if toy.process.poll() is None:
            assert toy.end() == 0, toy.log()


def test_octet_19_reaches_its_worker(play: Play) -> None:
    """Three workers share a port, and octet 19 of a datagram says which one gets it."""
    toy = play(3).ready()
    assert [0, 1, 2, 1, 2] == [toy.ask(octet)[0] for octet in (0, 1, 2, 4, 5)]
    assert len({toy.ask(worker)[1] for worker in range(3)}) == 3


def test_a_dead_worker_is_replaced_in_its_place(play: Play) -> None:
    """The successor of a worker has its number and its socket; what waited there is answered, the others go on."""
    toy = play(2).ready()
    before = [toy.ask(worker) for worker in range(2)]
    toy.tell(1, b"die")
    index, successor = toy.ask(1)
    assert index == 1
    assert successor != before[1][1]
    assert toy.ask(0) == before[0]
    assert f"worker 1 ({before[1][1]}) has ended with status 3" in toy.log()


def test_a_hanging_worker_is_replaced(play: Play) -> None:
    """A worker that does not come back to its loop is killed after 5 s."""
    toy = play(2).ready()
    _, pid = toy.ask(1)
    toy.tell(1, b"hang")
    assert toy.ask(1)[1] != pid
    assert f"worker 1 ({pid}) was silent for 5 s: killed" in toy.log()


def test_who_does_not_go_is_killed(play: Play) -> None:
    """A worker that ignores SIGTERM is killed in the end, and the status is 0 all the same."""
    toy = play(1).ready()
    _, pid = toy.ask(0, b"stay")
    assert toy.end() == 0
    assert f"worker 0 ({pid}) did not end in time: killed" in toy.log()


def test_an_errand_has_a_farewell_of_its_own(play: Play) -> None:
    """Its child is killed when the errand's own time is over, before a worker that does not go either."""
    toy = play(1, "errand").ready()
    toy.ask(0, b"stay")
    assert toy.end() == 0
    assert ["errand", "worker 0"] == re.findall(r"error (.*) \(\d+\) did not end in time: killed", toy.log())


def test_a_child_that_always_fails(play: Play) -> None:
    """A worker that fails at once is started again and again; nobody says that it listens, and a trace has no value."""
    toy = play(1, "work")
    wait_for(lambda: toy.log().count("has ended with status 70") >= 3, "three failures")
    assert "a child failed: ValueError at " in toy.log()
    assert "hunter2" not in toy.log()
    assert "listening" not in toy.log()


def test_successors_come_more_and_more_slowly() -> None:
    """The first comes at once, the next after 0.2 s and twice as long each time, up to 5 s."""
    post = Post(Errand("worker", lambda _: None))
    pauses = []
    for _ in range(8):
        supervise(Toy(1, ""))._delay(post, 100.0)
        pauses.append(round(post.vacant_until - 100.0, 3))
    assert [0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0] == pauses


class Slow(Toy):
    """It reads its configuration for so long that nobody listens to the workers. It is its own clock."""

    at = 100.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def reload(self) -> Toy:
        self.at += 2 * SILENCE
        raise errors.ConfigurationError("the toy is broken")


def test_a_slow_reload_makes_nobody_silent() -> None:
    """Who beat while the supervisor was at the preflight is not killed for what it could not hear."""
    slow = Slow(1, "")
    supervisor = Supervisor(slow, slow, Systemd(None, slow))
    with subprocess.Popen(["sleep", "60"]) as worker:
        child = Child(Post(Errand("worker", lambda _: None)), worker.pid, -1, born=slow.at, heard=slow.at)
        supervisor._children.append(child)
        supervisor._obey(signal.SIGHUP)
        supervisor._judge()
        worker.terminate()
        assert worker.wait(20) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("fails", "status", "said"),
    [("preflight", 78, "error: the toy is broken\nhint: get another one\n"), ("settle", 1, ""), ("signal", 1, "")],
)
def test_what_fails_before_the_first_worker_ends_the_start(play: Play, fails: str, status: int, said: str) -> None:
    """When preflight or settle fail, nothing is forked to serve."""
    toy = play(1, fails)
    assert toy.process.wait(20) == status
    assert toy.log().startswith(said)
    assert "worker" not in toy.log()


def test_a_preflight_that_is_killed_is_no_preflight() -> None:
    """A preflight ended by a signal is an error of its own."""
    with pytest.raises(errors.Unavailable, match="the preflight was ended by signal 9"):
        supervise(Toy(1, "signal")).run()


def test_a_reload_that_is_at_fault_keeps_the_old(play: Play) -> None:
    """A fault of the program in reload is logged, and the workers go on."""
    toy = play(1).ready()
    before = toy.ask(0)
    toy.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "not reloaded: the old configuration stays: ZeroDivisionError at" in toy.log(), "the fault")
    assert toy.ask(0) == before
