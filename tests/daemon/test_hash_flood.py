"""THREATS 89: a crowd of passwords takes the hash slots it may have, and nothing else of the server."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.daemon.conftest import Start
from tests.daemon.server import Server, wait_for

CROWD = 200
SLOTS = 1
"""What `hash_memory` below has room for."""
QUEUE = 128 // 2
"""Passwords of one client that may wait for it."""

# Each check writes that it has begun, and goes on once the gate is open.
GATED = """
import os, time
from radius_mfa.backends.local import LocalPasswords

_check = LocalPasswords.check
notes = os.open({notes!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def check(self, *asked):
    os.write(notes, b"+")
    while not os.path.exists({gate!r}):
        time.sleep(0.01)
    try:
        return _check(self, *asked)
    finally:
        os.write(notes, b"-")


LocalPasswords.check = check


def before_send(reply):
    pass
"""


class Gate:
    """Keeps all passwords of the daemon waiting inside their slots."""

    def __init__(self, directory: Path) -> None:
        self.notes, self.path = directory / "notes", directory / "gate"
        self.notes.touch()
        self.hook = GATED.format(notes=str(self.notes), gate=str(self.path))

    def open(self) -> None:
        self.path.touch()

    @property
    def begun(self) -> int:
        return self.notes.read_text().count("+")

    @property
    def most_at_once(self) -> int:
        steps = (1 if note == "+" else -1 for note in self.notes.read_text())
        return max(itertools.accumulate(steps, initial=0))


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


@pytest.fixture
def server(start: Start, gate: Gate) -> Server:
    return start(hook=gate.hook, more="passwords: {hash_memory: 32MiB}\n")


def test_a_crowd_gets_its_slots_and_the_rest_is_dropped(server: Server, gate: Gate) -> None:
    """No more at once than memory is for; Status-Server is answered meanwhile, and nobody waits for ever."""
    alice = server.add_user("alice")
    client, admin = server.client(), server.client()
    for number in range(CROWD):
        client.send(client.request(f"user{number}", "wrong"))
    wait_for(lambda: server.dropped("test") >= CROWD - QUEUE - SLOTS, "a full queue")
    wait_for(lambda: gate.begun, "a password in a slot")
    assert "accept" == admin.ask(admin.status()).result
    assert SLOTS == gate.begun
    gate.open()
    rejected = 0
    while rejected + server.dropped("test") < CROWD:
        reply = client.receive(0.05)
        if reply is not None:
            assert "reject" == reply.result
            rejected += 1
    assert 0 < rejected <= QUEUE + SLOTS
    assert SLOTS == gate.most_at_once
    assert "challenge" == client.ask(client.request("alice", alice.password)).result
