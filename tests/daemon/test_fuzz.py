"""Datagrams of nobody's making: none crashes the daemon, none is answered that was not signed, nothing grows."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.daemon.packets import UNSIGNED, assemble, hidden, is_signed, sign
from tests.daemon.processes import descriptors, rss
from tests.daemon.raw import RawClient
from tests.daemon.server import PASSWORD, Server

BATCH = 100  # datagrams on their way at once: so many fit into the smallest receive buffer


def seeds() -> list[list[tuple[int, bytes]]]:
    """Attributes of requests as clients send them. Those with a State are judged without a hash."""
    authenticator = bytes(range(16))
    password = (2, hidden(PASSWORD.encode(), authenticator))
    name, state = (1, b"alice"), (24, b"A" * 76)
    station = [(31, b"192.0.2.7"), (32, b"pbx"), (4, bytes((192, 0, 2, 1))), (5, bytes(4)), (61, bytes((0, 0, 0, 5)))]
    return [
        [name, password, state, UNSIGNED],
        [UNSIGNED, name, password, state, *station],
        [name, password, state, (33, b"proxy"), (33, b"state"), UNSIGNED],
        [name, (3, bytes(17)), (60, bytes(16)), UNSIGNED],
        [name, (79, b"\2\1\0\12\1alice"), UNSIGNED],
        [name, password, state, (26, b"\0\0\x7f\x08\1\6test"), (26, b"\0\0\1\x37\x0b\x12" + bytes(16)), UNSIGNED],
    ]


def mutated(packet: bytes, chance: random.Random) -> bytes:
    """The packet with one to four things done to it that no client does."""
    octets = bytearray(packet)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(octets)) if octets else 0
        match chance.randrange(7):
            case 0 if octets:
                octets[place] ^= 1 << chance.randrange(8)
            case 1 if octets:
                octets[place] = chance.choice((0, 1, 2, 3, 127, 128, 253, 254, 255))
            case 2:
                del octets[place:]
            case 3:
                octets[place:place] = chance.randbytes(chance.randint(1, 300))
            case 4:
                del octets[place : place + chance.randint(1, 20)]
            case 5:
                octets[2:4] = chance.choice((0, 19, 20, len(octets), len(octets) + 1, 4096, 4097, 65535)).to_bytes(2)
            case _:
                octets += octets[20:] * chance.randint(1, 3)
    return bytes(octets[:9000])


def signed_anew(packet: bytes) -> bytes:
    """What is left of a packet as a packet again: length and Message-Authenticator are put right."""
    body = bytes(packet[20:4000])
    head = packet[:2].ljust(2, b"\1") + (20 + len(body) + 18).to_bytes(2) + packet[4:20].ljust(16, b"\0")
    return sign(head + body + bytes((80, 18)) + bytes(16))


def plain(chance: random.Random, number: int) -> bytes:
    """A mutated request."""
    return mutated(sign(assemble(1, number % 256, chance.randbytes(16), chance.choice(seeds()))), chance)


def resigned(chance: random.Random, number: int) -> bytes:
    """A request whose attributes are mutated, signed by a client gone bad."""
    return signed_anew(mutated(assemble(1, number % 256, chance.randbytes(16), chance.choice(seeds())[:-1]), chance))


def replies_to(client: RawClient, datagrams: list[bytes]) -> list[bytes]:
    """All replies to datagrams that cost no hash.

    Behind them goes a request that is refused without a hash, and another one when the first is answered: every turn
    of the loop sends its replies before it takes more.
    """
    for datagram in datagrams:
        client.send(datagram)
    found: list[bytes] = []
    for _ in range(2):
        last = client.request("alice", "123456", state=b"none")
        client.send(last)
        octets = client.next_octets()
        while octets[1] != last[1] or not client.proves(octets):
            found.append(octets)
            octets = client.next_octets()
    return found


def batches(total: int, make: object, seed: int) -> Iterator[list[bytes]]:
    chance = random.Random(seed)
    assert callable(make)
    for first in range(0, total, BATCH):
        yield [make(chance, number) for number in range(first, first + BATCH)]


def refused(_: random.Random, number: int) -> bytes:
    """A request that is refused without a hash, and whose Reject is kept for a while."""
    authenticator = secrets.token_bytes(16)
    attributes = [(1, b"alice"), (2, hidden(b"123456", authenticator)), (24, b"A" * 76), UNSIGNED]
    return sign(assemble(1, number % 250, authenticator, attributes))


def fill_the_cache(client: RawClient, requests: int) -> None:
    """Have so many requests answered within the time of the duplicate cache; it has room for about 8,000."""
    for batch in batches(requests, refused, seed=0):
        assert len(replies_to(client, batch)) == BATCH


def log_in(server: Server, client: RawClient) -> None:
    """A new user answers a challenge and is accepted."""
    user = server.add_user()
    assert client.ask(client.request(user.name, user.code(), state=server.seal_state(user))).result == "accept"


@pytest.mark.parametrize("total", [100_000, pytest.param(1_000_000, marks=pytest.mark.fuzz)])
def test_mutated_datagrams(server: Server, total: int) -> None:
    """No crash, no reply to what was not signed, no growth; every thousandth packet is a login (THREATS 84)."""
    client, worker = server.client(), server.worker()
    fill_the_cache(client, 12_000)
    before = 0, 0
    for number, batch in enumerate(batches(total, plain, seed=84)):
        signed = Counter(datagram[1] for datagram in batch if is_signed(datagram))
        answered = Counter(reply[1] for reply in replies_to(client, batch))
        assert not answered - signed
        if number % 10 == 0:
            log_in(server, client)
        if number == total // BATCH // 10:
            before = rss(worker), len(descriptors(worker))
    assert server.worker() == worker
    assert len(descriptors(worker)) == before[1]
    assert rss(worker) < before[0] * 1.05
    assert "internal-error" not in server.log()
    assert len(server.log().splitlines()) < 100


@pytest.mark.parametrize("total", [20_000, pytest.param(300_000, marks=pytest.mark.fuzz)])
def test_mutated_and_signed_requests(server: Server, total: int) -> None:
    """What a malicious client signs is answered or dropped with its reason, never a fault (THREATS 85)."""
    server.add_user("alice")
    client, worker = server.client(), server.worker()
    answered = 0
    for batch in batches(total, resigned, seed=85):
        answered += len(replies_to(client, batch))
    assert answered > total // 100
    assert server.worker() == worker
    assert "internal-error" not in server.log()
    assert not [line for line in server.audit_lines() if line["reason"] == "internal-error"]
    assert not [line for line in server.audit_lines() if line["result"] == "accept"]


def test_memory_is_bounded(server: Server) -> None:
    """30,000 requests within the time of the duplicate cache: memory stops growing (THREATS 23)."""
    client, other, worker = server.client(), server.client(), server.worker()
    start = rss(worker)
    fill_the_cache(client, 15_000)
    half = rss(worker)
    fill_the_cache(client, 15_000)
    other.ask(other.status())
    assert rss(worker) < half * 1.05
    assert rss(worker) - start < 64 << 20
