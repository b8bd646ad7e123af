"""FreeRADIUS stands in front as a proxy and insists on a Message-Authenticator."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.peers import Server, code, replies
from tests.daemon.peers.freeradius import SECRET, proxy, proxy_states
from tests.daemon.peers.radclient import radclient, state

pytestmark = [
    pytest.mark.needs("freeradius", package="freeradius"),
    pytest.mark.needs("radclient", package="freeradius-utils"),
    pytest.mark.needs("oathtool", package="oathtool"),
]


def test_a_proxy_carries_a_challenge_login(challenge_server: Server, tmp_path: Path) -> None:
    """State, Reply-Message and Prompt come through the proxy, its Proxy-State goes back, and the login is accepted."""
    alice = challenge_server.add_user()
    name = f'User-Name = "{alice.name}"'
    with proxy(challenge_server, tmp_path) as port:
        first = radclient(challenge_server, name, 'User-Password = "correct horse"', port=port, secret=SECRET)
        assert ["Access-Challenge"] == replies(first)
        assert "Reply-Message" in first
        assert "Prompt = No-Echo" in first
        answer = f'User-Password = "{code(alice)}"'
        second = radclient(challenge_server, name, answer, f"State = {state(first)}", port=port, secret=SECRET)
    assert ["Access-Accept"] == replies(second)
    sent = proxy_states(tmp_path, r"Sent Access-Request Id \d+ from 0.0.0.0")
    assert [1, 1] == [len(states) for states in sent]
    assert sent == proxy_states(tmp_path, r"Received Access-(?:Challenge|Accept)")


def test_a_proxy_gives_the_client_its_own_proxy_state_back(append_server: Server, tmp_path: Path) -> None:
    """Two Proxy-State, the client's and the proxy's, come back in their order."""
    alice = append_server.add_user()
    name = f'User-Name = "{alice.name}"'
    field = f'User-Password = "correct horse{code(alice)}"'
    with proxy(append_server, tmp_path) as port:
        got = radclient(append_server, name, field, "Proxy-State = 0x6f7572", port=port, secret=SECRET)
    assert ["Access-Accept"] == replies(got)
    ((first, second),) = proxy_states(tmp_path, "Received Access-Accept")
    assert "0x6f7572" == first
    assert [[first, second]] == proxy_states(tmp_path, r"Sent Access-Request Id \d+ from 0.0.0.0")
    assert got.count("Proxy-State = 0x6f7572") == 2
