"""Do logins and enrolments wait while the mail server hangs? Prints the figures of THREATS 49."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

import pytest

from tests.daemon.conftest import Start
from tests.daemon.mailbox import edit, invitations, newcomers, received, wait_until_sent
from tests.daemon.mails import by_smtp
from tests.daemon.raw import RawClient
from tests.daemon.server import PASSWORD, Server, User
from tests.mail.faults import FaultyServer, black_hole

LOGINS = int(os.environ.get("SAMPLES", "2000")) // 4
INVITED = 60
MANY = "enrollment: {per_minute: 10000}\n"
RECOVERY = 60.0
"""Seconds in which every mail has to leave once the server is back (THREATS 49)."""


Step = Callable[[Server, RawClient, User], None]


@pytest.mark.bench
def test_nobody_waits_for_a_mail_server_that_hangs(start: Start) -> None:
    """Milliseconds of whole logins and of first rounds that enrol, with a server that works and one that hangs."""
    with FaultyServer() as works:
        with FaultyServer({"": black_hole}) as hangs:
            servers = {
                name: start(more=by_smtp(there, "5s") + MANY) for name, there in (("works", works), ("hangs", hangs))
            }
            invited = {name: newcomers(server, INVITED) for name, server in servers.items()}
            enrolled = {name: [server.add_user() for _ in range(10)] for name, server in servers.items()}
            times = {"enrolment": measure(servers, invited, INVITED, enrol)}
            wait_until_sent(servers["works"], RECOVERY)
            times["login"] = measure(servers, enrolled, LOGINS, log_in)
        with FaultyServer(port=hangs.port) as back:
            took = wait_until_sent(servers["hangs"], RECOVERY)
    print(f"\n{'':10} {'n':>5} {'p50 ms':>8} {'p99 ms':>8}   the mail server")
    for what, of_servers in times.items():
        for name, values in of_servers.items():
            p50, p99 = (sorted(values)[len(values) * part // 100] for part in (50, 99))
            print(f"{what:10} {len(values):5} {p50:8.1f} {p99:8.1f}   {name}")
    print(f"{INVITED} mails that waited have left {took:.1f} s after the server came back")
    assert invitations(received(back.mails)) == {f"{user.name}@example.com": 1 for user in invited["hangs"]}


def measure(
    servers: dict[str, Server], users: dict[str, list[User]], number: int, step: Step
) -> dict[str, list[float]]:  # fmt: skip
    """Milliseconds of each step, one server and user after the other, the servers in random order."""
    clients = {name: server.client() for name, server in servers.items()}
    times: dict[str, list[float]] = {name: [] for name in servers}
    for index in range(number):
        for name in random.sample(sorted(servers), len(servers)):
            server, user = servers[name], users[name][index % len(users[name])]
            edit(server, "UPDATE token SET last_step = 0 WHERE account_id = ?", user.id)
            start = time.perf_counter()
            step(server, clients[name], user)
            times[name].append((time.perf_counter() - start) * 1000)
    return times


def enrol(server: Server, client: RawClient, user: User) -> None:
    assert client.ask(client.request(user.name, PASSWORD)).result == "challenge"


def log_in(server: Server, client: RawClient, user: User) -> None:
    challenge = client.ask(client.request(user.name, PASSWORD))
    assert client.ask(client.request(user.name, user.code(), state=challenge.state)).result == "accept"
