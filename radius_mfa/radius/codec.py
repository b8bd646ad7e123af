"""Request and Reply: pyrad packets whose decode, verify, decrypt and sign are ours: strict, and on bytes."""

from __future__ import annotations

import os
from functools import lru_cache
from hmac import compare_digest
from typing import Self, assert_never

from pyrad.packet import AuthPacket

from radius_mfa.auth.model import Accept, Challenge, DeviceToken, Door, LoginRequest, Reject, Verdict
from radius_mfa.radius import walk
from radius_mfa.radius.attributes import DICTIONARY
from radius_mfa.radius.clients import Client
from radius_mfa.radius.drops import Drop, Dropped
from radius_mfa.radius.secret import SALT_LENGTH
from radius_mfa.radius.state import States

_PROMPT_NO_ECHO = bytes((walk.PROMPT, 6, 0, 0, 0, 0))
"""RFC 2869 section 5.10. Clients echo what is typed unless a challenge says No-Echo (pam_radius_auth with its option
`prompt_attribute`); people type passwords at the wrong prompt, so it is said."""

_MAX_TEXT = 252

# Our vendor attributes, as in config/dictionary.radius-mfa.
_DEVICE_TOKEN, _TRUST_DEVICE, _DEVICE_TOKEN_SET, _DEVICE_EXPIRES = 1, 2, 3, 4
_TRUST = (1).to_bytes(4, "big")
_MAX_DEVICE_TOKEN = 64

_NO_ROOM_FOR_A_CODE = frozenset(
    {
        walk.CHAP_PASSWORD,
        walk.ARAP_PASSWORD,
        walk.DIGEST_RESPONSE,
        206,  # Digest-Response before it had a number of its own (Kamailio)
        (311, 1),  # MS-CHAP-Response, RFC 2548 section 2.1.3
        (311, 11),  # MS-CHAP-Challenge
        (311, 25),  # MS-CHAP2-Response, RFC 2548 section 2.3.2
    }
)
"""What a request has in place of a User-Password when its method cannot carry a code beside the password."""


class Request(AuthPacket):
    """An Access-Request or Status-Server as it came.

    Also a pyrad packet: `request["User-Name"]` and all else pyrad offers works, and costs only whoever asks.
    """

    auth_type = "pap"
    dict = DICTIONARY
    request_authenticator = None
    _request_code = None

    client: Client
    _signature: int  # where the value of the Message-Authenticator starts, 0 without one
    _has_vendor: bool

    @classmethod
    def decode(cls, datagram: bytes, client: Client) -> Self:
        """The request in a datagram from `client`. Nothing of it is proven before `verify`. Raises Dropped."""
        end = walk.length(datagram)
        packet = datagram if end == len(datagram) else datagram[:end]
        self = cls.__new__(cls)
        signature = walk.walk(packet, end, self)
        self._has_vendor = walk.get(self, walk.VENDOR_SPECIFIC) is not None
        if self._has_vendor:
            walk.split_vendor(self)
        walk.check(self, packet[0] == walk.STATUS_SERVER, signature > 0)
        self.code = packet[0]
        self.id = packet[1]
        self.authenticator = packet[4:20]
        self.secret = client.secret.octets
        self.raw_packet = packet
        self.message_authenticator = signature > 0 or None
        self.client = client
        self._signature = signature
        return self

    def __repr__(self) -> str:
        return f"<Request {self.code} id {self.id} of {self.client.shortname}>"

    @property
    def is_status(self) -> bool:
        """Whether it asks how the server is (RFC 5997)."""
        return bool(self.code == walk.STATUS_SERVER)

    def verify(self) -> None:
        """Prove the request by its Message-Authenticator, or by what its client may leave out. Raises Dropped."""
        if self._signature:
            packet, start = self.raw_packet, self._signature
            unsigned = packet[:start] + bytes(16) + packet[start + 16 :]
            if not compare_digest(self.client.secret.authenticate(unsigned), packet[start : start + 16]):
                raise Dropped(Drop.WRONG_MESSAGE_AUTHENTICATOR)
        elif self.client.require_message_authenticator:
            raise Dropped(Drop.NO_MESSAGE_AUTHENTICATOR)
        elif walk.PROXY_STATE in self:
            raise Dropped(Drop.PROXY_STATE_UNSIGNED)
        elif self._has_ours():
            raise Dropped(Drop.VENDOR_UNSIGNED)

    def login(self, *, source: str, digest: bytes, at: float, states: States) -> LoginRequest:
        """The facts for the rules. `source`: the client's address without port; `at`: seconds since the epoch."""
        state, hidden = self._first(walk.STATE), self._first(walk.USER_PASSWORD)
        client = self.client.shortname
        return LoginRequest(
            door=Door.RADIUS,
            client=self.client.policy,
            at=at,
            name=self._first(walk.USER_NAME),
            password=None if hidden is None else self._password(hidden),
            digest=digest,
            source=source,
            unsupported=self._is_unsupported(hidden),
            state=None if state is None else states.open(state, client=client, source=source, at=at),
            calling_station=_text(self._first(walk.CALLING_STATION_ID)),
            nas_identifier=_text(self._first(walk.NAS_IDENTIFIER)),
            device_token=self._device_token() if self._has_vendor else None,
            trust_wish=self._has_vendor and self._ours(_TRUST_DEVICE) == _TRUST,
            signed=self._signature > 0,
        )

    def answer(self, verdict: Verdict, *, states: States, at: float, source: str) -> bytes:
        """The signed reply.

        The same verdict on the same request gives the same octets, but for a Challenge and for a token of a device,
        which have something random in them: an Accept with a token is stored with what it has changed.
        """
        match verdict:
            case Accept():
                if verdict.stored is not None:
                    return verdict.stored
                attributes = verdict.attributes + _reply_message(verdict.text)
                if verdict.device is not None:
                    attributes += self._device(verdict.device)
                return self._reply(walk.ACCESS_ACCEPT, attributes)
            case Reject():
                return self._reply(walk.ACCESS_REJECT, _reply_message(verdict.text))
            case Challenge():
                state = states.seal(verdict, client=self.client.shortname, source=source, at=at)
                shown = _reply_message(verdict.text) + _PROMPT_NO_ECHO
                return self._reply(walk.ACCESS_CHALLENGE, _attribute(walk.STATE, state) + shown)
        assert_never(verdict)

    def status_answer(self) -> bytes:
        """The reply to a Status-Server: Access-Accept, which says no more than that the server works (RFC 5997)."""
        return self._reply(walk.ACCESS_ACCEPT, b"")

    def CreateReply(self, **attributes: object) -> Reply:  # noqa: N802 (pyrad's name)
        """pyrad's: an empty Access-Accept to this request, to be given a code and attributes by name."""
        reply = Reply(walk.ACCESS_ACCEPT, self.id, self.secret, self.authenticator, dict=self.dict, **attributes)
        reply.client = self.client
        return self._PrepareReply(reply, attributes)  # type: ignore[no-any-return]

    def _reply(self, code: int, attributes: bytes) -> bytes:
        for value in walk.get(self, walk.PROXY_STATE) or ():
            attributes += _attribute(walk.PROXY_STATE, value)
        return self.client.secret.reply(code, self.id, self.authenticator, attributes)

    def _first(self, kind: int) -> bytes | None:
        values = walk.get(self, kind)
        return None if values is None else values[0]

    def _password(self, hidden: bytes) -> bytes:
        """The password without its padding, and empty where a NUL is inside: the rules refuse it."""
        password = self.client.secret.reveal(hidden, self.authenticator).rstrip(b"\0")
        return b"" if b"\0" in password else password

    def _ours(self, kind: int) -> bytes | None:
        """Our one vendor attribute of this kind under a Message-Authenticator; None when there are two."""
        values = walk.get(self, (self.client.vendor, kind)) if self._signature else None
        return values[0] if values is not None and len(values) == 1 else None

    def _device_token(self) -> bytes | None:
        hidden = self._ours(_DEVICE_TOKEN)
        if hidden is None:
            return None
        token = self.client.secret.reveal_salted(hidden, self.authenticator)
        return token if 0 < len(token) <= _MAX_DEVICE_TOKEN else None

    def _device(self, device: DeviceToken) -> bytes:
        """Device-Token-Set and Device-Expires, each in a Vendor-Specific of its own: front ends read them so."""
        hidden = self.client.secret.hide_salted(device.octets, self.authenticator, os.urandom(SALT_LENGTH))
        expires = int(device.expires).to_bytes(4, "big")
        vendor = self.client.vendor.to_bytes(4, "big")
        return b"".join(
            _attribute(walk.VENDOR_SPECIFIC, vendor + _attribute(kind, value))
            for kind, value in ((_DEVICE_TOKEN_SET, hidden), (_DEVICE_EXPIRES, expires))
        )

    def _is_unsupported(self, hidden: bytes | None) -> bool:
        if walk.get(self, walk.EAP_MESSAGE) is not None:
            return True
        return hidden is None and any(kind in _NO_ROOM_FOR_A_CODE for kind in self)

    def _has_ours(self) -> bool:
        vendor = self.client.vendor
        whole = walk.get(self, walk.VENDOR_SPECIFIC) or ()
        return any(isinstance(kind, tuple) and kind[0] == vendor for kind in self) or any(
            value.startswith(vendor.to_bytes(4, "big")) for value in whole
        )


class Reply(AuthPacket):
    """A reply in the making, as a pyrad packet, signed our way: the Message-Authenticator is its first attribute."""

    client: Client

    def ReplyPacket(self) -> bytes:  # noqa: N802 (pyrad's name)
        """The octets to send."""
        if walk.MESSAGE_AUTHENTICATOR in self:
            del self[walk.MESSAGE_AUTHENTICATOR]
        return self.client.secret.reply(self.code, self.id, self.authenticator, self._PktEncodeAttributes())


def _attribute(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value) + 2)) + value


@lru_cache(maxsize=256)
def _reply_message(text: str) -> bytes:
    """A Reply-Message (RFC 2865 section 5.18), or nothing: at most 252 octets, cut between characters, one line."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    octets = line.encode()[:_MAX_TEXT].decode(errors="ignore").encode()
    return _attribute(walk.REPLY_MESSAGE, octets) if octets else b""


def _text(value: bytes | None) -> str:
    """Octets for people and keys: what is not UTF-8 stays apart as backslash escapes."""
    return "" if value is None else value.decode(errors="backslashreplace")
