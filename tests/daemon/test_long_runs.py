"""What has to stay as it is, however long it goes on: memory, speed, and that every request is answered."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from tests.daemon.conftest import Start
from tests.daemon.crowd import LOOPBACK
from tests.daemon.packets import SIGNATURE, assemble, hidden, sign
from tests.daemon.processes import cpu, private
from tests.daemon.raw import RawClient
from tests.daemon.server import Server, User, wait_for

PASSWORD = "a password like no other"
AT_ONCE = 25
"""Requests that wait for their replies at a time, each of another user: those of one would wait for each other."""
RELOADS = 100
REPLIES = 8 << 20
"""Octets that a worker may keep of replies (radius/duplicates.py)."""
SPARE = 6 << 20
"""Octets that a worker may have more than before all the same."""


def quick_users(server: Server) -> list[User]:
    """Users whose passwords are checked in no time."""
    users = [server.add_user(password=PASSWORD) for _ in range(AT_ONCE)]
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with server.database.write() as connection:
        connection.exec_driver_sql("UPDATE account SET password_hash = ?", (cheap,))
    return users


def ask(client: RawClient, users: list[User], count: int) -> set[bytes]:
    """Right passwords, each sent once; the States of their challenges, of which none is answered."""
    states = set()
    for _ in range(0, count, AT_ONCE):
        for user in users:
            client.send(client.request(user.name, user.password))
        for _ in users:
            if (reply := client.receive()) is not None:
                states.add(reply.state)
    return states


def computed(server: Server) -> float:
    return sum(map(cpu, server.udp_workers()))


@pytest.mark.parametrize("count", [1000, pytest.param(20_000, marks=pytest.mark.soak)])
def test_challenges_leave_nothing_behind(start: Start, count: int) -> None:
    """However many are left unanswered: no row in the store, no password in its files or in a State (THREATS 21).

    Memory and the cost of a challenge stay as they are.
    """
    server = start(workers=2)
    client, users = server.client(), quick_users(server)
    ask(client, users, AT_ONCE)
    rows, memory, costs, states = server.database_rows(), [private(pid) for pid in server.udp_workers()], [], set()
    for _ in range(4):
        before = computed(server)
        states |= ask(client, users, count // 4)
        costs.append(computed(server) - before)
    grown = max(private(pid) - at_first for pid, at_first in zip(server.udp_workers(), memory, strict=True))
    print(f"\n{count} challenges: {grown >> 10} KiB more, cost by quarters: {[round(each, 2) for each in costs]}")
    assert server.database_rows() == rows
    assert len(states) == count
    assert grown < REPLIES + SPARE
    assert costs[-1] < 1.5 * costs[0]
    needle = PASSWORD.encode()
    assert not any(needle in state for state in states)
    for file in server.directory.iterdir():
        assert needle not in file.read_bytes(), file


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_replies_that_are_kept_have_their_room(start: Start) -> None:
    """A million signed requests, all different, from 200 ports: the replies that are kept stay bounded (THREATS 91)."""
    server = start(workers=2)
    clients = [server.client() for _ in range(200)]
    memory = [private(pid) for pid in server.udp_workers()]
    for number in range(1_000_000 // AT_ONCE):
        client = clients[number % len(clients)]
        for identifier in range(AT_ONCE):
            authenticator = secrets.token_bytes(16)
            name, password = (1, b"alice"), (2, hidden(b"123456", authenticator))
            attributes = [name, password, (24, b"none"), (SIGNATURE, bytes(16))]
            client.send(sign(assemble(1, identifier, authenticator, attributes)))
        for _ in range(AT_ONCE):
            client.next_octets()
    grown = max(private(pid) - at_first for pid, at_first in zip(server.udp_workers(), memory, strict=True))
    print(f"\na worker has grown by {grown >> 10} KiB")
    assert grown < REPLIES + SPARE


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_reloads_under_load_lose_nothing(start: Start) -> None:
    """Right passwords from four ports, each sent once, while generations change: none is lost (THREATS 104).

    test_supervision has the short run. Every fourth configuration is wrong, and the old one stays. What a host that is
    too busy drops in time is no loss.
    """
    server = start(clients=LOOPBACK, workers=4)
    crowds, over = [quick_users(server) for _ in range(4)], threading.Event()

    def go_on(users: list[User]) -> Counter[str]:
        done, client = Counter[str](), server.client()
        while not over.is_set():
            done += Counter(asked=AT_ONCE, answered=len(ask(client, users, AT_ONCE)))
        return done

    with ThreadPoolExecutor(len(crowds)) as load:
        asking = [load.submit(go_on, users) for users in crowds]
        try:
            for number in range(1, RELOADS + 1):
                server.more = "nonsense: 1\n" if number % 4 == 0 else ""
                server.reload()
        finally:
            over.set()
        done = sum((one.result() for one in asking), Counter[str]())
    dropped = server.dropped("test")
    print(f"\n{RELOADS} reloads, {done['asked']} requests, {done['answered']} answered, {dropped} dropped")
    assert done["asked"] - done["answered"] <= dropped
    assert server.log().count("not reloaded") == RELOADS // 4
    wait_for(lambda: len(server.children()) == 5, "the end of the old generations")
    assert "silent" not in server.log()
