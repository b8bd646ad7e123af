"""A login over the socket."""

from __future__ import annotations

from tests.daemon.server import Server


def test_password_then_code(server: Server) -> None:
    """The right password is answered by a challenge, the code with its State by an Accept."""
    alice, client = server.add_user("alice"), server.client()
    challenge = client.ask(client.request("alice", alice.password))
    assert challenge.result == "challenge"
    answer = client.request("alice", alice.code(), state=challenge.state)
    accept = client.ask(answer)
    assert accept.result == "accept"
    assert client.ask(answer).octets == accept.octets
    assert ["challenge", "accept"] == [line["result"] for line in server.audit_lines()]
