"""The daemon's PAM door as a program: `door_daemon.py CONFIGURATION`, which is JSON.

The listening socket and the heartbeat are inherited. Started as root, it goes on as `uid`.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from radius_mfa import log
from radius_mfa.audit import AuditFile
from radius_mfa.auth.asks import Checked
from radius_mfa.auth.model import Account
from radius_mfa.auth.policy import Names, Rules
from radius_mfa.auth.tries import TryLimits
from radius_mfa.backends.local import LocalPasswords
from radius_mfa.backends.slots import HashSlots
from radius_mfa.service import Authenticator
from radius_mfa.store import shared
from radius_mfa.store.database import Database
from radius_mfa.store.keys import MasterKey
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tries import SharedTries
from radius_mfa.transport import pam_conversation, pam_door, pam_socket, pam_terminal, turns
from radius_mfa.transport.lifeline import Lifeline
from radius_mfa.transport.pam_door import PamDoor, service

MODULES = {
    module.__name__.rpartition(".")[2]: module
    for module in (pam_conversation, pam_door, pam_socket, pam_terminal, turns)
}


class FileClock:
    """The time of day is what a file says."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> float:
        return float(self._path.read_text())

    def monotonic(self) -> float:
        return time.monotonic()


class Backend(LocalPasswords):
    """Local passwords; `hang` never comes back, and each password that is asked about leaves its length on record."""

    def __init__(self, asked: Path) -> None:
        super().__init__()
        self._asked = asked

    def check(self, account: Account | None, name: str, password: bytes, rhost: str) -> Checked:
        with self._asked.open("a") as record:
            record.write(f"{len(password)}\n")
        if password == b"hang":
            threading.Event().wait()
        return super().check(account, name, password, rhost)


def main(given: dict[str, Any]) -> None:
    log.configure("text", "info")
    resource.setrlimit(resource.RLIMIT_NOFILE, (given["descriptors"],) * 2)
    for name, value in given["constants"].items():
        module, _, constant = name.partition(".")
        setattr(MODULES[module], constant, value)
    directory = Path(given["directory"])
    clock = FileClock(directory / "now")
    path = directory / "radius-mfa.db"
    database = Database.open(path, MasterKey.read(directory / "master.key"), clock)
    slots = HashSlots(given["threads"], given["queue"], clock)
    rules = Rules(names=Names(realms=frozenset({"example.com"})), mails=True, low=0)
    shared_file = f"{path}.shared"
    shared.create(shared_file, 1, 1, [], os.urandom(32))
    authenticator = Authenticator(
        rules, SqliteStore(path, database.keys, clock), {"local": Backend(directory / "asked")}, slots,
        AuditFile(given["audit"]), clock, os.urandom, SharedTries(shared_file, 0, TryLimits(1000, 1000)),
    )  # fmt: skip
    rounds = turns.Turns(authenticator, slots, clock)
    door = PamDoor(
        services={name: service(name, **how) for name, how in given["services"].items()},
        judge=rounds.judge,
        clock=clock,
        random=os.urandom,
        fail_delay=given["fail_delay"],
    )
    os.setgroups([])
    os.setgid(given["uid"])
    os.setuid(given["uid"])
    pam_socket.serve(socket.socket(fileno=given["listener"]), door, rounds, Lifeline(given["heartbeat"], clock))
    os._exit(0)  # whatever a password that hangs holds up


main(json.loads(sys.argv[1]))
