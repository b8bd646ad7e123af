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

import pyotp

from radius_mfa.auth import recovery
from radius_mfa.backends.local import hash_password
from radius_mfa.cli import init, session, token
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen
from radius_mfa.errors import OperationFailed
from radius_mfa.store import accounts, codes, tokens
from radius_mfa.store.accounts import NewAccount

NAME = "alice"
PASSWORD = "correct-horse"
ENROLMENT = 3600.0
"""Seconds the pending authenticator of the demo lives."""
FAREWELL = 10.0
"""Seconds the server may take to stop."""
_LISTENING = re.compile(r"listening on (?P<host>\S+):(?P<port>[0-9]+)$")


@dataclass(frozen=True)
class Place:
    """What a client and a user need to know of the server: none of it outlives the demo."""

    config: Path
    secret: bytes
    key: str
    uri: str
    recovery_codes: tuple[str, ...]


@dataclass(frozen=True)
class Server:
    """The running server; `log` is its standard error from now on."""

    host: str
    port: int
    log: IO[str]


@contextmanager
def place() -> Iterator[Place]:
    """A new directory with configuration, key, database and a user who waits for the first code; removed at the end."""
    with TemporaryDirectory(prefix="radius-mfa-demo-") as directory:
        chosen = Chosen(Path(directory) / "radius-mfa.yaml")
        init.install(chosen, listen=["127.0.0.1:0"])
        settings = settings_of(chosen)
        key = pyotp.random_base32(token.KEY_CHARACTERS)
        recovery_codes = recovery.make(secrets.token_bytes, settings.mfa.recovery_codes.count)
        with session.opened(settings) as database:
            new = NewAccount(NAME, f"{NAME}@example.com", password_hash=hash_password(PASSWORD))
            accounts.add(database, new)
            expires = database.clock.now() + ENROLMENT
            tokens.enroll(database, NAME, token.new_token(key, settings), expires=expires)
            codes.replace(database, NAME, recovery_codes)
        uri = token.address(key, NAME, settings)
        shown = tuple(map(recovery.show, recovery_codes))
        yield Place(chosen.config, settings.clients[0].secret.read(), key, uri, shown)


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
