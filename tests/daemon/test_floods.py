"""Floods of what is not worth an answer: they cost little, fill neither log nor memory, and logins go on."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.daemon.conftest import daemons
from tests.daemon.packets import assemble
from tests.daemon.processes import cpu, private
from tests.daemon.raw import RawClient
from tests.daemon.server import Server, User, wait_for

BURST = 100
"""Datagrams that wait in the sockets before a login comes."""
LOGINS = 15
CHEAPER = 5
"""So many datagrams of a flood cost less than a login, at least."""
MEBI = 1024 * 1024


def junk(attributes: list[tuple[int, bytes]]) -> bytes:
    """4,096 octets that nobody has signed, each time with another authenticator."""
    datagram = assemble(1, secrets.randbelow(256), secrets.token_bytes(16), attributes)
    assert len(datagram) == 4096
    return datagram


def many() -> bytes:
    return junk([(33, b"")] * 2038)


def few() -> bytes:
    return junk([(33, bytes(202))] * 19 + [(33, bytes(198))])


def log_in(server: Server, client: RawClient, user: User) -> str:
    """How a login ends whose request is sent once."""
    client.send(client.request(user.name, user.code(), state=server.seal_state(user)))
    reply = client.receive()
    assert reply is not None, "the login was lost"
    return reply.result


def computed(server: Server) -> float:
    return sum(map(cpu, server.udp_workers()))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Four workers for all floods."""
    with daemons(tmp_path_factory.mktemp("flooded")) as one:
        yield one(workers=4)


@pytest.mark.parametrize(
    ("datagram", "sources", "lines"),
    [(many, ["127.0.0.1"], 4), (few, ["127.0.0.1"], 4), (many, [f"127.0.9.{last}" for last in range(1, 201)], 60)],
    ids=["many attributes", "few attributes", "strangers"],
)
def test_a_flood_keeps_nobody_out(
    server: Server, datagram: Callable[[], bytes], sources: list[str], lines: int
) -> None:
    """Unsigned datagrams of a client, or of 200 strangers, before every login (THREATS 87, 88).

    Each is counted and dropped at a fifth of a login's cost at most, the log has a line a second, and no login is lost.
    """
    client, users = server.client(), [server.add_user() for _ in range(2 * LOGINS)]
    flooders = [server.client(source) for source in sources]
    dropped, said = "test" if sources == ["127.0.0.1"] else "", server.log().count("dropped a datagram")
    drops, idle = server.dropped(dropped), computed(server)
    assert {"accept"} == {log_in(server, client, user) for user in users[:LOGINS]}
    one_login = (computed(server) - idle) / LOGINS
    before, memory = computed(server), sum(map(private, server.udp_workers()))
    for user in users[LOGINS:]:
        for number in range(BURST):
            flooders[number % len(flooders)].send(datagram())
        assert "accept" == log_in(server, client, user)
    wait_for(lambda: server.dropped(dropped) - drops == LOGINS * BURST, "the end of the flood")
    one_drop = (computed(server) - before - LOGINS * one_login) / (LOGINS * BURST)
    print(f"\na drop costs {one_drop * 1e6:.1f} us, a login {one_login * 1e6:.0f}")
    assert one_drop * CHEAPER < one_login
    assert 0 < server.log().count("dropped a datagram") - said <= lines
    assert sum(map(private, server.udp_workers())) - memory < 8 * MEBI
