"""The process of the portal, put together from the configuration. Only it pays for Starlette and uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from socket import socket

from starlette.responses import Response

from radius_mfa import log as logs
from radius_mfa.audit import AuditFile
from radius_mfa.auth.texts import lasting
from radius_mfa.clock import SystemClock
from radius_mfa.daemon.keys import data_keys
from radius_mfa.daemon.preflight import try_audit
from radius_mfa.daemon.privileges import become
from radius_mfa.daemon.rounds import processes, rounds, workers
from radius_mfa.daemon.rules import enrolment, rules, try_limits
from radius_mfa.errors import ConfigurationError
from radius_mfa.notify import Systemd
from radius_mfa.portal import tls
from radius_mfa.portal.api.assembly import api
from radius_mfa.portal.api.problems import refused
from radius_mfa.portal.app import application
from radius_mfa.portal.authenticator import Authenticators
from radius_mfa.portal.changes import Changes
from radius_mfa.portal.codes import Codes
from radius_mfa.portal.confirm import Confirm, StepUp
from radius_mfa.portal.delay import Delay
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.devices import Devices
from radius_mfa.portal.enroll import Enrolments
from radius_mfa.portal.faults import Faults
from radius_mfa.portal.guards import API, Guards
from radius_mfa.portal.headers import Headers
from radius_mfa.portal.limits import LIMITS
from radius_mfa.portal.listening import bind
from radius_mfa.portal.logins import Logins
from radius_mfa.portal.overview import Overview
from radius_mfa.portal.pages import Pages
from radius_mfa.portal.proxies import Proxies
from radius_mfa.portal.server import serve
from radius_mfa.portal.signin import SignIn
from radius_mfa.portal.started import StartedLogins
from radius_mfa.portal.visits import Visits
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
    pages = Pages(settings.issuer, (settings.mail.help if settings.mail else "") or "")
    visits = Visits(desk, portal, clock, os.urandom)
    logins, started = Logins(turns.judge, clock, os.urandom), StartedLogins(clock, os.urandom)
    delay = Delay(clock, settings.radius.reject_delay)
    changes = Changes(visits, desk, clock, mails=settings.mail is not None)
    enrolments = Enrolments(pages, visits, logins, started, delay, desk, settings.issuer)
    signin = SignIn(pages, visits, logins, started, delay, enrolments, lasting(settings.mfa.trusted_devices.lifetime))
    language = settings.mail.language if settings.mail else "en"
    low = settings.mfa.recovery_codes.low
    overview = Overview(pages, visits, changes, desk, settings.audit.file, low=low, language=language)
    faults = Faults(pages)
    step_up, count = StepUp(visits, logins, desk, delay), settings.mfa.recovery_codes.count
    routes = [
        *signin.routes(),
        *enrolments.routes(),
        *overview.routes(),
        *Confirm(pages, changes, step_up, visits, desk).routes(),
        *Codes(pages, changes, desk, clock, os.urandom, settings.issuer, count).routes(),
        *Devices(pages, changes, desk).routes(),
        *Authenticators(
            pages, changes, step_up, desk, clock, os.urandom, settings.issuer, enrolment(settings)
        ).routes(),
        api(desk, clock, os.urandom, rules(settings), count, settings.database, settings.audit.file),
    ]
    app = application(faults, routes)
    guards = Guards(app, portal.url, partial(_refusal, faults), Proxies(portal.trusted_proxies), LIMITS)
    with turns.opened():
        await serve(Headers(guards, tls=certificate is not None), bound, certificate, systemd)
    desk.close()


def _refusal(faults: Faults, path: str, status: int, headers: Mapping[str, str]) -> Response:
    """For a request that neither pages nor API have seen."""
    return refused(status, headers) if path.startswith(API) else faults.page(status, headers)
