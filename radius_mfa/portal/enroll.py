"""From the link in a mail to the first code: the password, then the key, then the code that it gives.

The link shows that its reader has the mailbox, and the password who it is; neither is enough alone. Looking at the page
spends nothing: the link is good until the token is active, has expired, or was taken away.
"""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from radius_mfa.auth.model import Challenge
from radius_mfa.portal import cookies, forms
from radius_mfa.portal.delay import Delay
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.logins import Logins, Started
from radius_mfa.portal.new_phone import new_phone
from radius_mfa.portal.pages import Pages, to
from radius_mfa.portal.started import StartedLogins
from radius_mfa.portal.visits import Visits
from radius_mfa.store import invitations
from radius_mfa.store.invitations import Invited

DENIED = 403
OVER = 404


class Enrolments:
    """The pages of whoever was invited by a link."""

    def __init__(
        self, pages: Pages, visits: Visits, logins: Logins, started: StartedLogins, delay: Delay, desk: Desk,
        issuer: str,
    ) -> None:  # fmt: skip
        self._pages = pages
        self._visits = visits
        self._logins = logins
        self._started = started
        self._delay = delay
        self._desk = desk
        self._issuer = issuer

    def routes(self) -> list[Route]:
        return [
            Route("/enroll/{link}", self.ask_password, methods=["GET"]),
            Route("/enroll/{link}", self.take_password, methods=["POST"]),
        ]

    async def ask_password(self, request: Request) -> Response:
        invited = await self._invited(request)
        return self._over() if invited is None else self._ask(invited, refused=False)

    async def take_password(self, request: Request) -> Response:
        """A login like any other, of the account that the link is about."""
        began = self._delay.begin()
        typed = await forms.fields(request)
        invited = await self._invited(request)
        if invited is None:
            return self._over()
        visitor = self._visits.visitor(request)
        verdict = await self._logins.password(visitor, invited.name, typed.get("password", ""))
        if not isinstance(verdict, Challenge):
            await self._delay.end(began)
            return self._ask(invited, refused=True)
        started = Started(invited.name, verdict, self._logins.state(verdict), link=invited.token.id)
        response = to("/login/code")
        cookies.put(response, cookies.LOGIN, self._started.keep(started))
        return response

    async def key(self, started: Started, *, refused: bool, trusted_for: str) -> Response:
        """The page that shows the key to whoever came by a link, and asks for its first code."""
        invited = None
        if started.link is not None:
            invited = await self._desk.look(partial(invitations.of_token, token_id=started.link))
        if invited is None:
            return self._over()
        token = invited.token
        phone = new_phone(token.secret or b"", invited.name, self._issuer, token.digits, token.period, token.algorithm)
        return self._pages.show(
            "enroll-key",
            DENIED if refused else 200,
            phone=phone,
            ends=token.expires,
            refused=refused,
            trusted_for=trusted_for,
            typed=started.name,
        )

    async def _invited(self, request: Request) -> Invited | None:
        return await self._desk.look(partial(invitations.of_link, link=request.path_params["link"]))

    def _ask(self, invited: Invited, *, refused: bool) -> Response:
        return self._pages.show("enroll", DENIED if refused else 200, account=invited.name, refused=refused)

    def _over(self) -> Response:
        words = "It was used, or it has expired. If your app is still to be set up, log in: you get a new mail."
        return self._pages.show("message", OVER, title="This link is over", words=words)
