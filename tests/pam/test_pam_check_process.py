"""The process around the checks: who may ask, what hangs, and what the server makes of it."""

from __future__ import annotations

import json
import select
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from radius_mfa.backends.pam import PATIENCE, PamPasswords
from radius_mfa.backends.pam_check import LATE, MOST
from radius_mfa.backends.pam_question import Question
from radius_mfa.clock import SystemClock
from radius_mfa.errors import PasswordsUnavailable, Unavailable
from radius_mfa.service import HASH_DEADLINE
from tests.daemon.server import wait_for
from tests.pam.check_host import OWNER, PASSWORDS, STATION, UNIX, CheckHost, as_user, make

pytestmark = [pytest.mark.needs("perl", package="perl"), pytest.mark.needs_root]
STRANGER = 1234
RIGHT = Question("radius-mfa", "alice", PASSWORDS["alice"], STATION, 1000).encode()


@pytest.fixture
def host() -> Iterator[CheckHost]:
    with TemporaryDirectory(prefix="radius-mfa-") as folder:
        yield make(Path(folder))


def answer(host: CheckHost, line: bytes, uid: int = 0, end: bool = False) -> bytes:
    """All that comes back for this line; with `end`, nothing follows it."""
    with socket.socket(socket.AF_UNIX) as connection:
        with as_user(uid):
            connection.connect(str(host.socket))
        connection.settimeout(20)
        try:
            connection.sendall(line)
            if end:
                connection.shutdown(socket.SHUT_WR)
            return connection.recv(1000)
        except (ConnectionResetError, BrokenPipeError):
            return b""


def test_only_root_and_the_server_may_ask(host: CheckHost) -> None:
    """Another uid gets no answer, and is named in the log, even where the socket would let it in."""
    with host.checking():
        assert (OWNER, 0o600) == (host.socket.stat().st_uid, stat.S_IMODE(host.socket.stat().st_mode))
        host.socket.chmod(0o666)
        assert b"" == answer(host, RIGHT, uid=STRANGER)
        assert b"passed" in answer(host, RIGHT, uid=OWNER)
        assert b"passed" in answer(host, RIGHT)
        assert f"refused uid {STRANGER}" in host.log


@pytest.mark.parametrize("uid", [OWNER, STRANGER])
def test_a_stranger_who_listens_is_not_told_a_password(host: CheckHost, uid: int) -> None:
    """Whoever took the place of the process learns nothing, and is not believed."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(host.socket))
        with as_user(uid):
            listener.listen()
        with pytest.raises(Unavailable, match=f"uid {uid} listens"):
            host.lets_in()
        heard, _ = listener.accept()
        with heard:
            assert b"" == heard.recv(1000)


def test_garbage_is_hung_up_on(host: CheckHost) -> None:
    """No answer, a word in the log without what was sent, and the next question is answered."""
    with host.checking(late=60):
        for line in [
            b"\n",
            b"{}\n",
            b"\0" * 100 + b"\n",
            b"x" * 100_000,
            json.dumps({"password": "pass-in-log"}).encode() + b"\n",
        ]:
            assert b"" == answer(host, line)
        for line in [b"", b"x", RIGHT[:-1], RIGHT[:10]]:
            assert b"" == answer(host, line, end=True)
        assert host.lets_in()
        assert "hung up on" in host.log
        assert "pass-in-log" not in host.log
        assert "Traceback" not in host.log


def hanging(host: CheckHost, until: Path) -> tuple[str, Path]:
    """A service whose stack hangs until a file is there, and the directory in which each that hangs leaves its pid."""
    started, script = host.folder / "started", host.folder / "hang"
    started.mkdir()
    script.write_text(f"#!/bin/sh\n: >{started}/$$\nwhile [ ! -e {until} ]; do sleep 0.05; done\n")
    script.chmod(0o755)
    return host.stack("hung", f"auth required pam_exec.so quiet {script}", *UNIX), started


def test_what_hangs_does_not_hold_up_others(host: CheckHost) -> None:
    """All places but one hang in a module; the one goes on, and the others end well when the module does."""
    until = host.folder / "until"
    hung, started = hanging(host, until)
    with host.checking(late=60), ThreadPoolExecutor(MOST) as threads:
        waiting = [threads.submit(host.lets_in, "alice", hung) for _ in range(MOST - 1)]
        wait_for(lambda: len(list(started.iterdir())) == MOST - 1, "all of them to hang")
        assert all(host.lets_in("umlaut") for _ in range(20))
        assert not any(one.done() for one in waiting)
        until.touch()
        assert all(one.result() for one in waiting)


def test_what_hangs_is_ended(host: CheckHost) -> None:
    """More checks hang than there are places: each is ended in time, with what it has started, and others follow."""
    hung, started = hanging(host, host.folder / "never")
    with host.checking(late=2), ThreadPoolExecutor(MOST + 1) as threads:
        waiting = [threads.submit(host.lets_in, "alice", hung) for _ in range(MOST + 1)]
        errors = [one.exception() for one in waiting]
        assert {PasswordsUnavailable} == {type(error) for error in errors}
        assert host.lets_in()
        assert "longer than 2 s" in host.log
        pids = [int(file.name) for file in started.iterdir()]
        assert pids
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the scripts to be ended")


def test_a_stop_ends_what_hangs(host: CheckHost) -> None:
    """Nothing goes on without the process, and who asked does not wait."""
    hung, started = hanging(host, host.folder / "never")
    with ThreadPoolExecutor(1) as threads:
        with host.checking(late=60):
            asked = threads.submit(host.lets_in, "alice", hung)
            wait_for(lambda: list(started.iterdir()), "the module to hang")
        assert isinstance(asked.exception(20), Unavailable)
    pids = [int(file.name) for file in started.iterdir()]
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the script to be ended")


def test_a_question_that_never_comes_is_not_waited_for(host: CheckHost) -> None:
    """Connections without a question take places, and give them back."""
    with host.checking(late=0.3):
        idle = [socket.socket(socket.AF_UNIX) for _ in range(MOST)]
        for one in idle:
            one.connect(str(host.socket))
        assert host.lets_in()
        for one in idle:
            one.close()


def test_there_are_so_many_places_and_no_more(host: CheckHost) -> None:
    """While all are taken nobody else is, and the next one is when one becomes free."""
    with host.checking(late=60), ExitStack() as idle:
        taken = [idle.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(MOST)]
        for one in taken:
            one.connect(str(host.socket))
        waiting = idle.enter_context(socket.socket(socket.AF_UNIX))
        waiting.connect(str(host.socket))
        waiting.sendall(RIGHT)
        assert ([], [], []) == select.select([waiting], [], [], 0.5)
        taken[0].close()
        waiting.settimeout(20)
        assert b"passed" in waiting.recv(1000)


def test_nobody_waits_in_a_queue_that_is_full(host: CheckHost) -> None:
    """A process that takes nobody in: the login fails, and its thread is free again."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(host.socket))
        listener.listen(0)
        first.connect(str(host.socket))
        with pytest.raises(Unavailable, match="unavailable"):
            host.lets_in()


def test_nobody_waits_for_ever(host: CheckHost) -> None:
    """Absent, silent, gone or babbling: the login fails, and the message says what to look at."""
    with pytest.raises(Unavailable, match="No such file"):
        host.lets_in()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(host.socket))
        with pytest.raises(Unavailable, match="refused") as absent:
            host.lets_in()
        assert "radius-mfa pam-check" in absent.value.hint
        listener.listen()
        with pytest.raises(Unavailable, match="in time"):
            host.passwords(patience=0.05).check(None, "alice", PASSWORDS["alice"], STATION)


@pytest.mark.parametrize("said", [b"", b"x", b"\n", b'{"result": "passed"}\n', b"x" * 100_000])
def test_a_babbling_process_lets_nobody_in(host: CheckHost, said: bytes) -> None:
    """Whatever is no answer is no login."""
    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as threads:
        listener.bind(str(host.socket))
        listener.listen()
        asked = threads.submit(host.lets_in)
        heard, _ = listener.accept()
        with heard:
            heard.recv(10_000)
            heard.sendall(said)
        assert isinstance(asked.exception(20), Unavailable)


def test_an_endless_answer_is_not_collected(host: CheckHost) -> None:
    """More than an answer can be is no answer, although the other side is still talking."""
    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as threads:
        listener.bind(str(host.socket))
        listener.listen()
        asked = threads.submit(host.lets_in)
        heard, _ = listener.accept()
        with heard, suppress(BrokenPipeError, ConnectionResetError):
            heard.sendall(b"x" * 100_000)
            assert isinstance(asked.exception(20), Unavailable)
    assert isinstance(asked.exception(), Unavailable)


def test_an_answer_in_drops_has_the_same_deadline(host: CheckHost) -> None:
    """An octet now and then does not stretch the patience."""

    class Steps(SystemClock):
        """Half a second passes between any two looks."""

        time = 0.0

        def monotonic(self) -> float:
            self.time += 0.5
            return self.time

    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as threads:
        listener.bind(str(host.socket))
        listener.listen()
        asked = threads.submit(
            PamPasswords(host.socket, "radius-mfa", 1000, lambda _: None, Steps(), 2.0).check,
            None,
            "alice",
            PASSWORDS["alice"],
            STATION,
        )
        heard, _ = listener.accept()
        with heard:
            heard.recv(10_000)
            while not asked.done():
                try:
                    heard.send(b" ")
                except BrokenPipeError:
                    break
        error = asked.exception(20)
    assert isinstance(error, Unavailable)
    assert "in time" in error.message


def test_the_hook_waits_longer_than_a_check_takes() -> None:
    """The PAM hook gives up after five seconds, the wait for a slot included."""
    assert LATE <= PATIENCE
    assert HASH_DEADLINE + PATIENCE < 5
