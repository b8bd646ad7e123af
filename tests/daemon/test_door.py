"""The RADIUS side of a worker with a clock that the test turns: what depends on time, to the second."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import pytest

from radius_mfa.audit import AuditFile
from radius_mfa.auth.asks import Checked
from radius_mfa.auth.model import Account, ClientPolicy
from radius_mfa.auth.policy import Rules
from radius_mfa.backends.local import LocalPasswords
from radius_mfa.backends.slots import HashSlots
from radius_mfa.ports import PasswordBackend
from radius_mfa.radius.clients import Client, Clients
from radius_mfa.radius.duplicates import Duplicates
from radius_mfa.radius.secret import SharedSecret
from radius_mfa.radius.state import States
from radius_mfa.service import Authenticator
from radius_mfa.store import accounts, shared
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.transport import door
from radius_mfa.transport.sockets import Datagram, Listener
from tests.contract.stores import NoLimit
from tests.daemon.raw import RawClient
from tests.daemon.server import SECRET, Server, User

ACCEPT, REJECT, CHALLENGE = 2, 3, 11
HERE, THERE = ("127.0.0.1", 1812), ("127.0.0.1", 40000)


@dataclass
class HandClock:
    """A clock that stands still until it is put forward."""

    wall: float = field(default_factory=time.time)
    since: float = 0.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.since

    def forward(self, seconds: float) -> None:
        self.wall += seconds
        self.since += seconds


class Recorder(Listener):
    """Keeps what is sent, or refuses to send it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.refuses = False

    def send(self, reply: bytes, to: Datagram) -> None:
        if self.refuses:
            raise OSError(101, "Network is unreachable")
        self.sent.append(reply)


class NeverEnds:
    """A password backend that hangs until it is let go."""

    name, waits, brings = "local", False, False

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def check(self, account: Account | None, name: str, password: bytes, rhost: str) -> Checked:
        return Checked(passed=self.let_go.wait(30) and False)


class Bench:
    """A door on a real store, without sockets and processes."""

    def __init__(self, directory: Path, *, reject_delay: float = 0.0, passwords: PasswordBackend | None = None) -> None:
        self.server = Server(directory)
        self.clock = HandClock()
        self.listener = Recorder()
        self.slots = HashSlots(2, 100, self.clock)
        self.audit = AuditFile(str(self.server.audit_file))
        self.store = SqliteStore(self.server.store, self.server.database.keys, self.clock)
        shared.create(f"{self.server.store}.shared", 1, 1, ["test"], bytes(32))
        self.counters = shared.ClientCounters(f"{self.server.store}.shared", 0)
        self.authenticator = Authenticator(
            Rules(),
            self.store,
            {"local": passwords or LocalPasswords()},
            self.slots,
            self.audit,
            self.clock,
            os.urandom,
            NoLimit(),
        )
        client = Client("test", ip_network("127.0.0.1"), 0, ClientPolicy("test"), SharedSecret(SECRET.encode()))
        self.door = door.RadiusDoor(
            clients=Clients([client]),
            states=States(self.server.database.keys.state, os.urandom),
            known=Duplicates(lifetime=30.0),
            authenticator=self.authenticator,
            counters=self.counters,
            clock=self.clock,
            reject_delay=reject_delay,
        )
        self.client = RawClient(HERE, SECRET.encode())

    def begin(self, *datagrams: bytes) -> None:
        """One turn of the loop, without waiting for hashes."""
        arrived = [(self.listener, Datagram(octets, THERE, HERE, THERE)) for octets in datagrams]
        self.door.finish(self.authenticator.advance(self.door.take(arrived)))
        self.door.release()

    def turn(self, *datagrams: bytes) -> list[bytes]:
        """A turn, and turns until nothing waits for a hash; what was sent."""
        before = len(self.listener.sent)
        self.begin(*datagrams)
        while self.slots.pending:
            self.slots.wait()
            self.begin()
        return self.listener.sent[before:]

    def answer(self, user: User) -> bytes:
        """A right code on a new State, of the clock's time."""
        state = self.server.seal_state(user, age=time.time() - self.clock.wall)
        return self.client.request(user.name, user.totp.at(int(self.clock.wall)), state=state)

    def idle(self) -> bool:
        return self.door.idle

    def dropped(self) -> tuple[int, str]:
        (seen, _) = shared.read_clients(f"{self.server.store}.shared")
        return seen.drops, seen.reason

    def close(self) -> None:
        self.client.close()
        self.slots.close()
        self.store.close()
        self.audit.close()
        self.counters.close()
        self.server.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "bench")
    yield made
    made.close()


@pytest.fixture
def slow_bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "bench", reject_delay=1.0)
    yield made
    made.close()


def test_retransmissions_and_then_a_replay(bench: Bench) -> None:
    """At 0, 2 and 29 s the same bytes; at 60 s, out of the cache and the store, a Reject that counts nothing (5, 6)."""
    user = bench.server.add_user()
    request = bench.answer(user)
    (accept,) = bench.turn(request)
    assert accept[0] == ACCEPT
    for seconds in (2.0, 27.0):
        bench.clock.forward(seconds)
        assert bench.turn(request) == [accept]
    bench.clock.forward(31.0)
    (reject,) = bench.turn(request)
    assert reject[0] == REJECT
    assert accounts.get(bench.server.database, user.name).failures == 0
    assert ["accept", "reject"] == [line["result"] for line in bench.server.audit_of(user.name)]


@pytest.mark.parametrize(("age", "code"), [(119.0, ACCEPT), (121.0, REJECT)])
def test_a_challenge_is_answered_within_two_minutes(bench: Bench, age: float, code: int) -> None:
    """119 s after its challenge a right code is accepted, 121 s after it is not (THREATS 23)."""
    user = bench.server.add_user()
    (challenge,) = bench.turn(bench.client.request(user.name, user.password))
    assert challenge[0] == CHALLENGE
    state = challenge[40 : 40 + 76]
    assert challenge[38:40] == bytes((24, 78))
    bench.clock.forward(age)
    right = user.totp.at(int(bench.clock.wall))
    (reply,) = bench.turn(bench.client.request(user.name, right, state=state))
    assert reply[0] == code


def test_the_same_datagram_twice_in_a_turn_is_one_round(bench: Bench) -> None:
    """The repetition is at work already, and so is what contradicts it; the others of the turn are answered."""
    alice, bob = bench.server.add_user("alice"), bench.server.add_user("bob")
    request, other = bench.answer(alice), bench.answer(bob)
    conflict = request[:-1] + bytes((request[-1] ^ 1,))
    replies = bench.turn(request, request, conflict, b"junk", other)
    assert [2, 2] == [reply[0] for reply in replies]
    assert 3 == bench.dropped()[0]
    assert [replies[0]] == bench.turn(request)


def test_a_reject_waits_for_its_time(slow_bench: Bench) -> None:
    """A Reject leaves one second after its request came, not before; an Accept does not wait."""
    bench = slow_bench
    user = bench.server.add_user()
    assert bench.turn(bench.client.request(user.name, "123456", state=b"none")) == []
    (accept,) = bench.turn(bench.answer(user))
    assert accept[0] == ACCEPT
    bench.clock.forward(0.999)
    assert bench.turn() == []
    assert not bench.idle()
    bench.clock.forward(0.002)
    (reject,) = bench.turn()
    assert reject[0] == REJECT
    assert bench.idle()


def test_more_rejects_than_can_wait_are_dropped(slow_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the wheel is full a Reject is dropped as busy, and its datagram is new when it comes again."""
    bench = slow_bench
    monkeypatch.setattr(bench.door._rejects, "_limit", 1)
    first, second = (bench.client.request("alice", "123456", state=b"none", identifier=number) for number in (1, 2))
    assert bench.turn(first, second) == []
    assert bench.dropped() == (1, "busy")
    bench.clock.forward(1.1)
    assert [reply[1] for reply in bench.turn()] == [1]
    bench.turn(second)
    bench.clock.forward(1.1)
    assert [reply[1] for reply in bench.turn()] == [2]


def test_a_round_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    """10 s after it came a hanging login is dropped: it holds neither a place nor its duplicates, nor the end."""
    hanging = NeverEnds()
    bench = Bench(tmp_path / "bench", passwords=hanging)
    try:
        request = bench.client.request("alice", "password")
        bench.begin(request)
        bench.begin(request)
        assert bench.dropped() == (1, "duplicate-in-work")
        bench.clock.forward(9.9)
        bench.begin()
        assert not bench.idle()
        bench.clock.forward(0.2)
        bench.begin()
        assert bench.idle()
        assert bench.dropped() == (2, "deadline")
        hanging.let_go.set()
        assert bench.turn() == []  # what comes of it is told nobody
    finally:
        hanging.let_go.set()
        bench.close()


def test_a_reply_that_cannot_be_sent_is_said_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """When the network refuses, the log says so once a minute, and the reply waits for its duplicate."""
    bench.listener.refuses = True
    requests = [bench.client.request("alice", "123456", state=b"none", identifier=number) for number in range(10)]
    assert bench.turn(*requests) == []
    assert caplog.text.count("a reply to test was not sent: Network is unreachable") == 1
    bench.listener.refuses = False
    assert [reply[1] for reply in bench.turn(requests[3])] == [3]
