"""A daemon without RADIUS, run as a program: its workers answer each datagram with their number and pid.

The word in a datagram tells the worker what to do: `die`, `hang`, `stay` (ignore SIGTERM from now on) or nothing.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from radius_mfa import log
from radius_mfa.clock import SystemClock
from radius_mfa.errors import ConfigurationError
from radius_mfa.notify import Systemd
from radius_mfa.supervisor import Errand, Supervisor
from radius_mfa.transport.lifeline import Lifeline
from radius_mfa.transport.sockets import Listener


class Toy:
    """supervisor.Program with as many workers as it is told."""

    listen: Sequence[tuple[str, int]] = (("127.0.0.1", 0),)
    pam: Path | None = None

    def __init__(self, workers: int, fails: str) -> None:
        self.workers = workers
        self.errands = (Errand("errand", _stay, 0.2) if fails == "errand" else Errand("errand", _be_there),)
        self._fails = fails

    def preflight(self) -> None:
        if self._fails == "preflight":
            raise ConfigurationError("the toy is broken", "get another one")
        if self._fails == "signal":
            os.kill(os.getpid(), signal.SIGKILL)

    def settle(self) -> None:
        if self._fails == "settle":
            raise ConfigurationError("the toy does not settle")

    def work(self, index: int, sockets: Sequence[socket.socket], lifeline: Lifeline) -> None:
        if self._fails == "work":
            raise ValueError("hunter2")
        (listener,) = [Listener(bound) for bound in sockets]
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        lifeline.watch(poll)
        while not lifeline.stopping:
            lifeline.beat()
            if lifeline.orphaned(poll.poll(500)):
                return
            while (datagram := listener.receive()) is not None:
                _obey(datagram.data[20:])
                listener.send(b"%d %d" % (index, os.getpid()), datagram)

    def attend(self, listener: socket.socket, lifeline: Lifeline) -> None:
        raise ValueError("a toy has no such socket")

    def figures(self) -> str:
        return "a toy"

    def reload(self) -> Toy:
        raise ZeroDivisionError


def _be_there(lifeline: Lifeline) -> None:
    while not lifeline.wait(1.0):
        pass


def _stay(lifeline: Lifeline) -> None:
    while True:
        lifeline.wait(1.0)


def _obey(word: bytes) -> None:
    if word == b"die":
        os._exit(3)
    if word == b"stay":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if word == b"hang":
        time.sleep(60)


def supervise(toy: Toy) -> Supervisor:
    """The supervisor of a toy."""
    clock = SystemClock()
    return Supervisor(toy, clock, Systemd(os.environ.get("NOTIFY_SOCKET"), clock))


if __name__ == "__main__":
    log.configure("text", "info")
    sys.exit(supervise(Toy(int(sys.argv[1]), sys.argv[2])).run())
