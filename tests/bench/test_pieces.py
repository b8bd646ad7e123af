"""Where the microseconds of a login go: a worker's own loop in one process, with a clock at each of its pieces."""

from __future__ import annotations

import json
import os
import select
import socket
import traceback
from collections import Counter
from pathlib import Path

import pyotp
import pytest

from radius_mfa.audit import AuditFile
from radius_mfa.auth import flow
from radius_mfa.daemon.generation import Generation
from radius_mfa.radius import duplicates
from radius_mfa.radius.attributes import problems
from radius_mfa.radius.codec import Request
from radius_mfa.radius.duplicates import Duplicates
from radius_mfa.settings import load
from radius_mfa.store.remembered import RememberedPasswords
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tries import SharedTries
from radius_mfa.transport.lifeline import Lifeline
from radius_mfa.transport.sockets import Listener
from tests.bench import report
from tests.bench.contest import QUICK
from tests.bench.ours import RadiusMfa
from tests.bench.population import CHEAP, DIALOGUES, PASSWORD, make_store, name, secret_base32
from tests.bench.stopwatch import Stopwatch
from tests.daemon.raw import RawClient, Reply
from tests.daemon.server import SECRET

BATCH = 64
BATCHES = 20 if QUICK else 100
USERS = BATCH * BATCHES
WARM = "warm"
LOOP = "loop"
"""What is none of the pieces: the worker's loop, the authenticator, the door."""


def watch_pieces(watch: Stopwatch) -> None:
    """A clock at each piece of a login, by the names they have in radius_mfa."""
    watch.time("receive", Listener, "receive")
    watch.time("decode", Request, "decode", "verify", "login")
    watch.time("duplicates", Duplicates, "look", "begin", "finish")
    watch.time("duplicates", duplicates, "key", "digest")
    watch.time("tries", SharedTries, "room", "take", "give_back")
    watch.time("remembered", RememberedPasswords, "has")
    watch.time("lookup", SqliteStore, "load_all", "knows")
    watch.time_generators("flow", flow, "login")
    watch.time("commit", SqliteStore, "commit")
    watch.time("audit", AuditFile, "write")
    watch.time("sign", Request, "answer")
    watch.time("send", Listener, "send")


@pytest.mark.bench
@pytest.mark.needs_root
@pytest.mark.parametrize("dialogue", DIALOGUES)
def test_where_the_time_goes(tmp_path: Path, dialogue: str) -> None:
    """Microseconds of each piece of a login in batches of 64."""
    make_store(tmp_path / "store.db", USERS, CHEAP.hash(PASSWORD))
    daemon = RadiusMfa(tmp_path / "server", tmp_path / "store.db", 1)
    daemon.server.configure()
    laps = in_a_process_of_its_own(daemon.server.config, dialogue, tmp_path / "laps")
    pieces = {piece: undisturbed([lap.get(piece, 0) for lap in laps]) / BATCH / 1000 for piece in set().union(*laps)}
    whole = sum(pieces.values())
    report.record(f"pieces, {dialogue}", pieces)
    by_size = sorted(pieces.items(), key=lambda one: -one[1])
    rows = [[piece, spent, f"{100 * spent / whole:.0f} %"] for piece, spent in by_size]
    report.show(f"{dialogue}: where {whole:.0f} us of a login go", ["", "us", ""], rows)


def undisturbed(nanoseconds: list[int]) -> int:
    """What a piece takes when nothing comes between: a tenth of the batches took less."""
    return sorted(nanoseconds)[len(nanoseconds) // 10]


def in_a_process_of_its_own(config: Path, dialogue: str, out: Path) -> list[dict[str, int]]:
    """The laps of a worker, one a batch: it changes its process for good, and its classes are changed for it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            out.write_text(json.dumps(_rehearse(config, dialogue)))
            status = 0
        except Exception:  # noqa: BLE001 - whatever it is, pytest has to stay in the other process
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    laps: list[dict[str, int]] = json.loads(out.read_text())
    return laps


def _rehearse(config: Path, dialogue: str) -> list[Counter[str]]:
    watch = Stopwatch()
    watch_pieces(watch)
    program = Generation(config, load(config, problems), 1, os.urandom(32), None)
    program.preflight()
    program.settle()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        bound.bind(("127.0.0.1", 0))
        rehearsal = Rehearsal(watch, bound.getsockname(), dialogue)
        program.work(0, [bound], rehearsal)
    return rehearsal.laps


class Rehearsal(Lifeline):
    """The lifeline of a worker that is its only client's too: between two turns all its logins go one round further.

    So client and server never run at the same time, and every turn finds a whole batch. Before, each user gives the
    password once, so that it is remembered.
    """

    def __init__(self, watch: Stopwatch, server: tuple[str, int], dialogue: str) -> None:
        self.stopping = False
        self.laps: list[Counter[str]] = []
        self._watch = watch
        self._dialogue = dialogue
        self._clients = {name: RawClient(server, SECRET.encode(), source) for name, source in DIALOGUES.items()}
        batches = range(0, USERS, BATCH)
        self._batches = iter([*((WARM, first) for first in batches), *((dialogue, first) for first in batches)])
        self._act = ""
        self._asked: dict[int, int] = {}
        """The user of each Identifier that waits for its reply."""

    def watch(self, poll: select.poll) -> None:
        """Nobody signals."""

    def orphaned(self, events: list[tuple[int, int]]) -> bool:
        return False

    def beat(self) -> None:
        if self._act:
            self._watch.end()
        while self._asked and (reply := self._client.receive(0)) is not None:
            self._take(reply)
        if not self._asked:
            self._next_batch()
        self._watch.begin(LOOP)

    @property
    def _client(self) -> RawClient:
        return self._clients["challenge" if self._act == WARM else self._dialogue]

    def _take(self, reply: Reply) -> None:
        user = self._asked.pop(reply.octets[1])
        if reply.result == "challenge" and self._act != WARM:
            self._ask(user, self._code(user), reply.state)
        else:
            assert reply.result in {"accept", "challenge"}, reply

    def _next_batch(self) -> None:
        lap = self._watch.lap()
        if self._act == self._dialogue:
            self.laps.append(lap)
        self._act, first = next(self._batches, ("", 0))
        self.stopping = not self._act
        for user in range(first, first + BATCH if self._act else first):
            self._ask(user, PASSWORD + (self._code(user) if self._act == "append" else ""), None)

    def _ask(self, user: int, typed: str, state: bytes | None) -> None:
        request = self._client.request(name(user), typed, state=state)
        self._asked[request[1]] = user
        self._client.send(request)

    def _code(self, user: int) -> str:
        return pyotp.TOTP(secret_base32(user)).now()
