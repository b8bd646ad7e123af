"""The first page of somebody who is signed in: the second factor, the last logins, and the ways out."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from radius_mfa.auth.model import TokenStatus
from radius_mfa.auth.notices import Change
from radius_mfa.errors import OperationFailed
from radius_mfa.portal import cookies
from radius_mfa.portal.changes import Changes
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.last_logins import Login, last_logins
from radius_mfa.portal.pages import Pages, to
from radius_mfa.portal.visits import Visits
from radius_mfa.store import accounts, sessions, tokens
from radius_mfa.store.sessions import Session

log = logging.getLogger(__name__)

_LANGUAGES = {"en": "English"}


class Overview:
    """What somebody who is signed in sees first. `low`: with so few recovery codes left it is time for new ones.

    `audit`: the file that the last logins are read from. `language`: that of an account that has none of its own.
    """

    def __init__(
        self, pages: Pages, visits: Visits, changes: Changes, desk: Desk, audit: Path, *, low: int, language: str
    ) -> None:
        self._pages = pages
        self._visits = visits
        self._changes = changes
        self._desk = desk
        self._audit = audit
        self._low = low
        self._language = language

    def routes(self) -> list[Route]:
        signed_in = self._changes.signed_in
        return [
            Route("/", signed_in(self.show), methods=["GET"]),
            Route("/logout", self.sign_out, methods=["POST"]),
            Route("/sign-out-everywhere", signed_in(self.sign_out_everywhere), methods=["POST"]),
            Route("/not-me", signed_in(self.not_me), methods=["POST"]),
        ]

    async def show(self, _: Request, session: Session) -> Response:
        account = await self._desk.look(partial(accounts.get, name=session.name))
        known = await self._desk.look(partial(tokens.all_tokens, name=session.name))
        return self._pages.show(
            "overview",
            name=account.name,
            account=account,
            authenticators=[one for one in known if one.status is TokenStatus.ACTIVE],
            low=self._low,
            language=_LANGUAGES.get(language := account.language or self._language, language),
            logins=await self._logins(account.name, account.created),
        )

    async def sign_out(self, request: Request) -> Response:
        session = await self._visits.session(request)
        if session is not None:
            await self._desk.look(partial(sessions.end, session_id=session.id))
        return _signed_out(to("/login"))

    async def sign_out_everywhere(self, request: Request, session: Session) -> Response:
        end = partial(sessions.end_all, name=session.name)
        await self._changes.make(request, session, Change.SIGNED_OUT, end)
        return _signed_out(self._pages.show("signed-out", alarmed=False))

    async def not_me(self, request: Request, session: Session) -> Response:
        """A login was a stranger's: nobody stays signed in or trusted, and the admin hears of it."""
        log.warning(
            "portal: %s says that a login was not theirs (see it with: radius-mfa audit --account %s)",
            session.name,
            session.name,
        )
        end = partial(sessions.end_all, name=session.name, devices=True)
        await self._changes.make(request, session, Change.NOT_ME, end)
        response = _signed_out(self._pages.show("signed-out", alarmed=True))
        cookies.drop(response, cookies.DEVICE)
        return response

    async def _logins(self, name: str, since: float) -> list[Login] | None:
        """The last logins; None where the audit cannot be read, which is no reason to show nothing else."""
        try:
            return await asyncio.to_thread(last_logins, self._audit, name, since)
        except (OperationFailed, OSError) as error:
            log.warning("portal: the last logins cannot be shown: %s", error)
            return None


def _signed_out(response: Response) -> Response:
    cookies.drop(response, cookies.SESSION)
    return response
