"""Listening sockets: passed by the service manager, or made here; and who is at the other end of a Unix socket."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

from radius_mfa.errors import ConfigurationError

_FIRST = 3
"""The first descriptor a service manager passes (sd_listen_fds(3))."""
_BACKLOG = 1024
_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid

Place = Path | tuple[str, int]
"""A path, or address and port of TCP."""


def listen(path: Path, owner: int, mode: int = 0o600) -> socket.socket:
    """The listening socket at `path`: the one that was passed, else a new one of this mode and the uid `owner`.

    Raises ConfigurationError where none can be made, or somebody already answers there.
    """
    bound = passed(path) or _made(path, owner, mode)
    bound.setblocking(False)
    return bound


def passed(place: Place | None) -> socket.socket | None:
    """The passed socket that is bound to this place, if there is one; the variables are taken away.

    Raises ConfigurationError for any other socket that was passed: who connects there would wait for nobody.
    """
    process, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if process != str(os.getpid()) or not count.isdecimal():
        return None
    given = [socket.socket(fileno=descriptor) for descriptor in range(_FIRST, _FIRST + int(count))]
    unwanted = [_name(one) for one in given if not _is_at(one, place)]
    if unwanted or len(given) > 1:
        for one in given:
            one.close()
        raise ConfigurationError(
            f"the service manager has passed a socket that is not used: {', '.join(unwanted) or place}",
            "disable its .socket unit, or set listen.pam to it (portal: listen.portal, pam-check: passwords.helper)",
        )
    for one in given:
        one.set_inheritable(False)
    return given[0] if given else None


def peer_uid(connection: socket.socket) -> int:
    """The uid at the other end, as the kernel knows it (SO_PEERCRED); of a listener, that of its listen()."""
    octets = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(octets)[1]
    return uid


def _is_at(given: socket.socket, place: Place | None) -> bool:
    if given.type != socket.SOCK_STREAM:
        return False
    if given.family == socket.AF_UNIX:
        return isinstance(place, Path) and given.getsockname() == str(place)
    return isinstance(place, tuple) and given.getsockname()[:2] == place


def _name(given: socket.socket) -> str:
    bound = given.getsockname()
    if isinstance(bound, str):
        return bound
    host, port = bound[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _made(path: Path, owner: int, mode: int) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o777 & ~mode)
    try:
        _clear(path)
        made.bind(str(path))
        if os.geteuid() == 0:
            os.chown(path, owner, -1)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        hint = f"{path.parent} has to be there, and writable"
        raise ConfigurationError(f"cannot listen on {path}: {error.strerror or error}", hint) from error
    except ConfigurationError:
        made.close()
        raise
    finally:
        os.umask(mask)
    return made


def _clear(path: Path) -> None:
    """Take away what a process that has died left behind, and nothing else."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise ConfigurationError(f"somebody already listens on {path}", "does another radius-mfa run?")
