"""The client of `radius-mfa test` and `demo`: pyrad's, with challenges followed and every packet shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from pyrad.client import Client, Timeout
from pyrad.packet import AuthPacket, PacketError

from radius_mfa.errors import OperationFailed, RadiusMfaError
from radius_mfa.radius import walk
from radius_mfa.radius.attributes import DICTIONARY

_CODES = {
    walk.ACCESS_REQUEST: "Access-Request",
    walk.ACCESS_ACCEPT: "Access-Accept",
    walk.ACCESS_REJECT: "Access-Reject",
    walk.ACCESS_CHALLENGE: "Access-Challenge",
    walk.STATUS_SERVER: "Status-Server",
}
_SECRETS = frozenset({"User-Password", "CHAP-Password", "Device-Token", "Device-Token-Set"})
_SHORTENED = 16


class NoAnswer(RadiusMfaError):
    """The server sent nothing that its shared secret proves."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply, verified: the octets as sent and received, and what decides what comes next."""

    sent: bytes = field(repr=False)
    received: bytes = field(repr=False)
    code: int
    """2 Accept, 3 Reject, 11 Challenge."""
    text: str
    """The Reply-Message, empty without one."""


class LoginClient(Client):
    """Logs in at one server as a RADIUS client would. Replies without a Message-Authenticator are no answer.

    `timeout`: seconds to wait for a reply, `tries`: how often a request is sent. Raises NoAnswer, and OperationFailed
    when the name or the network of the server fails. Closed by leaving its `with` block.
    """

    def __init__(self, server: str, port: int, secret: bytes, *, timeout: float = 3.0, tries: int = 3) -> None:
        super().__init__(
            server, authport=port, secret=secret, dict=DICTIONARY, retries=tries, timeout=timeout, enforce_ma=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._CloseSocket()

    def login(
        self,
        name: str,
        password: str,
        answer: Callable[[str], str | None],
        attributes: Mapping[str, str | int] | None = None,
    ) -> Iterator[Exchange]:
        """Send name and password, then `answer(prompt)` for each challenge, until it is None or the server decides.

        Yields each exchange as it is made; the last one has the outcome. `attributes` go into every request.
        """
        state: list[bytes] = []
        while True:
            exchange, reply = self._ask(self._request(name, password, state, attributes or {}))
            yield exchange
            if exchange.code != walk.ACCESS_CHALLENGE:
                return
            typed = answer(exchange.text)
            if typed is None:
                return
            password, state = typed, reply.get(walk.STATE, [])

    def replay(self, datagram: bytes) -> bytes:
        """Send the same octets once more from the same port, and return the octets that come back."""
        self._SocketOpen()
        for _ in range(self.retries):
            self._send(datagram)
            ends = time.monotonic() + self.timeout
            while self._poll.poll(max(0.0, ends - time.monotonic()) * 1000):
                received = bytes(self._socket.recv(4096))
                if received[1:2] == datagram[1:2]:
                    return received
        raise self._silence()

    def _request(self, name: str, password: str, state: list[bytes], attributes: Mapping[str, str | int]) -> AuthPacket:
        request = self.CreateAuthPacket()
        try:
            request["User-Name"] = name
            request["User-Password"] = request.PwCrypt(password)
            for key, value in attributes.items():
                request[key] = value
        except (ValueError, KeyError) as error:
            raise OperationFailed(f"this cannot be sent by RADIUS: {error}") from error
        if state:
            request[walk.STATE] = state
        return request

    def _ask(self, request: AuthPacket) -> tuple[Exchange, AuthPacket]:
        try:
            reply = self.SendPacket(request)
        except Timeout:
            raise self._silence() from None
        except OSError as error:
            raise OperationFailed(f"cannot send to {self.server}: {error.strerror or error}") from error
        text = b"".join(reply.get(walk.REPLY_MESSAGE, [])).decode(errors="replace")
        return Exchange(request.RequestPacket(), reply.raw_packet, reply.code, text), reply

    def _send(self, datagram: bytes) -> None:
        try:
            self._socket.sendto(datagram, (self.server, self.authport))
        except OSError as error:
            raise OperationFailed(f"cannot send to {self.server}: {error.strerror or error}") from error

    def _silence(self) -> NoAnswer:
        return NoAnswer(
            f"no answer from {self.server} port {self.authport}",
            "a server drops what it cannot trust: see its log, compare the shared secret and the client address",
        )


def describe(packet: bytes) -> list[str]:
    """A packet for people: its kind, then one line an attribute. Passwords are masked, a State is shortened.

    Whatever the octets are, no line has control characters. One line says so when they are no RADIUS packet.
    """
    try:
        decoded = AuthPacket(packet=packet, dict=DICTIONARY)
    except PacketError as error:
        return [f"{len(packet)} octets that are not RADIUS: {error}"]
    lines = [f"{_CODES.get(decoded.code, f'Code {decoded.code}')} id {decoded.id}, {len(packet)} octets"]
    for key in decoded:
        name = DICTIONARY.attrindex.backward.get(key, f"Attribute {key}")
        lines += [f"  {name} = {_shown(name, value)}" for value in decoded[key]]
    return lines


def _shown(name: str, value: bytes) -> str:
    if name in _SECRETS:
        return "***"
    if name in {"State", "Message-Authenticator"}:
        start = value[:_SHORTENED].decode(errors="replace")
        shown = start if start.isascii() and start.isprintable() else f"0x{value.hex()[:_SHORTENED]}"
        return f"{shown}... ({len(value)} octets)"
    attribute = DICTIONARY.attributes.get(name)
    if attribute is None or attribute.type == "octets":
        return f"0x{value.hex()}"
    try:
        decoded = AuthPacket(dict=DICTIONARY)._DecodeValue(attribute, value)
    except (ValueError, PacketError):
        return f"0x{value.hex()}"
    if attribute.type == "string":
        return f'"{"".join(map(_visible, str(decoded)))}"'
    return str(decoded)


def _visible(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()
