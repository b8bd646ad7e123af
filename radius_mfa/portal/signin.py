"""Signing in: a password, then a code. The pages are the same whatever is wrong."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from radius_mfa.auth.model import Accept, Challenge, Reject, Stage, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.portal import cookies, forms
from radius_mfa.portal.delay import Delay
from radius_mfa.portal.enroll import Enrolments
from radius_mfa.portal.logins import Logins, Started
from radius_mfa.portal.pages import Pages, to
from radius_mfa.portal.started import StartedLogins
from radius_mfa.portal.visits import Visits

DENIED = 403
MAIL = "mail"


class SignIn:
    """The pages of whoever is not signed in. `trusted_for`: how long a browser is trusted, in words."""

    def __init__(
        self, pages: Pages, visits: Visits, logins: Logins, started: StartedLogins, delay: Delay,
        enrolments: Enrolments, trusted_for: str,
    ) -> None:  # fmt: skip
        self._pages = pages
        self._visits = visits
        self._logins = logins
        self._started = started
        self._delay = delay
        self._enrolments = enrolments
        self._trusted_for = trusted_for

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.ask_password, methods=["GET"]),
            Route("/login", self.take_password, methods=["POST"]),
            Route("/login/code", self.ask_code, methods=["GET"]),
            Route("/login/code", self.take_code, methods=["POST"]),
        ]

    async def ask_password(self, request: Request) -> Response:
        if await self._visits.session(request) is not None:
            return to("/")
        return self._pages.show("login", refused=False, typed="")

    async def take_password(self, request: Request) -> Response:
        began = self._delay.begin()
        typed = await forms.fields(request)
        name = typed.get("name", "").strip()
        verdict = await self._logins.password(self._visits.visitor(request), name, typed.get("password", ""))
        if isinstance(verdict, Challenge):
            return self._go_on(Started(name, verdict, self._logins.state(verdict)))
        if isinstance(verdict, Accept) and (signed_in := await self._sign_in(verdict)) is not None:
            return signed_in
        await self._delay.end(began)
        return self._pages.show("login", DENIED, refused=True, typed=name)

    async def ask_code(self, request: Request) -> Response:
        started = self._started.find(request.cookies.get(cookies.LOGIN, ""))
        sent = request.query_params.get("done") == MAIL
        return to("/login") if started is None else await self._ask(started, sent=sent)

    async def take_code(self, request: Request) -> Response:
        began = self._delay.begin()
        typed = await forms.fields(request)
        key = request.cookies.get(cookies.LOGIN, "")
        started = self._started.find(key)
        if started is None:
            return to("/login")
        self._started.forget(key)  # each State is answered once
        recovery = "recovery" in typed
        code, trust = typed.get("recovery" if recovery else "code", ""), typed.get("trust") == "yes"
        verdict = await self._logins.code(self._visits.visitor(request), started, code, trust=trust)
        if isinstance(verdict, Accept) and (signed_in := await self._sign_in(verdict)) is not None:
            return signed_in
        if isinstance(verdict, Challenge):
            again = replace(started, challenge=verdict, state=self._logins.state(verdict))
            return self._go_on(again, f"/login/code?done={MAIL}")
        await self._delay.end(began)
        return await self._refuse(started, verdict, recovery=recovery)

    async def _refuse(self, started: Started, verdict: Verdict, *, recovery: bool) -> Response:
        """Another try for the code, or from the beginning."""
        over = not isinstance(verdict, Reject) or verdict.reason is Reason.STATE_EXPIRED or started.tries <= 1
        if over:
            response: Response = self._pages.show("login", DENIED, refused=True, typed=started.name)
            cookies.drop(response, cookies.LOGIN)
            return response
        again = replace(started, state=self._logins.state(started.challenge), tries=started.tries - 1)
        response = await self._ask(again, refused=True, recovery=recovery)
        cookies.put(response, cookies.LOGIN, self._started.keep(again))
        return response

    def _go_on(self, started: Started, path: str = "/login/code") -> Response:
        response = to(path)
        cookies.put(response, cookies.LOGIN, self._started.keep(started))
        return response

    async def _ask(
        self, started: Started, *, refused: bool = False, recovery: bool = False, sent: bool = False
    ) -> Response:
        """The page that asks. `recovery`: a recovery code was refused; `sent`: the mail was asked for once more."""
        if started.link is not None:
            return await self._enrolments.key(started, refused=refused, trusted_for=self._trusted_for)
        return self._pages.show(
            "code",
            DENIED if refused else 200,
            first=started.challenge.stage is Stage.ENROLMENT,
            address=started.challenge.address,
            typed=started.name,
            refused=refused,
            recovery=recovery,
            sent=sent,
            trusted_for=self._trusted_for,
        )

    async def _sign_in(self, accept: Accept) -> Response | None:
        response = to("/")
        if not await self._visits.begin(accept, response):
            return None
        cookies.drop(response, cookies.LOGIN)
        return response
