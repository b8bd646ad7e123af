"""The child at the socket of the PAM hook. Only it pays for asyncio: a worker has no use for it."""

from __future__ import annotations

import os
import socket

from radius_mfa.daemon.keys import data_keys
from radius_mfa.daemon.rounds import rounds
from radius_mfa.ports import Clock, PasswordTries
from radius_mfa.settings import Secrets, Settings
from radius_mfa.settings.doors import PamService
from radius_mfa.transport.lifeline import Lifeline
from radius_mfa.transport.pam_conversation import Service
from radius_mfa.transport.pam_door import PamDoor, service
from radius_mfa.transport.pam_socket import serve
from radius_mfa.transport.turns import Turns

PATIENCE = 3.0
"""Seconds that a password may wait for its slot: the hook waits for 5 in all, and a host may have a crowd."""


def service_of(name: str, given: PamService) -> Service:
    """The PAM service of this name, as its section of the configuration has it."""
    return service(name, given.mfa, password=given.password, trusted_devices=given.trusted_devices)


def attend(
    settings: Settings,
    secrets: Secrets,
    clock: Clock,
    tries: PasswordTries,
    processes: int,
    listener: socket.socket,
    lifeline: Lifeline,
) -> None:
    """Attend to the logins of this host until the lifeline says that it is over."""
    authenticator, slots = rounds(settings, data_keys(settings, secrets), clock, tries, processes, PATIENCE)
    services = {name: service_of(name, given) for name, given in settings.pam.services.items()}
    turns = Turns(authenticator, slots, clock)
    door = PamDoor(services=services, judge=turns.judge, clock=clock, random=os.urandom)
    serve(listener, door, turns, lifeline)
