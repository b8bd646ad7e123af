"""UDP sockets: taken from nobody, given to nobody, and answering from the address that was asked."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import socket
import struct
from collections.abc import Sequence
from ipaddress import ip_address

from radius_mfa.errors import ConfigurationError, Unavailable
from radius_mfa.value import value

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


@value
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


def open_groups(places: Sequence[Address], count: int = 1) -> list[list[socket.socket]]:
    """For each address `count` sockets bound to it, each datagram steered by octet 19 to one; port 0 takes a free one.

    Where the kernel does not steer, the group is one socket, `count` times, and one warning says so. `::` is left out
    on a host without IPv6, with a warning. Raises Unavailable if a port is taken and ConfigurationError if the host has
    no such address.
    """
    groups, unsteered = [], ""
    for address, port in places:
        if (first := _probe(address, port)) is None:
            continue
        try:
            groups.append(_group(first, address, count))
        except OSError as error:
            groups.append([first] * count)
            unsteered = error.strerror or type(error).__name__
    if unsteered:
        log.warning("this host does not steer datagrams to workers (%s): all %d read one socket", unsteered, count)
    return groups


def _probe(address: str, port: int) -> socket.socket | None:
    """The first of a group: without SO_REUSEPORT, so that a port anybody holds, be it a group of ours, is refused."""
    try:
        return _bind(address, port)
    except OSError as error:
        if address == "::" and error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
            log.warning("this host has no IPv6: not listening on [::]:%d", port)
            return None
        raise _refused(address, port, error) from error


def _group(first: socket.socket, address: str, count: int) -> list[socket.socket]:
    """The socket bound to `address` and those that join it. Raises OSError, and then `first` is alone as before."""
    if count == 1:
        return [first]
    group = [first]
    try:
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        while len(group) < count:
            group.append(_bind(address, first.getsockname()[1], shared=True))
        _steer(first, count)
    except OSError:
        for joined in group[1:]:
            joined.close()
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
        raise
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
