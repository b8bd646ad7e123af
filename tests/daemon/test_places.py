"""Where the daemon listens, and where its replies come from."""

from __future__ import annotations

import pytest

from tests.daemon.conftest import Start
from tests.daemon.server import has_ipv6


def test_the_reply_leaves_from_where_it_was_asked(start: Start) -> None:
    """A login at 127.0.0.9 of a server on 0.0.0.0 is answered from 127.0.0.9, a Reject that waits too."""
    server = start(listen=("0.0.0.0",), reject_delay="1s")
    alice, client = server.add_user("alice"), server.client(address="127.0.0.9")
    challenge = client.ask(client.request("alice", alice.password))
    accept = client.ask(client.request("alice", alice.code(), state=challenge.state))
    reject = client.ask(client.request("alice", "wrong"))
    assert ["challenge", "accept", "reject"] == [challenge.result, accept.result, reject.result]
    assert {("127.0.0.9", server.port)} == {reply.sender for reply in (challenge, accept, reject)}


def test_two_addresses_are_two_servers_to_a_duplicate(start: Start) -> None:
    """The same datagram at another address of the server is another request: it is worked on anew."""
    server = start(listen=("0.0.0.0",))
    client = server.client(address="127.0.0.1")
    request = client.request("alice", "123456", state=b"none")
    first = client.ask(request)
    client.server = ("127.0.0.9", server.port)
    assert client.ask(request).octets == first.octets
    assert len(server.audit_lines()) == 2


@pytest.mark.skipif(not has_ipv6(), reason="::1 is missing: switch IPv6 on for the loopback interface")
def test_ipv6(start: Start) -> None:
    """A login over IPv6, with 0.0.0.0 and [::] side by side; each knows its own clients."""
    server = start(
        listen=("::", "0.0.0.0"),
        clients='- {shortname: test, ipaddr: "::1", secret: SECRET}\n'
        "- {shortname: four, ipaddr: 127.0.0.1, secret: SECRET}",
    )
    alice, client = server.add_user("alice"), server.client(address="::1")
    challenge = client.ask(client.request("alice", alice.password))
    accept = client.ask(client.request("alice", alice.code(), state=challenge.state))
    assert ["challenge", "accept"] == [challenge.result, accept.result]
    assert accept.sender == ("::1", server.port)
    assert {("test", "::1")} == {(line["client"], line["source"]) for line in server.audit_lines()}
