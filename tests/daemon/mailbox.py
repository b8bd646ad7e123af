"""Mails as their readers have them, users who wait for theirs, and the outbox behind the back of the daemon."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any

import pyotp
from argon2 import PasswordHasher

from radius_mfa.store import accounts
from tests.daemon.mails import key_in
from tests.daemon.raw import Reply
from tests.daemon.server import PASSWORD, Server, User, wait_for

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""A hash of PASSWORD that costs next to nothing: with it a thousand users log in within a second."""
QUICK = """
from radius_mfa.mail import backoff, outbox
backoff.FIRST, outbox.IDLE = 0.2, 0.05

def before_send(reply):
    return
"""
"""A hook for Server: the mail child looks into the outbox at once, and tries soon again what it could not deliver."""


@dataclass(frozen=True)
class Mail:
    """One mail as it came."""

    content: bytes = field(repr=False)

    @cached_property
    def message(self) -> EmailMessage:
        read = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(read, EmailMessage)
        return read

    @property
    def to(self) -> str:
        return str(self.message["To"])

    @property
    def id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert isinstance(body, EmailMessage)
        return str(body.get_content())

    @property
    def invites(self) -> bool:
        return "otpauth://" in self.text

    @property
    def uri(self) -> str:
        """The link of the text part."""
        (found,) = re.findall(r"otpauth://\S+", self.text)
        return str(found)

    @property
    def key(self) -> str:
        return key_in(self.content)

    @property
    def whole(self) -> bool:
        """Whether it has its end; a sender that was killed leaves a torso."""
        return self.content.rstrip().endswith(f"--{self.message.get_boundary()}--".encode())


def in_directory(directory: Path) -> list[Mail]:
    """The mails that the file transport has written so far."""
    return [Mail(path.read_bytes()) for path in sorted(directory.glob("*.eml"))]


def received(mails: Iterable[str]) -> list[Mail]:
    """What a tests.mail.faults.FaultyServer was sent, without torsos."""
    return [mail for mail in (Mail(text.encode("ascii")) for text in mails) if mail.whole]


def invitations(mails: Iterable[Mail]) -> Counter[str]:
    """How often each address got its key."""
    return Counter(mail.to for mail in mails if mail.invites)


def newcomers(server: Server, number: int) -> list[User]:
    """So many accounts with an address and without an authenticator; CHEAP is the hash of PASSWORD."""
    names = [f"new{index}" for index in range(number)]
    accounts.import_accounts(
        server.database, [accounts.NewAccount(name, f"{name}@example.com", password_hash=CHEAP) for name in names]
    )
    return [User(accounts.get(server.database, name).id, name, PASSWORD, "", ()) for name in names]


def shown(reply: Reply) -> str:
    """The text of a reply."""
    return str(reply.attributes["Reply-Message"][0])


def code(key: str) -> str:
    """What an authenticator with this key shows now."""
    return pyotp.TOTP(key).now()


def edit(server: Server, statement: str, *values: object) -> None:
    """Change the database behind the back of the daemon."""
    with closing(sqlite3.connect(server.store, timeout=20)) as connection, connection:
        connection.execute(statement, values)


def age(server: Server, seconds: float) -> None:
    """Let every mail be queued so much earlier."""
    edit(server, "UPDATE outbox SET created = created - ?", seconds)


def tokens_of(server: Server, name: str) -> list[tuple[Any, ...]]:
    """Id, status and sealed secret of an account's tokens."""
    query = "SELECT token.id, status, secret FROM token JOIN account ON account.id = account_id WHERE name = ?"
    with closing(sqlite3.connect(f"{server.store.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query, (name,)).fetchall()


def all_sent(server: Server) -> bool:
    """Whether nothing waits in the outbox."""
    with closing(sqlite3.connect(f"{server.store.as_uri()}?mode=ro", uri=True)) as connection:
        (waiting,) = connection.execute("SELECT count(*) FROM outbox WHERE sent_at IS NULL").fetchone()
    return not waiting


def wait_until_sent(server: Server, patience: float = 30.0) -> float:
    """Seconds until nothing waits any more."""
    start = time.monotonic()
    wait_for(lambda: all_sent(server), "the last mail to leave", patience)
    return time.monotonic() - start
