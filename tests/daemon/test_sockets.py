"""UDP sockets: nobody else gets the port, a retransmission finds its worker, a reply leaves from where it was asked."""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Iterator

import pytest

from radius_mfa.errors import ConfigurationError, Unavailable
from radius_mfa.transport.sockets import Listener, open_groups


@contextlib.contextmanager
def opened(address: str, port: int = 0, count: int = 1) -> Iterator[list[socket.socket]]:
    (group,) = open_groups([(address, port)], count)
    try:
        yield group
    finally:
        for member in group:
            member.close()


def port_of(group: list[socket.socket]) -> int:
    return int(group[0].getsockname()[1])


def received(member: socket.socket) -> int:
    """How many datagrams wait in a socket."""
    count = 0
    while Listener(member).receive() is not None:
        count += 1
    return count


@pytest.mark.parametrize("count", [1, 3])
def test_a_second_server_is_refused(count: int) -> None:
    """A port that is taken is refused, also when it is taken by a group of our own user."""
    with opened("127.0.0.1", 0, count) as group, pytest.raises(Unavailable, match="is in use") as refused:
        open_groups([("127.0.0.1", port_of(group))], count)
    assert refused.value.exit_code == 69
    assert "running already" in refused.value.hint


@pytest.mark.needs_root
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("option", [None, socket.SO_REUSEADDR, socket.SO_REUSEPORT])
def test_another_user_cannot_take_the_port(count: int, option: int | None) -> None:
    """A process of another uid cannot bind the port, whichever option it sets (THREATS 90)."""
    with opened("127.0.0.1", 0, count) as group:
        child = os.fork()
        if child == 0:
            os._exit(_try_to_hijack(port_of(group), option))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _try_to_hijack(port: int, option: int | None) -> int:
    os.setuid(65534)
    thief = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if option is not None:
        thief.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        thief.bind(("127.0.0.1", port))
    except OSError:
        return 0
    return 1


def test_an_address_of_another_host_is_a_mistake_in_the_configuration() -> None:
    """Listening on an address that the host does not have ends with 78 and says which."""
    with pytest.raises(ConfigurationError, match=r"cannot listen on 192\.0\.2\.1:1812"):
        open_groups([("192.0.2.1", 1812)])


@pytest.mark.parametrize("octet", [0, 1, 2, 7, 200, 255])
def test_octet_19_chooses_the_worker(octet: int) -> None:
    """The last octet of the Request Authenticator, modulo the group, chooses the socket; the sender's port does not."""
    with opened("127.0.0.1", 0, 3) as group:
        for _ in range(8):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(bytes(19) + bytes([octet]) + bytes(30), group[0].getsockname())
        assert [8 if index == octet % 3 else 0 for index in range(3)] == [received(member) for member in group]


def test_a_datagram_without_octet_19_reaches_some_worker() -> None:
    """A datagram too short for the steering program still arrives, once, where the codec refuses it."""
    with opened("127.0.0.1", 0, 3) as group:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"short", group[0].getsockname())
        assert sum(received(member) for member in group) == 1


@pytest.mark.parametrize(
    ("wildcard", "asked"),
    [("0.0.0.0", "127.0.0.9"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")],
)
def test_the_reply_leaves_from_the_address_that_was_asked(wildcard: str, asked: str) -> None:
    """Whatever address of the host a datagram was sent to, its reply comes from there."""
    family = socket.AF_INET6 if ":" in asked else socket.AF_INET
    with opened(wildcard) as group, socket.socket(family, socket.SOCK_DGRAM) as client:
        client.bind((asked if asked != "127.0.0.9" else "127.0.0.1", 0))
        client.sendto(b"question", (asked, port_of(group)))
        listener = Listener(group[0])
        assert select.select([listener], [], [], 5)[0]
        datagram = listener.receive()
        assert datagram is not None
        assert datagram.destination == (asked, port_of(group))
        assert datagram.source == client.getsockname()[:2]
        listener.send(b"answer", datagram)
        assert select.select([client], [], [], 5)[0]
        answer, sender = client.recvfrom(100)
    assert (b"answer", (asked, datagram.destination[1])) == (answer, sender[:2])


def test_ipv6_wildcard_leaves_ipv4_alone() -> None:
    """`[::]` and `0.0.0.0` are two sockets on one port."""
    with opened("::") as six, opened("0.0.0.0", port_of(six)) as four:
        assert port_of(six) == port_of(four)


def test_a_host_without_ipv6_gets_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """`[::]` where the kernel has no IPv6 opens nothing and says so."""

    def no_ipv6(*_: object) -> socket.socket:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", no_ipv6)
    assert open_groups([("::", 1812)]) == []
    assert "no IPv6: not listening on [::]:1812" in caplog.text
