"""What systemd is told, heard on a real datagram socket."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from radius_mfa.notify import Systemd
from tests.contract.stores import SetClock

CLOCK = SetClock(12.5)
MESSAGES: dict[str, Callable[[Systemd], None]] = {
    "READY=1\nSTATUS=2 workers": lambda systemd: systemd.ready("2 workers"),
    "RELOADING=1\nMONOTONIC_USEC=12500000\nSTATUS=reading": lambda systemd: systemd.reloading("reading"),
    "STOPPING=1\nSTATUS=until 3 logins are over": lambda systemd: systemd.stopping("until 3 logins are over"),
    "STATUS=17 logins, 2 dröpped": lambda systemd: systemd.status("17 logins, 2 dröpped"),
    "WATCHDOG=1": lambda systemd: systemd.watchdog(),
}


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end."""
    address = str(tmp_path / "notify") if request.param == "path" else f"\0radius-mfa-{os.getpid()}-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(10)
        yield listening


def address_of(manager: socket.socket) -> str:
    """What NOTIFY_SOCKET says."""
    name = manager.getsockname()
    return f"@{name[1:].decode()}" if isinstance(name, bytes) else str(name)


@pytest.mark.parametrize("message", MESSAGES)
def test_systemd_is_told(manager: socket.socket, message: str) -> None:
    """Each event is one datagram with its assignments, a line each."""
    MESSAGES[message](Systemd(address_of(manager), CLOCK))
    assert message == manager.recv(4096).decode()


def test_a_status_is_one_line(manager: socket.socket) -> None:
    """No text of a status can be taken for another assignment."""
    Systemd(address_of(manager), CLOCK).status("all is well\nSTOPPING=1\r\n")
    assert b"STATUS=all is well STOPPING=1" == manager.recv(4096)


@pytest.mark.parametrize(
    "address", [None, "", "@", "/nowhere/notify", "notify", "\0odd", "a\0b", "/" + "long/" * 40, "vsock:2:1", "\ud800"]
)
def test_who_does_not_listen_is_no_error(address: str | None) -> None:
    """Without a socket, with one that is gone, and with one that cannot be, everything is said to nobody."""
    for say in MESSAGES.values():
        say(Systemd(address, CLOCK))


def test_a_manager_that_takes_nothing_is_no_error(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the queue is full the message is lost, and the service goes on."""
    monkeypatch.setattr("radius_mfa.notify._PATIENCE", 0.01)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while other.sendto(b"full", manager.getsockname()):
                pass
    Systemd(address_of(manager), CLOCK).watchdog()
