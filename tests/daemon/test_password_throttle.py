"""Wrong passwords for somebody else: they neither find the password nor keep its owner out (DESIGN 7)."""

from __future__ import annotations

from collections import Counter

import pytest

from radius_mfa.store import accounts
from tests.daemon.conftest import Start
from tests.daemon.raw import RawClient, Reply
from tests.daemon.server import Server, User

ATTEMPTS = 5_000
AT_ONCE = 64
OFFICE, CAFE = "02-00-00-00-00-01", "02-00-00-00-00-66"


@pytest.fixture
def server(start: Start) -> Server:
    """Two workers: a request comes to either, and what one has counted the other knows."""
    return start(workers=2)


def ask(client: RawClient, user: User, password: str, station: str, state: bytes | None = None) -> Reply:
    return client.ask(client.request(user.name, password, state=state, more=[("Calling-Station-Id", station)]))


def log_in(client: RawClient, user: User, station: str, steps: int = 0) -> str:
    """How a login with password and code ends; the answers have to come within the time that a client waits."""
    reply = ask(client, user, user.password, station)
    if reply.result == "challenge":
        reply = ask(client, user, user.code(steps), station, reply.state)
    return reply.result


def flood(server: Server, name: str, attempts: int) -> None:
    """Send so many wrong passwords from eight stations as fast as the daemon reads them, whatever becomes of them."""
    client = server.client()
    for number in range(attempts):
        station = f"{CAFE}:{number % 8}"
        client.send(client.request(name, f"guess {number}", more=[("Calling-Station-Id", station)]))
        if number % AT_ONCE == 0:
            client.send(client.status())
            while (reply := client.receive()) is not None and reply.octets[0] != 2:
                assert reply.result == "reject"


def reasons(server: Server, name: str) -> Counter[str]:
    return Counter(line["reason"] for line in server.audit_of(name))


def test_a_flood_of_wrong_passwords_keeps_nobody_out(server: Server) -> None:
    """THREATS 33: after a flood from elsewhere alice gets in from where she always does, and no row has changed."""
    alice = server.add_user("alice")
    client = server.client()
    assert "accept" == log_in(client, alice, OFFICE)
    before = server.database_rows()
    flood(server, "alice", ATTEMPTS)
    after = server.database_rows()
    assert (before["account"], before["token"]) == (after["account"], after["token"])
    assert "accept" == log_in(client, alice, OFFICE, steps=1)
    row = accounts.get(server.database, "alice")
    assert (0, 0, 0.0) == (row.failures, row.window_failures, row.locked_until)
    found = reasons(server, "alice")
    assert found["wrong-password"] in {20, 21}  # of two at the same moment none sees the other
    assert found["throttled"] > 20


def test_whoever_is_throttled_is_told_what_a_wrong_password_is_told(server: Server) -> None:
    """From a place the account is not known from the right password is as good as a wrong one, until an unlock."""
    alice = server.add_user("alice")
    client = server.client()
    wrong = [ask(client, alice, "wrong", CAFE) for _ in range(7)]
    right = ask(client, alice, alice.password, CAFE)
    assert {("reject", str(wrong[0].attributes.get("Reply-Message")), len(wrong[0].octets))} == {
        (reply.result, str(reply.attributes.get("Reply-Message")), len(reply.octets)) for reply in [*wrong, right]
    }
    assert Counter({"wrong-password": 5, "throttled": 3}) == reasons(server, "alice")
    assert "accept" == log_in(client, alice, OFFICE)
    accounts.unlock(server.database, "alice")
    assert "accept" == log_in(client, alice, CAFE, steps=1)


def test_many_places_are_no_way_around(server: Server) -> None:
    """Twenty wrong passwords of one account are looked at, from however many places."""
    alice = server.add_user("alice")
    client = server.client()
    assert {"reject"} == {ask(client, alice, "wrong", f"place {number}").result for number in range(24)}
    assert Counter({"wrong-password": 20, "throttled": 4}) == reasons(server, "alice")


def test_a_reload_forgets_no_try_and_a_restart_all(server: Server) -> None:
    """SIGHUP begins no window anew; a start does."""
    alice = server.add_user("alice")
    client = server.client()
    for _ in range(5):
        ask(client, alice, "wrong", CAFE)
    server.reload()
    assert "reject" == log_in(client, alice, CAFE)
    server.restart()
    assert "accept" == log_in(client, alice, CAFE)
