"""A host with the daemon's door behind the hook: a real store, a clock in a file, and a process that is not root."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from argon2 import PasswordHasher

from radius_mfa.auth import otp
from radius_mfa.auth.model import Account, Algorithm, Mfa
from radius_mfa.store import accounts, codes, tokens
from radius_mfa.store.accounts import NewAccount
from radius_mfa.store.tokens import NewToken
from tests.conftest import ROOT
from tests.contract.stores import CODES, NOW, SECRET, SqliteStores
from tests.pam.host import NOBODY, Host, Said

Value = TypeVar("Value")

PASSWORD = "correct-horse"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""Cheap: what a password costs is not what these tests are about."""
RECOVERY = "-".join(CODES[0][start : start + 4] for start in range(0, 16, 4))
HELLO = b"HELLO\t1\tsshd\talice\t192.0.2.7\tssh\t\t\task\t\n"

GREETING = b"HELLO\t1\n"
ASK_PASSWORD = b"PROMPT\tpassword\tPassword: \n"
ASK_CODE = b"PROMPT\thidden\tCode from your authenticator app: \n"
SUCCESS = b"RESULT\tsuccess\n"
DENIED = [b"DELAY\t0\n", b"RESULT\tdenied\n"]
UNAVAILABLE = [b"RESULT\tunavailable\n"]
ANSWER = b"ANSWER\t%s\n"
RIGHT = ANSWER % PASSWORD.encode()


def code(steps: int = 0, secret: bytes = SECRET) -> str:
    """The code at the time the tests begin, or so many steps later; three of them are within the window."""
    return otp.code_at(secret, int(NOW) // 30 + steps, 6, Algorithm.SHA1)


WRONG = next(text for text in ("000000", "111111") if text not in {code(step) for step in range(-3000, 100)})


class RawHook:
    """A connection as the hook has one, to say what the hook would not say."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(str(path))
        self._stream = self._socket.makefile("rb")

    def say(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def hear(self) -> bytes:
        """The next line; nothing when the daemon has hung up."""
        try:
            return self._stream.readline()
        except ConnectionResetError:
            return b""

    @property
    def is_answered(self) -> bool:
        """Whether something has come that was not heard yet."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def rest(self) -> list[bytes]:
        """All lines until the daemon hangs up."""
        lines = []
        while line := self.hear():
            lines.append(line)
        return lines

    def finish(self) -> None:
        """Say nothing more."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


class Door:
    """A daemon with the PAM door and nothing else. Root listens, and the process that attends is nobody's."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host = host
        self.directory = directory
        self.stores = SqliteStores(directory)
        self.audit_file = directory / "audit.jsonl"
        self.process: subprocess.Popen[bytes] | None = None
        self.beats = -1
        self._raw: list[RawHook] = []
        self.at(NOW)
        self.account("alice")

    # The accounts

    def account(self, name: str, *, token: bool = True, mail: str | None = None, mfa: Mfa = Mfa.INHERIT) -> None:
        """An account with the password, and with an authenticator and recovery codes unless it has still to enrol."""
        accounts.add(self.stores.database, NewAccount(name, mail=mail, mfa=mfa, password_hash=HASH))
        if token:
            made = tokens.enroll(self.stores.database, name, NewToken(SECRET), expires=NOW + 100)
            tokens.confirm(self.stores.database, name, made, step=0, drift=0)
            codes.replace(self.stores.database, name, list(CODES))

    def load(self, name: str = "alice") -> Account:
        return self.stores.load(name)

    def pending_code(self, name: str, steps: int = 0) -> str:
        """The first code of an account that has been sent its key, so many steps after the tests begin."""
        (token,) = self.load(name).tokens
        assert token.secret is not None
        return code(steps, token.secret)

    def mails(self) -> int:
        """How many mails wait to be sent."""
        with sqlite3.connect(self.stores.path) as connection:
            (count,) = connection.execute("SELECT count(*) FROM outbox").fetchone()
        connection.close()
        return int(count)

    # The process

    def start(self, *, services: Mapping[str, Mapping[str, object]] | None = None, audit: Path | None = None,
              constants: Mapping[str, object] | None = None, threads: int = 2,
              queue: int = 256, fail_delay: float = 0.0, descriptors: int = 256) -> None:  # fmt: skip
        """Listen as root, and run the door as nobody."""
        self.audit_file = audit or self.audit_file
        self.give_away()
        self.beats, heartbeat = os.pipe()
        os.set_blocking(heartbeat, False)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.host.socket))
            self.host.socket.chmod(0o600)
            listener.listen(256)
            given: dict[str, Any] = {
                "directory": str(self.directory), "audit": str(self.audit_file), "services": dict(services or {}),
                "constants": dict(constants or {}), "threads": threads, "queue": queue, "fail_delay": fail_delay,
                "uid": NOBODY, "listener": listener.fileno(), "heartbeat": heartbeat, "descriptors": descriptors,
            }  # fmt: skip
            with (self.directory / "log").open("wb") as log:
                self.process = subprocess.Popen(
                    [sys.executable, ROOT / "tests/pam/door_daemon.py", json.dumps(given)], stderr=log,
                    pass_fds=(listener.fileno(), heartbeat),
                )  # fmt: skip
        os.close(heartbeat)
        assert os.read(self.beats, 1), self.log()

    def give_away(self) -> None:
        """The files are those of the user who serves."""
        for path in (self.directory, *self.directory.iterdir()):
            os.chown(path, NOBODY, NOBODY)

    def at(self, time: float) -> None:
        """Turn the clock."""
        new = self.directory / "now.new"
        new.write_text(str(time))
        new.rename(self.directory / "now")

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def hang_up_the_supervisor(self) -> None:
        """Close the end of the pipe that a supervisor would read."""
        os.close(self.beats)
        self.beats = -1

    def close(self) -> None:
        for raw in self._raw:
            raw.close()
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if self.beats >= 0:
            os.close(self.beats)
        self.host.socket.unlink(missing_ok=True)
        self.stores.close()

    # The logins

    def login(self, *answers: str, user: str = "alice", service: str = "sshd", options: Sequence[str] = (),
              timeout: float = 20) -> Said:  # fmt: skip
        """Log in through the hook; see Host.login."""
        return self.host.login(*answers, user=user, service=service, options=options, timeout=timeout)

    def raw(self, hello: bytes = HELLO) -> RawHook:
        """A connection that has said `hello`."""
        made = RawHook(self.host.socket)
        self._raw.append(made)
        if hello:
            made.say(hello)
        return made

    # What is left of it

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def audit(self) -> list[tuple[str, str]]:
        """Result and reason of each round so far."""
        lines = self.audit_file.read_text().splitlines() if self.audit_file.exists() else []
        return [(line["result"], line["reason"]) for line in map(json.loads, lines)]

    def asked(self) -> list[int]:
        """How long the passwords were that the backend was asked about."""
        record = self.directory / "asked"
        return [int(line) for line in record.read_text().split()] if record.exists() else []

    def connections(self) -> int:
        """How many sockets the process holds."""
        assert self.process is not None
        count = 0
        for entry in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                count += str(entry.readlink()).startswith("socket:")
        return count


def sitting_at(place: bytes) -> bytes:
    """The greeting of somebody else's hook."""
    return HELLO.replace(b"192.0.2.7", place)


def asked_for_a_password(door: Door, hello: bytes = HELLO) -> RawHook:
    """A hook that has greeted and been asked."""
    hook = door.raw(hello)
    assert [GREETING, ASK_PASSWORD] == [hook.hear(), hook.hear()]
    return hook


def asked_for_a_code(door: Door, hello: bytes = HELLO) -> RawHook:
    """A hook whose person has given the password."""
    hook = asked_for_a_password(door, hello)
    hook.say(RIGHT)
    assert ASK_CODE == hook.hear()
    return hook
