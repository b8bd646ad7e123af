"""The pages of the portal and its API, put together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial

from starlette.responses import Response

from radius_mfa.auth.texts import lasting
from radius_mfa.daemon.rules import enrolment, rules
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
from radius_mfa.portal.limits import LIMITS
from radius_mfa.portal.logins import Logins
from radius_mfa.portal.overview import Overview
from radius_mfa.portal.pages import Pages
from radius_mfa.portal.proxies import Proxies
from radius_mfa.portal.signin import SignIn
from radius_mfa.portal.started import StartedLogins
from radius_mfa.portal.visits import Visits
from radius_mfa.ports import Clock
from radius_mfa.settings import Settings
from radius_mfa.settings.doors import Portal
from radius_mfa.transport.turns import Turns


def site(settings: Settings, portal: Portal, turns: Turns, desk: Desk, clock: Clock) -> Guards:
    """All of it, behind its guards; `turns` judge who signs in, and the store is worked on at the desk."""
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
    return Guards(app, portal.url, partial(_refusal, faults), Proxies(portal.trusted_proxies), LIMITS)


def _refusal(faults: Faults, path: str, status: int, headers: Mapping[str, str]) -> Response:
    """For a request that neither pages nor API have seen."""
    return refused(status, headers) if path.startswith(API) else faults.page(status, headers)
