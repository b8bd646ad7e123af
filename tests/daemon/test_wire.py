"""What the daemon answers on the wire, and what it drops without a word."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from tests.daemon.conftest import UNSIGNED, Start
from tests.daemon.packets import SIGNATURE, Packets, hidden
from tests.daemon.raw import RawClient
from tests.daemon.server import PASSWORD, Server

PROXY_STATE = 33


def test_signature_matrix(server: Server) -> None:
    """Only a request whose one Message-Authenticator is right is answered, wherever it stands (THREATS 80)."""
    server.add_user("alice")
    client, packets = server.client(), Packets()
    name, password, signature = packets.name, packets.password, packets.signature
    right = packets.of(name, password, signature)
    dropped = [
        packets.of(name, password),
        packets.of(name, password, (SIGNATURE, b"wrong" * 3 + b"!")),
        right[:-1] + bytes((right[-1] ^ 1,)),
        packets.of(name, password, signature, signature),
        packets.of(signature, name, password, (SIGNATURE, b"another one here")),
        packets.of(name, password, (SIGNATURE, b"")),
        packets.of(name, password, (SIGNATURE, bytes(15))),
        packets.of(name, password, (SIGNATURE, bytes(17))),
    ]
    assert client.silent_after(*dropped)
    for datagram in (packets.of(signature, name, password), packets.of(name, signature, password)):
        client.send(datagram)
        reply = client.receive()
        assert reply is not None
        assert reply.result == "challenge"
        assert reply.octets[20] == SIGNATURE
    for reason in ("no-message-authenticator", "wrong-message-authenticator", "bad-message-authenticator-length"):
        assert f"dropped a datagram of test from 127.0.0.1: {reason}" in server.log()
    assert "repeated-attribute" in server.log()
    assert "hint: set require_message_authenticator: no for test if it cannot send one" in server.log()


def test_every_reply_is_signed_first(common: Server) -> None:
    """Challenge, Accept, Reject and the answer to Status-Server begin with their Message-Authenticator (THREATS 80)."""
    alice, client = common.add_user(), common.client()
    challenge = client.ask(client.request(alice.name, alice.password))
    accept = client.ask(client.request(alice.name, alice.code(), state=challenge.state))
    reject = client.ask(client.request(alice.name, "wrong"))
    status = client.ask(client.status())  # ask() looks at the first attribute
    results = [reply.result for reply in (challenge, accept, reject, status)]
    assert ["challenge", "accept", "reject", "accept"] == results


def test_the_shape_of_a_forged_accept_is_dropped(start: Start) -> None:
    """Proxy-State without a Message-Authenticator is never echoed (CVE-2024-3596, THREATS 81)."""
    server = start(clients=UNSIGNED)
    server.add_user("alice")
    client, packets = server.client(), Packets()
    prefix = (PROXY_STATE, bytes(253 - 2))
    unsigned = [packets.of(packets.name, packets.password, (PROXY_STATE, b"x"))]
    unsigned += [packets.of(packets.name, packets.password, prefix) for _ in range(300)]
    assert client.silent_after(*unsigned)
    assert "proxy-state-unsigned; hint: make the proxy behind test send Message-Authenticator" in server.log()
    assert client.ask(client.request("alice", PASSWORD, signed=False)).result == "challenge"


def test_proxy_state_comes_back_in_order(common: Server) -> None:
    """Every Proxy-State of a signed request is in its reply, in the same order."""
    client = common.client()
    states: list[tuple[str, object]] = [("Proxy-State", bytes([number]) * 20) for number in (3, 1, 2)]
    reply = client.ask(client.request("alice", "wrong", more=states))
    assert [value for _, value in states] == reply.attributes["Proxy-State"]


def test_status_does_not_wait_for_hashes(common: Server) -> None:
    """Status-Server is answered while every hash thread is busy."""
    client = common.client()
    status = client.status()
    others = [number for number in range(256) if number != status[1]][:60]
    for number in others:
        client.send(client.request("nobody there", "wrong", identifier=number))
    client.send(status)
    before = 0
    while (reply := client.receive()) is not None and reply.octets[1] != status[1]:
        before += 1
    assert reply is not None
    assert before < 30


def test_a_wrong_secret_gets_nothing(server: Server) -> None:
    """10,000 requests under another secret: no reply, nothing counted, one line of log (THREATS 82)."""
    server.add_user("alice")
    rows = server.database_rows()
    stranger = RawClient((server.address, server.port), b"another secret")
    client = server.client()
    for _ in range(100):
        for _ in range(100):
            stranger.send(stranger.request("alice", PASSWORD))
        client.ask(client.status())  # so that no datagram is lost in a full socket
    assert stranger.receive(0) is None
    stranger.close()
    assert server.database_rows() == rows
    assert server.log().count("wrong-message-authenticator; hint: compare the secret of test on both sides") == 1
    assert server.dropped("test") == 10_000
    assert server.audit_file.read_text() == ""


@pytest.mark.parametrize(
    "twice",
    [
        lambda p: p.of(p.name, p.name, p.password, p.signature),
        lambda p: p.of(p.name, p.password, p.password, p.signature),
        lambda p: p.of(p.name, p.password, (24, b"a"), (24, b"b"), p.signature),
        lambda p: p.of(p.name, p.password, (3, bytes(17)), p.signature),
        lambda p: p.of(p.name, p.password, (31, b"a"), (31, b"b"), p.signature),
    ],
    ids=["two names", "two passwords", "two States", "password and CHAP", "two stations"],
)
def test_two_readings_are_one_too_many(common: Server, twice: Callable[[Packets], bytes]) -> None:
    """What could be read in two ways is dropped, and no rule ever sees it (THREATS 17)."""
    name = common.add_user().name
    assert common.client().silent_after(twice(Packets(name)))
    assert not common.audit_of(name)


@pytest.mark.parametrize("password", [b"", b"\0" * 16, b"\0" * 128, b"\xff\xfe", b"pass\0word"])
def test_an_empty_password_is_refused(common: Server, password: bytes) -> None:
    """No password, or one that only looks like one, is a Reject and never reaches a backend (THREATS 13)."""
    name = common.add_user().name
    client, packets = common.client(), Packets(name)
    client.send(packets.of(packets.name, (2, hidden(password, packets.authenticator)), packets.signature))
    reply = client.receive()
    assert reply is not None
    assert reply.result == "reject"
    reason = "wrong-password" if password == b"\xff\xfe" else "no-password"
    assert [reason] == [line["reason"] for line in common.audit_of(name)]


def test_a_request_without_a_password_is_refused(common: Server) -> None:
    """User-Password missing, an empty code, a State alone: Reject (THREATS 13)."""
    user, client = common.add_user(), common.client()
    assert client.ask(client.request(user.name, None)).result == "reject"
    assert client.ask(client.request(user.name, "", state=common.seal_state(user))).result == "reject"
    assert client.ask(client.request(user.name, None, state=common.seal_state(user))).result == "reject"
    assert client.ask(client.request(None, None, state=common.seal_state(user))).result == "reject"


NAMES = [None, b"", b" ", b"n" * 253, b"\xff\xfe\xfd", b"ali\0ce", b"root", b"nobody", b"alice\n", b"\xd0\xb0lice"]


@pytest.mark.parametrize("name", NAMES)
def test_a_strange_name_is_refused(common: Server, name: bytes | None) -> None:
    """A name that is missing, no text, or nobody's is a Reject or a drop, and the worker lives (THREATS 14)."""
    client, worker = common.client(), common.worker()
    client.send(client.request(name, PASSWORD))
    reply = client.receive()
    assert reply is not None
    assert reply.result == "reject"
    client.ask(client.status())
    assert common.worker() == worker
    assert "internal-error" not in common.log()


PAYLOADS = [
    f"{before}{middle}{after}"
    for before in ("", "alice", "'", '"', "*)(", "../", "%", "$(", "`", "\\")
    for middle in (
        "' OR '1'='1", "'; DROP TABLE account; --", "UNION SELECT 1", "$(id)", "`id`", ")(uid=*", "%n%s",
        "../../etc/passwd", "{0.__class__}", "\u202e",
    )
    for after in ("", "--", ";", "'", "#")
]  # fmt: skip


def test_a_name_is_only_a_name(server: Server) -> None:
    """500 names that mean something to a shell or a database are refused and change nothing (THREATS 15)."""
    server.add_user("alice")
    client, rows = server.client(), server.database_rows()
    assert len(set(PAYLOADS)) == 500
    for payload in PAYLOADS:
        # a State that is none: refused without a hash, after the account was looked up by its name
        assert client.ask(client.request(payload, "123456", state=b"none")).result == "reject"
    assert server.database_rows() == rows


@pytest.mark.parametrize("length", [1, 15, 16, 17, 127, 128])
def test_passwords_up_to_128_octets(common: Server, length: int) -> None:
    """A password of up to 128 octets is taken as it is (THREATS 16)."""
    user, client = common.add_user(password="p" * length), common.client()
    assert client.ask(client.request(user.name, user.password)).result == "challenge"
    assert client.ask(client.request(user.name, "p" * (length - 1) + "q")).result == "reject"


@pytest.mark.parametrize("length", [129, 144, 240])
def test_longer_passwords_are_dropped(common: Server, length: int) -> None:
    """User-Password of more than 128 octets is no User-Password (THREATS 16)."""
    packets = Packets()
    long = (2, hidden(b"p" * length, packets.authenticator))
    assert common.client().silent_after(packets.of(packets.name, long, packets.signature))
    assert "bad-password-length" in common.log()


def test_octets_that_are_no_text_stay_in_the_password(common: Server) -> None:
    r"""`pass\xffword` is not `password`; a composed and a decomposed letter are two (THREATS 16)."""
    alice, bob = common.add_user(password="password"), common.add_user(password="gr\u00fcn")
    client = common.client()
    assert client.ask(client.request(alice.name, b"pass\xffword")).result == "reject"
    assert client.ask(client.request(bob.name, "gru\u0308n")).result == "reject"
    assert client.ask(client.request(bob.name, "gr\u00fcn")).result == "challenge"


def test_an_identifier_used_again_is_a_new_request(common: Server) -> None:
    """Same port and Identifier, another authenticator: answered anew, and not with the old reply (THREATS 92)."""
    alice, client = common.add_user(), common.client()
    first = client.ask(client.request(alice.name, alice.password, identifier=7))
    second = client.ask(client.request("alice", "wrong", identifier=7))
    assert ["challenge", "reject"] == [first.result, second.result]


def test_the_same_authenticator_with_other_octets_is_dropped(common: Server) -> None:
    """Identifier and authenticator of a request before it, with other attributes: dropped."""
    client, same = common.client(), secrets.token_bytes(16)
    client.ask(client.request("alice", "wrong", identifier=7, authenticator=same))
    assert client.silent_after(client.request("bob", "wrong", identifier=7, authenticator=same))
    assert "duplicate-conflict" in common.log()


def test_client_lookup(start: Start) -> None:
    """The longest prefix decides, and an address outside all networks is nobody (THREATS 97)."""
    server = start(
        listen=("0.0.0.0",),
        clients="- {shortname: wide, ipaddr: 127.0.0.0/16, secret: another secret of the tests}\n"
        "- {shortname: narrow, ipaddr: 127.0.0.0/24, secret: yet another secret of the tests}\n"
        "- {shortname: exact, ipaddr: 127.0.0.3, secret: SECRET}",
    )
    server.address = "127.0.0.1"
    exact = server.client("127.0.0.3")
    exact.ask(exact.status())
    for source in ("127.0.0.2", "127.0.1.1", "127.1.0.1"):
        client = server.client(source)
        client.send(client.status())
    assert exact.silent_after()
    for dropped in ("of narrow from 127.0.0.2", "of wide from 127.0.1.1", "of an unknown client from 127.1.0.1"):
        assert f"dropped a datagram {dropped}" in server.log()
    assert server.dropped("narrow") == 1
    assert server.dropped("") == 1
