"""What a UDP worker takes in one turn."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from radius_mfa.backends.slots import HashSlots
from radius_mfa.transport.sockets import Datagram, Listener
from radius_mfa.transport.udp import BATCH, UdpWorker
from tests.contract.stores import SetClock


class Turns:
    """Stands for all that a worker works with: counts what each turn takes, and ends it after so many."""

    def __init__(self, turns: int) -> None:
        self.taken: list[list[bytes]] = []
        self.idle = True
        self._left = turns

    # Its lifeline

    @property
    def stopping(self) -> bool:
        return self._left < 0

    def watch(self, poll: select.poll) -> None:
        """Nobody signals."""

    def beat(self) -> None:
        self._left -= 1
        self.taken.append([])

    def orphaned(self, events: list[tuple[int, int]]) -> bool:
        return self._left < 0

    # Its door

    def take(self, arrived: Iterable[tuple[Listener, Datagram]]) -> list[object]:
        self.taken[-1] += [datagram.data for _, datagram in arrived]
        return []

    def finish(self, ended: list[object]) -> None:
        assert ended == []

    def release(self) -> None:
        """No Reject waits."""

    def next_due(self) -> float:
        return 0.0

    # Its authenticator

    def advance(self, fresh: list[object]) -> list[object]:
        assert fresh == []
        return []


@pytest.fixture
def slots() -> Iterator[HashSlots]:
    made = HashSlots(1, 1, SetClock())
    yield made
    made.close()


@pytest.fixture
def listeners() -> Iterator[list[Listener]]:
    bound = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for _ in range(2)]
    for one in bound:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        one.bind(("127.0.0.1", 0))
    yield [Listener(one) for one in bound]
    for one in bound:
        one.close()


def send(listener: Listener, count: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(count):
            sender.sendto(b"%d" % number, listener.address)


def run(listeners: list[Listener], slots: HashSlots, turns: int) -> list[list[bytes]]:
    seen: Any = Turns(turns)
    UdpWorker(listeners, seen, seen, slots, seen, SetClock()).run()
    taken: list[list[bytes]] = seen.taken[:turns]
    return taken


def test_a_turn_takes_what_waits_up_to_its_bound(listeners: list[Listener], slots: HashSlots) -> None:
    """Sixty-four in the order in which they came, then the rest; nobody waits for more."""
    send(listeners[0], BATCH + 6)
    first, second, third = run(listeners, slots, 3)
    assert [b"%d" % number for number in range(64)] == first
    assert [b"%d" % number for number in range(64, 70)] == second
    assert [] == third


def test_every_socket_gets_its_share_of_a_turn(listeners: list[Listener], slots: HashSlots) -> None:
    """A flood at one address leaves room for the other."""
    for listener in listeners:
        send(listener, BATCH)
    first, second, _ = run(listeners, slots, 3)
    assert (64, 64) == (len(first), len(second))
    assert [b"%d" % number for number in range(32)] * 2 == first
