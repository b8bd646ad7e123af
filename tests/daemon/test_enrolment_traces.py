"""The key of an enrolment is in the mail that brings it, and nowhere else (THREATS 48)."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.daemon.conftest import Start
from tests.daemon.mailbox import Mail, age, code, received, wait_until_sent
from tests.daemon.mails import once, queue
from tests.daemon.raw import Reply
from tests.daemon.server import PASSWORD, Server, wait_for
from tests.daemon.test_traces import forms
from tests.mail.faults import FaultyServer, hang_up

SMTP_PASSWORD = "a-mail-password-like-no-other"
# Each of these fails once, over all processes, with something secret in the exception.
STUMBLE = """
from pathlib import Path
from radius_mfa.mail import backoff, outbox
from radius_mfa.store import outbox as rows
from radius_mfa.store.outbox import SqliteOutbox
backoff.FIRST = rows.CRASHED = 0.2
outbox.IDLE = 0.05
compose, delivered = outbox.compose, SqliteOutbox.delivered

def stumble(place, secret):
    try:
        Path(place).touch(exist_ok=False)
    except FileExistsError:
        return
    raise ValueError(secret)

def before_send(reply):
    if reply[0] != 3:
        stumble(f"reply {reply[0]}", reply)

def composed(facts, **more):
    stumble("letter", getattr(facts, "key", ""))
    return compose(facts, **more)

def wrote(self, row):
    stumble("outcome", self._mail)
    return delivered(self, row)

outbox.compose, SqliteOutbox.delivered = composed, wrote
"""
COMMANDS = ("config show", "mail queue --json", "token list alice --json")


def test_the_key_is_in_its_mail_and_nowhere_else(start: Start) -> None:
    """Logs at DEBUG, audit, process table, database, commands: with faults all along the way, not a trace."""
    with FaultyServer({".": once(hang_up)}) as there:
        login = f"tls: none, username: pbx, password: {SMTP_PASSWORD}"
        transport = f"{{type: smtp, host: 127.0.0.1, port: {there.port}, {login}}}"
        more = f"mail: {{from: PBX <pbx@example.com>, transport: {transport}}}\n"
        server = start(level="debug", more=more, hook=STUMBLE)
        mails, replies = enrol(server, there)
    said = written_by(server)
    (key,) = {mail.key for mail in mails if mail.invites}
    secrets = {
        "key": key.encode(),
        "key as mailed": " ".join(key[i : i + 4] for i in range(0, len(key), 4)).encode(),
        "key as octets": base64.b32decode(key),
        "link": b"otpauth://",
        "mail password": SMTP_PASSWORD.encode(),
        "password": PASSWORD.encode(),
        "mail data key": server.database.keys.mail,
        **{f"State {number}": reply.state for number, reply in enumerate(replies)},
    }
    for place, text in said.items():
        for name, secret in secrets.items():
            if place == "radius-mfa.yaml" and name == "mail password":
                continue
            assert not [one for one in forms(secret) if one in text], f"{name} in {place}"
    assert "ValueError" in server.log()
    assert server.log().count("ValueError at ") >= 4


def enrol(server: Server, there: FaultyServer) -> tuple[list[Mail], list[Reply]]:
    """From the first password to the notice, with a mail sent again and one that had to be tried twice."""
    server.add_user("alice", token=False, mail="alice@example.com")
    client = server.client()
    first = client.request("alice", PASSWORD)
    client.send(first)
    wait_for(lambda: "a reply to test failed" in server.log(), "the fault in the worker")
    challenge = client.ask(first)
    wait_until_sent(server, 60)
    age(server, 600)
    again = client.ask(client.request("alice", "mail", state=challenge.state))
    key = received(there.mails)[0].key
    answer = client.request("alice", code(key), state=again.state)
    client.send(answer)
    wait_for(lambda: server.log().count("a reply to test failed") > 1, "another fault in the worker")
    assert client.ask(answer).result == "accept"
    wait_until_sent(server, 60)
    assert {row["body"] for row in queue(server)} == {b""}
    return received(there.mails), [challenge, again]


def written_by(server: Server) -> dict[str, bytes]:
    """All that the daemon has left in its directory and in the process table, and what commands say about it."""
    assert server.process is not None
    found = {path.name: path.read_bytes() for path in server.directory.iterdir() if path.is_file()}
    assert {"log", "audit.jsonl", "store.db", "store.db-wal"} <= found.keys()
    found |= {f"{pid} {name}": text for pid in (server.process.pid, *server.children()) for name, text in process(pid)}
    return found | {command: output(server, command) for command in COMMANDS}


def process(pid: int) -> Iterator[tuple[str, bytes]]:
    for name in ("cmdline", "environ"):
        yield name, Path(f"/proc/{pid}/{name}").read_bytes()


def output(server: Server, command: str) -> bytes:
    """Both streams of a command about this server."""
    program = Path(sys.executable).with_name("radius-mfa")
    done = subprocess.run([program, "--config", server.config, *command.split()], capture_output=True)
    assert done.returncode in {0, 2}, done.stderr
    return done.stdout + done.stderr
