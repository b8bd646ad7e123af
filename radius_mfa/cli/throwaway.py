"""A server in a throw-away place, for `radius-mfa demo`: made, started as a child, stopped and removed."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from radius_mfa.auth import recovery
from radius_mfa.auth.model import Mfa
from radius_mfa.backends.local import hash_password
from radius_mfa.cli import init, session
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen
from radius_mfa.errors import OperationFailed
from radius_mfa.store import accounts, codes
from radius_mfa.store.accounts import NewAccount

NAME = "alice"
PASSWORD = "correct-horse"
ADDRESS = f"{NAME}@example.com"
MAIL = """
mail:
  from: Example PBX <pbx@example.com>
  help: "Call the help desk: 4711"
  transport: {{type: file, directory: {directory}}}
"""
FAREWELL = 10.0
"""Seconds the server may take to stop."""
_LISTENING = re.compile(r"listening on (?P<host>\S+):(?P<port>[0-9]+)$")


@dataclass(frozen=True)
class Place:
    """What a client and a user need to know of the server: none of it outlives the demo."""

    config: Path
    secret: bytes
    mailbox: Path
    """Where the server writes mail to."""

    def make_recovery_codes(self) -> list[str]:
        """What `codes generate` does for the user: a new set, as it is shown."""
        settings = settings_of(Chosen(self.config))
        made = recovery.make(secrets.token_bytes, settings.mfa.recovery_codes.count)
        with session.opened(settings) as database:
            codes.replace(database, NAME, made)
        return [recovery.show(code) for code in made]


@dataclass(frozen=True)
class Server:
    """The running server; `log` is its standard error from now on."""

    host: str
    port: int
    log: IO[str]


@contextmanager
def place() -> Iterator[Place]:
    """A new directory with configuration, key, database and a user who owes a code and has none; removed at the end."""
    with TemporaryDirectory(prefix="radius-mfa-demo-") as directory:
        chosen, mailbox = Chosen(Path(directory) / "radius-mfa.yaml"), Path(directory) / "mail"
        init.install(chosen, listen=["127.0.0.1:0"])
        mailbox.mkdir(mode=0o700)
        with chosen.config.open("a", encoding="utf-8") as file:
            file.write(MAIL.format(directory=mailbox))
        settings = settings_of(chosen)
        with session.opened(settings) as database:
            accounts.add(database, NewAccount(NAME, ADDRESS, mfa=Mfa.REQUIRED, password_hash=hash_password(PASSWORD)))
        yield Place(chosen.config, settings.clients[0].secret.read(), mailbox)


@contextmanager
def serving(config: Path) -> Iterator[Server]:
    """The server of this configuration, in a child of its own. Raises OperationFailed when it does not start."""
    command = [sys.executable, "-P", "-m", "radius_mfa", "--config", str(config), "serve"]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # noqa: S603
    try:
        yield _started(child)
    finally:
        child.terminate()
        try:
            child.communicate(timeout=FAREWELL)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()


def _started(child: subprocess.Popen[str]) -> Server:
    """Wait until the server says where it listens."""
    assert child.stderr is not None  # noqa: S101 - it was asked for
    said = []
    for line in child.stderr:
        match = _LISTENING.search(line.rstrip())
        if match is not None:
            return Server(match["host"], int(match["port"]), child.stderr)
        said.append(line.rstrip())
    raise OperationFailed("\n".join(["the server did not start", *said]))
