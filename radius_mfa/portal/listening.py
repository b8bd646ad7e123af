"""The socket of the portal: passed by the service manager, or bound here."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from radius_mfa import local_socket
from radius_mfa.errors import ConfigurationError, RadiusMfaError, Unavailable
from radius_mfa.settings.addresses import Endpoint

_BACKLOG = 1024
_MODE = 0o660
"""Of a Unix socket: a proxy of the group may connect, and say from where its visitors come."""


def bind(listen: Endpoint | Path) -> socket.socket:
    """A listening, non-blocking socket. Raises Unavailable if the port is in use, else ConfigurationError."""
    if isinstance(listen, Path):
        return local_socket.listen(listen, os.geteuid(), _MODE)
    bound = local_socket.passed(listen)
    if bound is None:
        try:
            bound = socket.create_server(listen, family=listen.family, backlog=_BACKLOG)
        except OSError as error:
            raise _refused(listen, error) from error
    bound.setblocking(False)
    return bound


def name(bound: socket.socket) -> str:
    """Where it listens, as listen.portal has it."""
    place = bound.getsockname()
    return f"unix:{place}" if isinstance(place, str) else str(Endpoint(*place[:2]))


def _refused(listen: Endpoint, error: OSError) -> RadiusMfaError:
    if error.errno == errno.EADDRINUSE:
        return Unavailable(f"{listen} is in use", "is the portal running already, or another web server?")
    hint = "listen.portal takes an address of this host"
    if error.errno == errno.EACCES:
        hint = "a port below 1024 is for root: let systemd open it (radius-mfa-portal.socket), or take one above"
    return ConfigurationError(f"cannot listen on {listen}: {error.strerror}", hint)
