"""UDP sockets: taken from nobody, given to nobody, and answering from the address that was asked."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import socket
import struct
from dataclasses import dataclass
from ipaddress import ip_address

from radius_mfa.errors import ConfigurationError, Unavailable

log = logging.getLogger(__name__)

# linux/in.h and asm-generic/socket.h; the socket module of Python 3.11 does not have them.
_IP_PKTINFO = 8
_SO_ATTACH_REUSEPORT_CBPF = 51
_SO_RCVBUFFORCE = 33

_IN_PKTINFO = struct.Struct("=I4s4s")  # interface, local address (where the reply leaves from), destination
_IN6_PKTINFO = struct.Struct("=16sI")  # destination, interface
_ANCILLARY = socket.CMSG_SPACE(_IN6_PKTINFO.size)

# One octet more than RADIUS allows, so that the codec sees that a datagram was longer.
_LARGEST = 4097

_RECEIVE_BUFFER = 4 << 20
"""Octets that may wait while a worker is replaced: some thousand requests."""

_STEER_BY = 19  # last octet of the Request Authenticator: it is random, and a retransmission has the same

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Datagram:
    """A datagram as it came: `source` is its sender and `destination` the address and port it was sent to.

    `reply_to` and `reply_from` are for `Listener.send` alone.
    """

    data: bytes
    source: Address
    destination: Address
    reply_to: tuple[str | int, ...]
    reply_from: tuple[tuple[int, int, bytes], ...] = ()


class Listener:
    """One bound, non-blocking UDP socket."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        self.address: Address = bound.getsockname()[:2]
        self._wildcard = ip_address(self.address[0]).is_unspecified

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> Datagram | None:
        """The next datagram that waits, cut off after 4,097 octets; None if there is none."""
        try:
            if not self._wildcard:
                data, sender = self._socket.recvfrom(_LARGEST)
                return Datagram(data, sender[:2], self.address, sender)
            data, ancillary, _, sender = self._socket.recvmsg(_LARGEST, _ANCILLARY)
        except BlockingIOError:
            return None
        asked, reply_from = _asked(ancillary)
        return Datagram(data, sender[:2], (asked or self.address[0], self.address[1]), sender, reply_from)

    def send(self, reply: bytes, to: Datagram) -> None:
        """Answer a datagram from the address it was sent to. Raises OSError."""
        if to.reply_from:
            self._socket.sendmsg((reply,), to.reply_from, 0, to.reply_to)
        else:
            self._socket.sendto(reply, to.reply_to)


def _asked(ancillary: list[tuple[int, int, bytes]]) -> tuple[str, tuple[tuple[int, int, bytes], ...]]:
    """The address a datagram was sent to, and the control message that makes the reply leave from it."""
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            _, local, destination = _IN_PKTINFO.unpack_from(data)
            # The interface stays open: the route decides, as it does for any other packet.
            return socket.inet_ntop(socket.AF_INET, destination), ((level, kind, _IN_PKTINFO.pack(0, local, bytes(4))),)
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            destination, interface = _IN6_PKTINFO.unpack_from(data)
            return socket.inet_ntop(socket.AF_INET6, destination), (
                (level, kind, _IN6_PKTINFO.pack(destination, interface if destination[:2] == b"\xfe\x80" else 0)),
            )
    return "", ()


def open_group(address: str, port: int, count: int = 1) -> list[socket.socket]:
    """Bind `count` sockets to one address, each datagram steered by octet 19 to one of them; port 0 takes a free one.

    The first is bound without SO_REUSEPORT, so that a port anybody else holds, even a group of our own user, is
    refused; only then is the group opened to the rest. Raises Unavailable if the port is taken and
    ConfigurationError if the host has no such address. An empty list: `::` on a host without IPv6, with a warning.
    """
    try:
        first = _bind(address, port)
    except OSError as error:
        if address == "::" and error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
            log.warning("this host has no IPv6: not listening on [::]:%d", port)
            return []
        raise _refused(address, port, error) from error
    if count == 1:
        return [first]
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    taken = first.getsockname()[1]
    group = [first, *(_bind(address, taken, shared=True) for _ in range(count - 1))]
    _steer(first, count)
    return group


def _bind(address: str, port: int, *, shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        with contextlib.suppress(PermissionError):  # root may have more than net.core.rmem_max
            opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            opened.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        opened.bind((address, port))
    except BaseException:
        opened.close()
        raise
    return opened


def _refused(address: str, port: int, error: OSError) -> Unavailable | ConfigurationError:
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    if error.errno == errno.EADDRINUSE:
        return Unavailable(f"{where} is in use", "is radius-mfa running already, or another RADIUS server?")
    return ConfigurationError(
        f"cannot listen on {where}: {error.strerror}", "listen.radius takes addresses of this host"
    )


def _steer(member: socket.socket, count: int) -> None:
    """Give the group of `member` a classic BPF program: the socket's number is octet 19 modulo `count`."""
    program = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (0x30, 0, 0, _STEER_BY),  # ld octet; a datagram that is too short ends the program with 0
            (0x94, 0, 0, count),  # mod
            (0x16, 0, 0, 0),  # ret a
        )
    )
    buffer = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    member.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, fprog)
