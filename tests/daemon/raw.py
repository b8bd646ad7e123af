"""A RADIUS client that sends what a test wants, octet by octet if need be; its packets are pyrad's."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import select
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, AccessChallenge, AccessReject, AuthPacket, Packet

WORDS = {AccessAccept: "accept", AccessReject: "reject", AccessChallenge: "challenge"}
STATUS_SERVER = 12
PATIENCE = 10.0
"""Seconds after which an answer that has to come is given up."""

# Written here, not taken from the program under test.
DICTIONARY = Dictionary(
    StringIO(
        "\n".join(
            f"ATTRIBUTE {name} {number} {kind}"
            for name, number, kind in [
                ("User-Name", 1, "string"),
                ("User-Password", 2, "octets"),
                ("CHAP-Password", 3, "octets"),
                ("Service-Type", 6, "integer"),
                ("Reply-Message", 18, "string"),
                ("State", 24, "octets"),
                ("Calling-Station-Id", 31, "string"),
                ("NAS-Identifier", 32, "string"),
                ("Proxy-State", 33, "octets"),
                ("Prompt", 76, "integer"),
                ("EAP-Message", 79, "octets"),
                ("Message-Authenticator", 80, "octets"),
            ]
        )
    )
)


@dataclass(frozen=True)
class Reply:
    """A reply that came, in octets and by name. `signed`: both its authenticators are right."""

    octets: bytes
    result: str
    attributes: dict[str, list[object]]
    sender: tuple[str, int]
    signed: bool

    @property
    def state(self) -> bytes:
        value = self.attributes["State"][0]
        assert isinstance(value, bytes)
        return value


class RawClient:
    """One UDP socket, which is one client port."""

    def __init__(self, server: tuple[str, int], secret: bytes, source: str | None = None) -> None:
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((source or ("::1" if family == socket.AF_INET6 else "127.0.0.1"), 0))
        self.server = server
        self.secret = secret
        self._asked: dict[int, AuthPacket] = {}
        self._identifiers = itertools.cycle(range(256))

    def close(self) -> None:
        self.socket.close()

    def request(
        self, name: str | bytes | None, password: bytes | str | None, *, state: bytes | None = None,
        more: list[tuple[str, object]] | None = None, identifier: int | None = None, authenticator: bytes | None = None,
        signed: bool = True,
    ) -> bytes:  # fmt: skip
        """An Access-Request of these attributes, in this order, with the Message-Authenticator at its end."""
        packet = AuthPacket(secret=self.secret, dict=DICTIONARY, authenticator=authenticator or secrets.token_bytes(16))
        packet.id = next(self._identifiers) if identifier is None else identifier
        if name is not None:
            packet[1] = [name.encode() if isinstance(name, str) else name]
        if password is not None:
            packet[2] = [packet.PwCrypt(password)]
        if state is not None:
            packet[24] = [state]
        for attribute, value in more or []:
            packet.AddAttribute(attribute, value)
        return self._signed(packet) if signed else self._noted(packet, packet.RequestPacket())

    def status(self) -> bytes:
        """A Status-Server."""
        packet = AuthPacket(code=STATUS_SERVER, secret=self.secret, dict=DICTIONARY)
        packet.authenticator = secrets.token_bytes(16)
        packet.id = next(self._identifiers)
        return self._signed(packet)

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.server)

    def receive(self, patience: float = PATIENCE) -> Reply | None:
        """The next reply, or None if there is none within `patience` seconds."""
        if not select.select([self.socket], [], [], patience)[0]:
            return None
        octets, sender = self.socket.recvfrom(65535)
        reply = Packet(packet=octets, dict=DICTIONARY, secret=self.secret)
        attributes = {name: reply[name] for name in reply.keys() if isinstance(name, str)}  # noqa: SIM118 - not a dict
        return Reply(octets, WORDS[octets[0]], attributes, sender[:2], self.proves(octets))

    def ask(self, datagram: bytes, tries: int = 4) -> Reply:
        """Send a datagram, again every 3 s as clients do, and the reply to it, which has to come and to be signed."""
        reply = None
        while reply is None and tries:
            self.send(datagram)
            reply = self.receive(3.0)
            tries -= 1
        assert reply is not None, "no reply"
        assert reply.octets[1] == datagram[1]
        assert reply.signed
        assert reply.octets[20] == 80, "the Message-Authenticator is not the first attribute"
        return reply

    def replay(self, datagram: bytes) -> bytes:
        """The octets that come back for a datagram of whomever."""
        self.send(datagram)
        return self.next_octets()

    def next_octets(self) -> bytes:
        """The octets of the next datagram that comes, which has to come."""
        assert select.select([self.socket], [], [], PATIENCE)[0], "no reply"
        return self.socket.recv(65535)

    def proves(self, octets: bytes) -> bool:
        """Whether this is the signed reply to the last request of its Identifier that this client made."""
        asked = self._asked.get(octets[1])
        reply = Packet(packet=octets, dict=DICTIONARY, secret=self.secret)
        return asked is not None and bool(asked.VerifyReply(reply, octets, enforce_ma=True))

    def silent_after(self, *datagrams: bytes) -> bool:
        """Whether none of these datagrams is answered, not even after a hash.

        Behind them goes a request of nobody whose Reject costs a hash, and another one when the first is answered: the
        reply to anything that came before would have left by then.
        """
        for datagram in datagrams:
            self.send(datagram)
        for _ in range(2):
            last = self.request("nobody there", "wrong")
            self.send(last)
            reply = self.receive()
            if reply is None or reply.octets[1] != last[1] or not reply.signed:
                return False
        return self.receive(0) is None

    def _signed(self, packet: AuthPacket) -> bytes:
        packet.add_message_authenticator()
        return self._noted(packet, packet.RequestPacket())

    def _noted(self, packet: AuthPacket, datagram: bytes) -> bytes:
        self._asked[packet.id] = packet
        return datagram


@contextlib.contextmanager
def client(server: tuple[str, int], secret: bytes, source: str | None = None) -> Iterator[RawClient]:
    opened = RawClient(server, secret, source)
    try:
        yield opened
    finally:
        opened.close()
