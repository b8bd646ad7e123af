"""What is asked at a terminal: passwords without echo, codes at the prompt of the server."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyotp

from radius_mfa.cli import throwaway
from tests.cli.script import enrolled, run, surroundings


@dataclass
class Terminal:
    """A terminal with a command at the other end."""

    pid: int
    descriptor: int
    shown: str = ""

    def answer(self, prompt: str, typed: str) -> None:
        """Wait for the prompt and type a line."""
        self._read(prompt)
        os.write(self.descriptor, typed.encode() + b"\n")

    def end(self) -> int:
        """The exit status, after all that is still shown."""
        self._read(None)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self, until: str | None) -> None:
        start = len(self.shown)
        while until is None or until not in self.shown[start:]:
            try:
                octets = os.read(self.descriptor, 4096)
            except OSError:  # Linux: the other end is closed
                octets = b""
            if not octets:
                assert until is None, self.shown
                return
            self.shown += octets.decode()


@contextmanager
def terminal(directory: Path, *command: str) -> Iterator[Terminal]:
    """The command at a terminal of its own, in this directory."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execvpe(command[0], command, {**surroundings(), "RADIUS_MFA_CONFIG": "radius-mfa.yaml"})  # noqa: S606
    try:
        yield Terminal(pid, descriptor)
    finally:
        os.close(descriptor)


def test_a_password_is_asked_for_twice_and_not_echoed(tmp_path: Path) -> None:
    """Typed alike it is taken; typed differently nothing is changed."""
    assert run("radius-mfa init", tmp_path).status == 0
    add = ("radius-mfa", "user", "add", "alice", "--email", "alice@example.com")
    with terminal(tmp_path, *add) as at:
        at.answer("Password for alice: ", "hunter2")
        at.answer("The same again: ", "hunter3")
        assert at.end() == 1
        assert "the passwords differ" in at.shown
    with terminal(tmp_path, *add) as at:
        at.answer("Password for alice: ", "hunter2")
        at.answer("The same again: ", "hunter2")
        assert at.end() == 0
        assert at.shown.endswith("alice: added\r\n")
        assert "hunter2" not in at.shown


def test_a_login_asks_for_all_that_is_missing(tmp_path: Path) -> None:
    """Password and shared secret for dashes, and the code at the server's own prompt."""
    with throwaway.place() as place, throwaway.serving(place.config) as server:
        where = f"{server.host}:{server.port}"
        code = pyotp.TOTP(enrolled(place.config, throwaway.NAME)).now()
        with terminal(tmp_path, "radius-mfa", "test", throwaway.NAME, "-", where, "0", "-") as at:
            at.answer("Password: ", throwaway.PASSWORD)
            at.answer("Shared secret: ", place.secret.decode())
            at.answer("Type its first code, or `mail` to get the mail again: ", code)
            assert at.end() == 0
            assert "Access-Accept" in at.shown
            assert place.secret.decode() not in at.shown
