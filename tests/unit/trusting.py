"""Logins that show a device, for the stories of trusted devices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from radius_mfa.auth.model import (
    Accept,
    Challenge,
    ClientPolicy,
    DeviceKind,
    Dialogue,
    Door,
    LoginRequest,
    Method,
    OpenedState,
    Verdict,
)
from radius_mfa.auth.reasons import Reason
from tests.unit.driving import NOW, PASSWORD, World, code, opened, request

WEEK = 7 * 86400.0
STATION = "192.0.2.77"
KEY = "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ\n"
PORTAL = ClientPolicy("portal", trusted_devices=DeviceKind.TOKEN)
WIRED = ClientPolicy("wired", trusted_devices=DeviceKind.CALLING_STATION)
GEAR = replace(WIRED, shortname="gear", dialogue=Dialogue.APPEND)
SSHD = ClientPolicy("sshd", trusted_devices=DeviceKind.SSH_KEY)
HOST: dict[str, Any] = {"door": Door.PAM, "service": "sshd", "host": "pbx1", "rhost": STATION}


class Login:
    """The rounds of one client, with what each request of it shows."""

    def __init__(self, world: World, client: ClientPolicy = WIRED, **shown: Any) -> None:  # noqa: ANN401 - the facts of a LoginRequest
        self.world = world
        self.client = client
        self.shown: dict[str, Any] = shown or {"calling_station": STATION}

    def password(self, at: float = NOW, password: bytes = PASSWORD, **facts: Any) -> Verdict:  # noqa: ANN401 - the facts of a LoginRequest
        return self.world.login(self.request(password, at, **facts))

    def code(self, answer: bytes, at: float = NOW, **facts: Any) -> Verdict:  # noqa: ANN401 - the facts of a LoginRequest
        asked = self.password(at, **facts)
        assert isinstance(asked, Challenge), asked
        return self.world.login(self.request(answer, at, state=tagged(asked, at), **facts))

    def trust(self, at: float = NOW, **facts: Any) -> Accept:  # noqa: ANN401 - the facts of a LoginRequest
        verdict = self.code(code(at) + b"+", at, **facts)
        assert isinstance(verdict, Accept)
        assert Reason.TRUSTED is verdict.reason
        return verdict

    def request(self, answer: bytes, at: float, **facts: Any) -> LoginRequest:  # noqa: ANN401 - the facts of a LoginRequest
        return request(answer, self.client, at=at, **(self.shown | facts))


def tagged(asked: Challenge, at: float) -> OpenedState:
    return replace(opened(asked, at), tag=asked.tag)


def is_asked(verdict: Verdict) -> bool:
    return isinstance(verdict, Challenge) and verdict.account_id == 1


def by_device(verdict: Verdict) -> bool:
    return isinstance(verdict, Accept) and verdict.method is Method.DEVICE
