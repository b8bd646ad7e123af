"""What the supervisor runs: one generation of the daemon after the other."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from radius_mfa.transport.lifeline import Lifeline

FAREWELL = 6.0
"""Seconds a child has to end after SIGTERM: five to finish what it took, and one to end."""
LONG_FAREWELL = 30.0
"""The same for a child that waits for others: a mail server that may have taken a mail."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a child does until its lifeline says that it is over; then it has `farewell` seconds to end."""

    name: str
    main: Callable[[Lifeline], None]
    farewell: float = FAREWELL


class Program(Protocol):
    """One generation of the daemon, as the supervisor runs it."""

    @property
    def listen(self) -> Sequence[tuple[str, int]]:
        """Addresses and ports; a later generation takes over the sockets of the first."""

    @property
    def workers(self) -> int:
        """How many workers share each of them."""

    @property
    def pam(self) -> Path | None:
        """The Unix socket of the PAM hook, if there is to be one; taken over like the others."""

    @property
    def errands(self) -> Sequence[Errand]:
        """What goes on beside the workers; a child of the generation before may still be at the same."""

    def preflight(self) -> None:
        """Check all that can be checked without serving; in a child of its own. Raises RadiusMfaError."""

    def settle(self) -> None:
        """In the supervisor, once the sockets are open: give up privileges, read what the children inherit."""

    def work(self, index: int, sockets: Sequence[socket.socket], lifeline: Lifeline) -> None:
        """Be worker number `index` on its socket of every group, until the lifeline says that it is over."""

    def attend(self, listener: socket.socket, lifeline: Lifeline) -> None:
        """Be the one at the PAM hook's socket, until the lifeline says that it is over."""

    def figures(self) -> str:
        """What an admin may want to see in one line."""

    def reload(self) -> Program:
        """The next generation, from the configuration as it is now. Raises RadiusMfaError."""
