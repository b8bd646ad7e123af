"""What systemd hears of the supervisor and its children."""

from __future__ import annotations

import math
from collections.abc import Callable

from radius_mfa.notify import Systemd
from radius_mfa.ports import Clock

SIGN = 1.0
"""Seconds between two signs of life, at least."""
FIGURES = 10.0
"""Seconds between two looks at the figures, at least."""


class Bulletin:
    """`figures` gives the line that `systemctl status` shows."""

    def __init__(self, systemd: Systemd, clock: Clock) -> None:
        self._systemd = systemd
        self._clock = clock
        self._ready = False
        self._shown = ""
        self._sign = self._look = -math.inf

    def turn(self, *, ready: bool, manned: bool, figures: Callable[[], str]) -> None:
        """`ready`: every post has a child at work. `manned`: every socket has one, else there is no sign of life."""
        now = self._clock.monotonic()
        if ready and not self._ready:
            self._ready, self._shown, self._look = True, figures(), now
            self._systemd.ready(self._shown)
        if manned and now - self._sign >= SIGN:
            self._sign = now
            self._systemd.watchdog()
        if self._ready and now - self._look >= FIGURES:
            self._look = now
            if (latest := figures()) != self._shown:
                self._shown = latest
                self._systemd.status(latest)

    def reloading(self) -> None:
        """A reload begins; it ends when a turn finds everybody at work again."""
        self._ready = False
        self._systemd.reloading("reading the configuration")

    def stopping(self) -> None:
        """The children have been told to end."""
        self._ready = False
        self._systemd.stopping("finishing what is under way")
