"""The client of `radius-mfa test` against a server on a real socket."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from radius_mfa.auth.model import Accept, Challenge, Method, Reject, Stage, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.errors import OperationFailed
from radius_mfa.radius.client import LoginClient, NoAnswer
from tests.wire.packets import NOW, SECRET, STATES, accepted, client, packet

Answer = Callable[[bytes], bytes | list[bytes]]


@contextmanager
def server(answer: Answer) -> Iterator[int]:
    """A server on a free port of the loopback that answers every datagram; an empty datagram ends it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                datagram, source = bound.recvfrom(4096)
                if not datagram:
                    return
                given = answer(datagram)
                for reply in [given] if isinstance(given, bytes) else given:
                    bound.sendto(reply, source)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield bound.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
                ending.sendto(b"", bound.getsockname())
            thread.join()


def rules(datagram: bytes) -> bytes:
    """`correct horse`, then 123456."""
    request = accepted(datagram, client(network="127.0.0.1"))
    facts = request.login(source="127.0.0.1", digest=b"", at=NOW, states=STATES)
    verdict: Verdict = Reject(Reason.WRONG_PASSWORD, "Login failed")
    if facts.state is not None:
        verdict = Accept(Method.TOTP) if facts.password == b"123456" else Reject(Reason.WRONG_CODE, "Login failed")
    elif facts.password == b"correct horse":
        verdict = Challenge(Stage.CODE, "Code: ", 1, 1, 120.0)
    return request.answer(verdict, states=STATES, at=NOW, source="127.0.0.1")


def outcome(password: str, code: str | None, asked: list[str]) -> list[tuple[int, str]]:
    """Code and text of each reply in a login."""

    def answer(prompt: str) -> str | None:
        asked.append(prompt)
        return code

    with server(rules) as port, LoginClient("127.0.0.1", port, SECRET) as peer:
        return [(made.code, made.text) for made in peer.login("alice", password, answer)]


@pytest.mark.parametrize(
    ("password", "code", "replies", "prompts"),
    [
        ("correct horse", "123456", [(11, "Code: "), (2, "")], ["Code: "]),
        ("correct horse", "654321", [(11, "Code: "), (3, "Login failed")], ["Code: "]),
        ("correct horse", None, [(11, "Code: ")], ["Code: "]),
        ("wrong", "123456", [(3, "Login failed")], []),
    ],
)
def test_a_challenge_is_followed(
    password: str, code: str | None, replies: list[tuple[int, str]], prompts: list[str]
) -> None:
    """The prompt of a challenge is handed to the caller and the answer sent with its State; None leaves it."""
    asked: list[str] = []
    assert replies == outcome(password, code, asked)
    assert prompts == asked


def test_the_octets_are_told() -> None:
    """An exchange has the octets as they went over the wire, and the same datagram can be sent again."""
    seen: list[bytes] = []

    def remember(datagram: bytes) -> list[bytes]:
        seen.append(datagram)
        if len(seen) == 1:
            return [rules(datagram)]
        return [packet(code=3, identifier=datagram[1] ^ 1), packet(code=3, identifier=datagram[1])]

    with server(remember) as port, LoginClient("127.0.0.1", port, SECRET) as peer:
        (made,) = peer.login("alice", "wrong", lambda _: None, {"NAS-Port": 3})
        again = peer.replay(made.sent)
    assert [made.sent, made.sent] == seen
    assert packet(code=3, identifier=made.sent[1]) == again


def unsigned(datagram: bytes) -> bytes:
    """An Accept with a right Response Authenticator and no Message-Authenticator."""
    head = packet(code=2, identifier=datagram[1])[:4]
    return head + hashlib.md5(head + datagram[4:20] + SECRET).digest()


@pytest.mark.parametrize(
    "answer",
    [
        lambda datagram: client(b"other").secret.reply(2, datagram[1], datagram[4:20], b""),
        lambda datagram: client().secret.reply(2, datagram[1] ^ 1, datagram[4:20], b""),
        lambda datagram: client().secret.reply(2, datagram[1], bytes(16), b""),
        lambda _: b"\x02",
        lambda datagram: datagram,
        unsigned,
    ],
    ids=["other secret", "other identifier", "other request", "one octet", "echo", "unsigned"],
)
def test_what_is_not_proven_is_no_answer(answer: Answer) -> None:
    """A reply that the shared secret does not prove is none, and the error names the server."""
    with (
        server(answer) as port,
        LoginClient("127.0.0.1", port, SECRET, timeout=0.05, tries=1) as peer,
        pytest.raises(NoAnswer, match=r"no answer from 127\.0\.0\.1") as raised,
    ):
        list(peer.login("alice", "correct horse", lambda _: None))
    assert 4 == raised.value.exit_code


def test_silence() -> None:
    """Nothing comes back: no answer, for a login and for a repetition."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        with LoginClient("127.0.0.1", deaf.getsockname()[1], SECRET, timeout=0.01, tries=2) as peer:
            with pytest.raises(NoAnswer):
                next(peer.login("alice", "x", lambda _: None))
            with pytest.raises(NoAnswer):
                peer.replay(packet())


@pytest.mark.parametrize(
    ("name", "password", "attributes"),
    [("a" * 254, "x", {}), ("alice", "x" * 129, {}), ("alice", "x", {"NAS-Port": -1}), ("alice", "x", {"Nothing": 1})],
)
def test_what_does_not_fit(name: str, password: str, attributes: dict[str, str | int]) -> None:
    """What RADIUS cannot carry is said before anything is sent."""
    with LoginClient("127.0.0.1", 9, SECRET) as peer, pytest.raises(OperationFailed, match="cannot be sent") as raised:
        next(peer.login(name, password, lambda _: None, attributes))
    assert password == "x" or password not in str(raised.value)


def test_a_server_that_has_no_address() -> None:
    """A name that is none is an error with the name in it."""
    with LoginClient("no-such-host.invalid", 9, SECRET) as peer, pytest.raises(OperationFailed, match="no-such-host"):
        next(peer.login("alice", "x", lambda _: None))
