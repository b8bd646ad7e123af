"""The process of the portal, put together from the configuration. Only it pays for Starlette and uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from socket import socket

from radius_mfa import log as logs
from radius_mfa.audit import AuditFile
from radius_mfa.clock import SystemClock
from radius_mfa.daemon.keys import data_keys
from radius_mfa.daemon.portal_site import site
from radius_mfa.daemon.preflight import try_audit
from radius_mfa.daemon.privileges import become
from radius_mfa.daemon.rounds import processes, rounds, workers
from radius_mfa.daemon.rules import try_limits
from radius_mfa.errors import ConfigurationError
from radius_mfa.notify import Systemd
from radius_mfa.portal import tls
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.headers import Headers
from radius_mfa.portal.listening import bind
from radius_mfa.portal.server import serve
from radius_mfa.radius.attributes import problems
from radius_mfa.settings import Secrets, Settings, load
from radius_mfa.settings.doors import Portal
from radius_mfa.store.database import Database
from radius_mfa.store.fitness import check
from radius_mfa.store.keys import DataKeys
from radius_mfa.store.tries import FollowedTries
from radius_mfa.transport.turns import Turns

PATIENCE = 3.0
"""Seconds that a password may wait for its slot."""
THREADS = 1
"""Passwords that are checked at once, fifty a second: a flood of sign-ins leaves the other cores to RADIUS."""
NICENESS = 5
"""And whoever logs in over RADIUS goes first."""


def run(path: Path) -> None:
    """Serve the portal with the configuration at `path` until SIGTERM. Raises RadiusMfaError."""
    settings = load(path, problems)
    logs.configure(settings.log.format, settings.log.level)
    portal, listen, clock = settings.portal, settings.listen.portal, SystemClock()
    logs.quiet(clock.monotonic, but=tls.__name__)
    if portal is None or listen is None:
        raise ConfigurationError("there is no portal", "set listen.portal and the section portal")
    systemd = Systemd(os.environ.pop("NOTIFY_SOCKET", None), clock)
    become(settings.user)
    with contextlib.suppress(PermissionError):  # the unit forbids it, and has set it
        os.nice(NICENESS)
    keys = _preflight(settings)
    certificate = tls.Certificate(portal.certificate, portal.key) if portal.certificate and portal.key else None
    asyncio.run(_serve(settings, portal, keys, certificate, bind(listen), systemd))


def _preflight(settings: Settings) -> DataKeys:
    """What has to be there before anything is bound. Of the secrets only the master key is of use here."""
    master = settings.master_key.read()
    check(settings.database, thorough=False)
    try_audit(settings.audit.file)
    return data_keys(settings, Secrets(master, {}))


async def _serve(
    settings: Settings,
    portal: Portal,
    keys: DataKeys,
    certificate: tls.Certificate | None,
    bound: socket,
    systemd: Systemd,
) -> None:
    clock = SystemClock()
    tries = FollowedTries(f"{settings.database}.shared", settings.listen.pam is not None, try_limits(settings))
    beside = processes(settings, workers(settings))
    authenticator, slots = rounds(settings, keys, clock, tries, beside, PATIENCE, THREADS)
    turns = Turns(authenticator, slots, clock)
    desk = Desk(Database(settings.database, keys, clock), AuditFile(str(settings.audit.file)))
    app = site(settings, portal, turns, desk, clock)
    with turns.opened():
        await serve(Headers(app, tls=certificate is not None), bound, certificate, systemd)
    desk.close()
