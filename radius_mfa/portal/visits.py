"""Who is behind a request: where it comes from, and who is signed in there."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from radius_mfa.auth.model import Accept, Method
from radius_mfa.portal import cookies
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.logins import Visitor
from radius_mfa.ports import Clock, Random
from radius_mfa.settings.doors import Portal
from radius_mfa.store import sessions
from radius_mfa.store.sessions import Session

_TOKEN = 32
_CLOCK_SLACK = 60.0  # by which a code may be given later than now: a clock set back further makes no old one new


class Visits:
    """Sessions of browsers, within the times that the section `portal` gives them."""

    def __init__(self, desk: Desk, times: Portal, clock: Clock, random: Random) -> None:
        self._desk = desk
        self._times = times
        self._clock = clock
        self._random = random

    def visitor(self, request: Request) -> Visitor:
        """Where a request comes from."""
        return Visitor(request.client.host if request.client else "", cookies.octets(request.cookies, cookies.DEVICE))

    async def session(self, request: Request) -> Session | None:
        """Who is signed in. Raises Unavailable."""
        token = cookies.octets(request.cookies, cookies.SESSION)
        if token is None:
            return None
        find = partial(sessions.find, token=token, idle=self._times.idle, lifetime=self._times.lifetime)
        return await self._desk.look(find)

    async def begin(self, accept: Accept, response: Response) -> bool:
        """Sign in who was accepted, under a token that was never used before; False if the account has changed since.

        Raises Unavailable.
        """
        token = self._random(_TOKEN)
        with_code = accept.method not in (Method.DEVICE, Method.PASSWORD)
        begin = partial(
            sessions.begin, token=token, account_id=accept.account_id, epoch=accept.epoch, code_given=with_code
        )
        if not await self._desk.look(begin):
            return False
        cookies.put(response, cookies.SESSION, cookies.text(token), self._times.lifetime)
        if accept.device is not None:
            left = accept.device.expires - self._clock.now()
            cookies.put(response, cookies.DEVICE, cookies.text(accept.device.octets), left)
        return True

    def confirmed(self, session: Session) -> bool:
        """Whether a code was given in this session so lately that changes need no other one."""
        if session.code_at is None:
            return False
        return -_CLOCK_SLACK <= self._clock.now() - session.code_at < self._times.step_up
