"""Many clients at once, each from an address of its own, who ask again as clients do until they have their answer."""

from __future__ import annotations

import contextlib
import selectors
import time
from collections import Counter
from collections.abc import Iterator

from tests.daemon.raw import RawClient, Reply
from tests.daemon.server import Server

LOOPBACK = "- {shortname: test, ipaddr: 127.0.0.0/8, secret: SECRET}"
AGAIN = 2.0
"""Seconds after which a request without an answer is sent again."""


@contextlib.contextmanager
def crowd(*servers: Server, size: int) -> Iterator[list[RawClient]]:
    """`size` clients from 127.0.1.1 on, which turn to these servers one after the other."""
    members = []
    try:
        for number in range(size):
            server = servers[number % len(servers)]
            members.append(RawClient((server.address, server.port), server.secret.encode(), source_of(number)))
        yield members
    finally:
        for member in members:
            member.close()


def source_of(number: int) -> str:
    return f"127.0.{1 + number // 200}.{1 + number % 200}"


def submit(
    requests: list[tuple[RawClient, bytes]], patience: float = 90.0, pause: float = AGAIN
) -> list[Reply]:  # fmt: skip
    """Send them all at once, and again after each `pause`; the replies in the same order, all of them signed.

    A client has not more than one request of an Identifier here.
    """
    waiting = {(id(client), datagram[1]): index for index, (client, datagram) in enumerate(requests)}
    assert len(waiting) == len(requests)
    replies: dict[int, Reply] = {}
    with selectors.DefaultSelector() as selector:
        for client in {id(client): client for client, _ in requests}.values():
            selector.register(client.socket, selectors.EVENT_READ, client)
        deadline, again = time.monotonic() + patience, 0.0
        while waiting:
            now = time.monotonic()
            assert now < deadline, f"{len(waiting)} of {len(requests)} without an answer"
            if now >= again:
                again = now + pause
                for index in waiting.values():
                    client, datagram = requests[index]
                    client.send(datagram)
            for key, _ in selector.select(max(0.0, again - now)):
                _collect(key.data, waiting, replies)
    return [replies[index] for index in range(len(requests))]


def _collect(client: RawClient, waiting: dict[tuple[int, int], int], replies: dict[int, Reply]) -> None:
    while (reply := client.receive(0)) is not None:
        assert reply.signed
        index = waiting.pop((id(client), reply.octets[1]), None)
        if index is not None:
            replies[index] = reply


def results(replies: list[Reply]) -> Counter[str]:
    """How many of each kind."""
    return Counter(reply.result for reply in replies)
