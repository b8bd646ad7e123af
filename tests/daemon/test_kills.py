"""kill -9 at any moment, again and again: a code is accepted once, everybody gets in, nothing is damaged (P2)."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from radius_mfa.store import fitness
from tests.daemon.conftest import Start
from tests.daemon.crowd import LOOPBACK, crowd, source_of, submit
from tests.daemon.processes import alive
from tests.daemon.raw import RawClient
from tests.daemon.server import Server, User, wait_for

RIVALS = 3
"""Requests at a time for each of these codes: one of them may get in."""
RECOVERY = "ABCDEFGHIJKLMNOP"
DEATHS = ["worker", "worker", "child", "worker", "worker", "worker", "supervisor", "worker"]


@dataclass
class Ledger:
    """The replies to all requests, by the code that they showed."""

    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: set[tuple[str, str]] = field(default_factory=set)

    def logins(self, server: Server, clients: list[RawClient], users: list[User]) -> None:
        """All of them at once, asked again until they are answered."""
        shown, requests = [], []
        for number, user in enumerate(users):
            for code in (user.code(), RECOVERY):
                for rival in range(RIVALS):
                    place = (number + rival) % len(clients)
                    state = server.seal_state(user, source=source_of(place))
                    requests.append((clients[place], clients[place].request(user.name, code, state=state)))
                    shown.append((user.name, code))
        self.asked.update(shown)
        for what, reply in zip(shown, submit(requests, pause=0.2), strict=True):
            self.accepted[what] += reply.result == "accept"

    def check(self, server: Server) -> int:
        """At most one Accept for each code, in what was sent and in what was written down; how many had none."""
        assert max(self.accepted.values()) == 1
        told = defaultdict(set)
        for line in server.audit_lines():
            if line["result"] == "accept":
                told[line["account"], line["method"]].add(line["request_id"])
        assert all(len(requests) == 1 for requests in told.values())
        return len(self.asked) - self.accepted.total()


def pids(server: Server, who: str) -> list[int]:
    """Those of the workers, or of all other children."""
    workers = server.udp_workers()
    return workers if who == "worker" else sorted(set(server.children()) - set(workers))


def kill(server: Server, who: str, chance: random.Random) -> None:
    """A worker, any other child, or the supervisor, at some moment. After the last the daemon is started again."""
    assert server.process is not None
    time.sleep(chance.uniform(0, 0.05))
    if who != "supervisor":
        os.kill(chance.choice(wait_for(lambda: pids(server, who), f"a {who}")), signal.SIGKILL)
        return
    children = server.children()
    server.process.kill()
    server.process.wait(20)
    wait_for(lambda: not any(alive(pid) for pid in children), "the end of the children")
    server.start()


@pytest.mark.parametrize(
    ("deaths", "size"), [(8, 4), pytest.param(500, 10, marks=[pytest.mark.soak, pytest.mark.timeout(7200)])]
)
def test_a_code_is_taken_once_whoever_dies(start: Start, deaths: int, size: int) -> None:
    """Four workers, and kill -9 of a process while so many users log in, with rivals: one Accept a code (THREATS 70).

    Each of them logs in once with a code and once with a recovery code.
    """
    server, chance, ledger = start(clients=LOOPBACK, workers=4), random.Random(deaths), Ledger()
    with crowd(server, size=size) as clients, ThreadPoolExecutor(1) as killer:
        for who in itertools.islice(itertools.cycle(DEATHS), deaths):
            users = [server.add_user(recovery=[RECOVERY]) for _ in range(size)]
            death = killer.submit(kill, server, who, chance)
            ledger.logins(server, clients, users)
            death.result()
        failed = ledger.check(server)
    print(f"\n{deaths} deaths, {len(ledger.asked)} codes: {ledger.accepted.total()} accepted once, {failed} never")
    assert failed <= deaths
    assert len(ledger.asked) == deaths * size * 2
    fitness.check(server.store)
