"""Daemons that send mail: what to configure, whom to invite, and where the mails are."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.daemon.raw import Reply
from tests.daemon.server import Server, User, wait_for
from tests.mail.faults import FaultyServer, Talk
from tests.mail.faults import Reply as Said
from tests.mail.reading import parts


def by_file(directory: Path, more: str = "") -> str:
    directory.mkdir(exist_ok=True)
    return f"mail: {{from: PBX <pbx@example.com>, transport: {{type: file, directory: {directory}}}{more}}}\n"


def by_smtp(server: FaultyServer, timeout: str = "1m") -> str:
    transport = f"{{type: smtp, host: 127.0.0.1, port: {server.port}, tls: none, timeout: {timeout}}}"
    return f"mail: {{from: PBX <pbx@example.com>, transport: {transport}}}\n"


def once(fault: Callable[[Talk], bool]) -> Callable[[Talk], bool]:
    """A reply that goes wrong the first time."""
    left = [fault]

    def reply(talk: Talk) -> bool:
        if left:
            return left.pop()(talk)
        talk.say("250 ok")
        return True

    return reply


def holding(began: threading.Event, released: threading.Event) -> Said:
    """A server that takes the content and says so when it is let."""

    def reply(talk: Talk) -> bool:
        began.set()
        released.wait(60)
        talk.say("250 taken")
        return True

    return reply


def invite(server: Server, name: str = "alice") -> tuple[User, Reply]:
    """A user with a mail address and no authenticator, and what the first right password is answered with."""
    user, client = server.add_user(name, token=False, mail=f"{name}@example.com"), server.client()
    reply = client.ask(client.request(name, user.password))
    assert reply.result == "challenge"
    return user, reply


def key_in(mail: bytes) -> str:
    """The key as somebody would type it from the text of the mail."""
    found = re.search(rb"^ +((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})\s*$", parts(mail)["text/plain"], re.MULTILINE)
    assert found
    return found[1].decode().replace(" ", "")


def queue(server: Server) -> list[dict[str, Any]]:
    """Every row of the outbox by column."""
    connection = sqlite3.connect(f"{server.store.as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute("SELECT * FROM outbox ORDER BY id")]
    connection.close()
    return rows


def files(directory: Path, number: int) -> list[bytes]:
    """The mails in a directory, the oldest first, once there are so many."""
    wait_for(lambda: len(list(directory.glob("*.eml"))) >= number, f"{number} mails")
    found = sorted(directory.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    assert len(found) == number
    return [path.read_bytes() for path in found]
