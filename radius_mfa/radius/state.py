"""The State attribute: what a challenge remembers, sealed and carried by the client, so that nothing is stored."""

from __future__ import annotations

import hmac
from binascii import Error, a2b_base64, b2a_base64
from functools import lru_cache
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from radius_mfa.auth.model import INVALID_STATE, TAG, Challenge, OpenedState, Stage
from radius_mfa.ports import Random

LENGTH = 76
"""Octets of every State this server makes."""

_VERSION = b"\x02"
_NONCE = 12
_BODY = Struct(f">BQQQ?{TAG}s")  # stage, account, epoch, expiry, whether there is a tag, the tag
_STAGES = {stage.value: stage for stage in Stage}  # looking it up costs a fifth of calling the enum
_DAY = 86_400
# URL-safe base64 (RFC 4648 section 5), since web front ends carry a State through forms and links. The letters that
# the plain alphabet has instead are made invalid: a State is written in one way only.
_TO_WIRE = bytes.maketrans(b"+/", b"-_")
_FROM_WIRE = bytes.maketrans(b"-_+/", b"+/!!")


class States:
    """Seals and opens States under a key of the day (UTC); yesterday's still open."""

    def __init__(self, key: bytes, random: Random) -> None:
        self._key = key
        self._random = random
        self._ciphers: dict[int, AESGCM] = {}

    def seal(self, challenge: Challenge, *, client: str, source: str, at: float) -> bytes:
        """A State for `challenge`, LENGTH octets of printable ASCII.

        It opens for the client of this shortname at this source address (without port) alone. `at`: seconds since the
        epoch, from which the lifetime of the challenge counts.
        """
        nonce = self._random(_NONCE)
        expires = int(at + challenge.lifetime)
        tag = challenge.tag
        body = _BODY.pack(challenge.stage, challenge.account_id, challenge.epoch, expires, bool(tag), tag)
        sealed = self._cipher(int(at) // _DAY).encrypt(nonce, body, _place(client, source))
        return b2a_base64(_VERSION + nonce + sealed, newline=False).translate(_TO_WIRE)

    def open(self, raw: bytes, *, client: str, source: str, at: float) -> OpenedState:
        """What was sealed, or INVALID_STATE for anything that was not sealed here for this client and source.

        Expiry is not judged: the rules and the store do that.
        """
        if len(raw) != LENGTH:
            return INVALID_STATE
        try:
            octets = a2b_base64(raw.translate(_FROM_WIRE), strict_mode=True)
        except Error:
            return INVALID_STATE
        if not octets.startswith(_VERSION):
            return INVALID_STATE
        nonce, sealed = octets[1 : 1 + _NONCE], octets[1 + _NONCE :]
        today = int(at) // _DAY
        for day in (today, today - 1):
            try:
                body = self._cipher(day).decrypt(nonce, sealed, _place(client, source))
            except InvalidTag:
                continue
            stage, account, epoch, expires, tagged, tag = _BODY.unpack(body)
            return OpenedState(_STAGES[stage], account, epoch, expires, nonce, tag if tagged else b"")
        return INVALID_STATE

    def _cipher(self, day: int) -> AESGCM:
        cipher = self._ciphers.get(day)
        if cipher is None:
            self._ciphers = {kept: made for kept, made in self._ciphers.items() if abs(kept - day) <= 1}
            cipher = self._ciphers[day] = AESGCM(hmac.digest(self._key, b"radius-mfa state %d" % day, "sha256"))
        return cipher


@lru_cache(maxsize=4096)
def _place(client: str, source: str) -> bytes:
    """What a State is bound to, beside its content; an address has no NUL, so the two cannot run together."""
    return _VERSION + f"{client}\0{source}".encode()
