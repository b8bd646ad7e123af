"""radclient and radtest log in."""

from __future__ import annotations

import pytest

from tests.daemon.peers import Server, code, replies, run
from tests.daemon.peers.radclient import radclient, state

pytestmark = [
    pytest.mark.needs("radclient", package="freeradius-utils"),
    pytest.mark.needs("oathtool", package="oathtool"),
]


def test_radclient_answers_a_challenge_with_its_state(challenge_server: Server) -> None:
    """Password, Access-Challenge, code and State, Access-Accept."""
    alice = challenge_server.add_user()
    name = f'User-Name = "{alice.name}"'
    first = radclient(challenge_server, name, 'User-Password = "correct horse"')
    assert ["Access-Challenge"] == replies(first)
    assert "Reply-Message" in first
    assert "Prompt = No-Echo" in first
    second = radclient(challenge_server, name, f'User-Password = "{code(alice)}"', f"State = {state(first)}")
    assert ["Access-Accept"] == replies(second)


def test_radclient_is_refused_with_a_wrong_code(challenge_server: Server) -> None:
    """Password, Access-Challenge, a code that is none, Access-Reject."""
    name = f'User-Name = "{challenge_server.add_user().name}"'
    first = radclient(challenge_server, name, 'User-Password = "correct horse"')
    second = radclient(challenge_server, name, 'User-Password = "12345"', f"State = {state(first)}")
    assert ["Access-Reject"] == replies(second)


def test_radclient_appends_the_code(append_server: Server) -> None:
    """Password and code in one field, Access-Accept."""
    alice = append_server.add_user()
    got = radclient(append_server, f'User-Name = "{alice.name}"', f'User-Password = "correct horse{code(alice)}"')
    assert ["Access-Accept"] == replies(got)


def test_radtest_appends_the_code(append_server: Server) -> None:
    """radtest speaks PAP: password and code in one field, Access-Accept."""
    alice = append_server.add_user()
    where = f"{append_server.address}:{append_server.port}"
    got = run(["radtest", alice.name, f"correct horse{code(alice)}", where, "0", append_server.secret])
    assert ["Access-Accept"] == replies(got)


def test_radtest_is_challenged(challenge_server: Server) -> None:
    """radtest has no second round; the challenge is what it shows."""
    alice = challenge_server.add_user()
    where = f"{challenge_server.address}:{challenge_server.port}"
    got = run(["radtest", alice.name, "correct horse", where, "0", challenge_server.secret])
    assert ["Access-Challenge"] == replies(got)
