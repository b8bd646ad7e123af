"""The portal as a door: the same rounds as RADIUS and PAM, for whoever sits before a browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from radius_mfa.auth.model import (
    Challenge,
    ClientPolicy,
    DeviceKind,
    Door,
    FirstFactor,
    LoginRequest,
    Mfa,
    OpenedState,
    Verdict,
)
from radius_mfa.ports import Clock, Random

CLIENT = "portal"
"""The portal's name where those of clients stand: in the audit, in notices, with trusted devices."""
TRIES = 3
"""Codes that may be tried after one password."""
_POLICY = ClientPolicy(CLIENT, mfa=Mfa.REQUIRED, trusted_devices=DeviceKind.TOKEN)
_LONGEST = 256
"""Octets of a name or an answer."""
_DIGEST = 32
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: the address of the browser, and the device token it keeps, if any."""

    source: str
    device: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Started:
    """A login after its right password: what is asked for now, and how often it may still be answered.

    `link`: the pending token whose mail brought the visitor here; its key may be shown.
    """

    name: str
    challenge: Challenge
    state: OpenedState = field(repr=False)
    tries: int = TRIES
    link: int | None = None


class Logins:
    """Judges what browsers send. All methods raise Unavailable, and TimeoutError when a round takes too long."""

    def __init__(self, judge: Callable[[LoginRequest], Awaitable[Verdict]], clock: Clock, random: Random) -> None:
        self._judge = judge
        self._clock = clock
        self._random = random

    async def password(self, visitor: Visitor, name: str, password: str) -> Verdict:
        """The first round."""
        return await self._round(visitor, name, password, device_token=visitor.device)

    async def code(self, visitor: Visitor, started: Started, code: str, *, trust: bool) -> Verdict:
        """The answer to a challenge; `trust` wishes that this browser be trusted."""
        return await self._round(visitor, started.name, _bare(code), state=started.state, trust_wish=trust)

    async def code_once_more(self, visitor: Visitor, name: str, code: str) -> Verdict:
        """A code of somebody who is signed in under this canonical name."""
        return await self._round(visitor, name, _bare(code), first_factor=FirstFactor.SESSION)

    def state(self, challenge: Challenge) -> OpenedState:
        """A State for this challenge, as good as one that was sealed: it never leaves the process."""
        expires = int(self._clock.now() + challenge.lifetime)
        nonce = self._random(_NONCE)
        return OpenedState(challenge.stage, challenge.account_id, challenge.epoch, expires, nonce, challenge.tag)

    async def _round(
        self,
        visitor: Visitor,
        name: str,
        answer: str,
        *,
        first_factor: FirstFactor = FirstFactor.CHECK,
        state: OpenedState | None = None,
        device_token: bytes | None = None,
        trust_wish: bool = False,
    ) -> Verdict:
        return await self._judge(
            LoginRequest(
                door=Door.PORTAL,
                client=_POLICY,
                at=self._clock.now(),
                name=_octets(name),
                password=_octets(answer),
                digest=self._random(_DIGEST),
                source=visitor.source,
                first_factor=first_factor,
                state=state,
                device_token=device_token,
                trust_wish=trust_wish,
            )
        )


def _bare(code: str) -> str:
    """A code without the spaces that apps show in it."""
    return code.replace(" ", "")


def _octets(typed: str) -> bytes:
    """What was typed; nothing where it can be no name and no password. PAM would read it up to the NUL."""
    octets = typed.encode("utf-8", "replace")
    return octets if len(octets) <= _LONGEST and b"\0" not in octets else b""
