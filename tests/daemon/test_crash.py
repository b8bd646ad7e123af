"""The daemon dies between the commit and the reply."""

from __future__ import annotations

import pytest

from radius_mfa.store import accounts, codes, tokens
from tests.daemon.conftest import Start
from tests.daemon.raw import RawClient
from tests.daemon.server import Server, User, wait_for

# Runs in the worker, before each reply: the first Accept takes the whole daemon with it.
DIE = """
import os, signal
from pathlib import Path

def before_send(reply):
    if reply[0] == 2 and not Path("died").exists():
        Path("died").touch()
        os.kill(os.getppid(), signal.SIGKILL)
        os._exit(9)
"""
RECOVERY = "ABCDEFGHIJKLMNOP"


@pytest.fixture
def mortal(start: Start) -> Server:
    """A daemon that dies before its first Accept leaves."""
    return start(hook=DIE)


def dies_of(server: Server, client: RawClient, request: bytes) -> None:
    """Send a request whose Accept is never sent, and start the daemon again."""
    assert server.process is not None
    client.send(request)
    assert server.process.wait(20) == -9
    server.process = None
    assert client.receive(0) is None
    wait_for(server.port_is_free, "the end of the children")
    server.start()


@pytest.mark.parametrize("code", ["totp", "recovery"])
def test_the_accept_survives_a_crash(mortal: Server, code: str) -> None:
    """Killed between commit and send: the retransmission gets the Accept, another request with that code does not."""
    user, client = mortal.add_user(recovery=[RECOVERY]), mortal.client()
    answer = user.code() if code == "totp" else RECOVERY
    challenge = client.ask(client.request(user.name, user.password))
    request = client.request(user.name, answer, state=challenge.state, identifier=1)
    dies_of(mortal, client, request)
    accept = client.ask(request)
    assert accept.result == "accept"
    assert client.ask(request).octets == accept.octets
    assert client.ask(client.request(user.name, answer, state=mortal.seal_state(user))).result == "reject"
    assert client.ask(client.request(user.name, answer, state=challenge.state)).result == "reject"
    said = [(line["result"], line["reason"]) for line in mortal.audit_of(user.name)]
    assert ("accept", "repeated") in said
    assert sum(result == "accept" for result, _ in said) == 2  # before the crash, and when it was sent


def test_the_stored_accept_is_for_its_datagram_alone(mortal: Server) -> None:
    """The same attributes from another port are another request: Reject (THREATS 71)."""
    user, client, other = mortal.add_user(), mortal.client(), mortal.client()
    request = client.request(user.name, user.code(), state=mortal.seal_state(user))
    dies_of(mortal, client, request)
    assert other.replay(request)[0] == 3
    assert client.ask(request).result == "accept"


def test_the_stored_accept_does_not_last(mortal: Server) -> None:
    """31 s after the crash the retransmission is a Reject."""
    user, client = mortal.add_user(), mortal.client()
    request = client.request(user.name, user.code(), state=mortal.seal_state(user))
    dies_of(mortal, client, request)
    mortal.age_stored_replies(31.0)
    assert client.ask(request).result == "reject"


def test_a_dead_state_stays_dead_over_a_crash(start: Start) -> None:
    """A State killed by a wrong code, the right code on it, a crash, the same again: never an Accept, step unused."""
    server = start()
    user, client = server.add_user(), server.client()
    state = server.seal_state(user)
    assert client.ask(client.request(user.name, wrong_code(user), state=state)).result == "reject"
    right = client.request(user.name, user.code(), state=state)
    assert client.ask(right).result == "reject"
    server.kill()
    server.start()
    assert client.ask(right).result == "reject"
    assert [token.last_step for token in tokens.all_tokens(server.database, user.name)] == [0]
    assert not [line for line in server.audit_of(user.name) if line["result"] == "accept"]
    assert client.ask(client.request(user.name, user.code(), state=server.seal_state(user))).result == "accept"


def test_what_was_committed_is_there_after_a_crash(start: Start) -> None:
    """Killed at once after a reply: the step is taken, the failure counted, the recovery code used."""
    server = start()
    user, client = server.add_user(recovery=[RECOVERY]), server.client()
    assert client.ask(client.request(user.name, wrong_code(user), state=server.seal_state(user))).result == "reject"
    server.kill()
    assert accounts.get(server.database, user.name).failures == 1
    server.start()
    assert client.ask(client.request(user.name, RECOVERY, state=server.seal_state(user))).result == "accept"
    server.kill()
    server.start()
    assert codes.count(server.database, user.name) == 0
    assert accounts.get(server.database, user.name).failures == 0


def wrong_code(user: User) -> str:
    """A code that the authenticator shows neither now, nor a day before or ten minutes later, nor ever has."""
    near = {user.code(step) for step in range(-3000, 30)}
    return next(code for code in (f"{number:06}" for number in range(1_000_000)) if code not in near)
