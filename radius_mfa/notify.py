"""What systemd hears of the service (sd_notify(3)). Nothing here raises: a service lives without being heard."""

from __future__ import annotations

import contextlib
import socket

from radius_mfa.ports import Clock

_PATIENCE = 1.0
"""Seconds that systemd may leave a message untaken."""


class Systemd:
    """`address`: NOTIFY_SOCKET of the environment, a path or `@` and an abstract name; without one nobody is told."""

    def __init__(self, address: str | None, clock: Clock) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._clock = clock

    def ready(self, status: str) -> None:
        """The service works, after a start or a reload."""
        self._tell("READY=1", _status(status))

    def reloading(self, status: str) -> None:
        """A reload begins; ready() ends it. Type=notify-reload asks for the time, in CLOCK_MONOTONIC."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.monotonic() * 1_000_000)}", _status(status))

    def stopping(self, status: str) -> None:
        """The service begins to end."""
        self._tell("STOPPING=1", _status(status))

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._tell(_status(text))

    def watchdog(self) -> None:
        """The service is alive (WatchdogSec=)."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(_PATIENCE)
            manager.sendto("\n".join(lines).encode(), self._address)


def _status(text: str) -> str:
    """A line break would begin another assignment."""
    return "STATUS=" + " ".join(text.split())
