"""A code once more, before somebody who is signed in changes anything."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from radius_mfa.auth.model import Accept, TokenStatus
from radius_mfa.portal import forms
from radius_mfa.portal.changes import Changes, Page
from radius_mfa.portal.delay import Delay
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.logins import Logins
from radius_mfa.portal.pages import Pages, to
from radius_mfa.portal.visits import Visits
from radius_mfa.store import codes, sessions, tokens
from radius_mfa.store.database import Database
from radius_mfa.store.sessions import Session

DENIED = 403


class StepUp:
    """Asks for a code of somebody who is signed in. It counts like one of a login."""

    def __init__(self, visits: Visits, logins: Logins, desk: Desk, delay: Delay) -> None:
        self._visits = visits
        self._logins = logins
        self._desk = desk
        self._delay = delay

    async def takes(self, request: Request, session: Session, code: str) -> bool:
        """Whether this is a code of theirs. If so it is used up, and changes may be made for a while.

        Raises Unavailable.
        """
        began = self._delay.begin()
        verdict = await self._logins.code_once_more(self._visits.visitor(request), session.name, code)
        if not isinstance(verdict, Accept):
            await self._delay.end(began)
            return False
        await self._desk.look(partial(sessions.code_given, session_id=session.id))
        return True

    async def over(self, request: Request) -> bool:
        """Whether the session has ended: one wrong code too many locks the account, and ends all of them."""
        return await self._visits.session(request) is None


class Confirm:
    """The page that asks, and goes on to where a change is to be made."""

    def __init__(self, pages: Pages, changes: Changes, step_up: StepUp, visits: Visits, desk: Desk) -> None:
        self._pages = pages
        self._changes = changes
        self._step_up = step_up
        self._visits = visits
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("/confirm", self._changes.signed_in(self.show), methods=["GET"]),
            Route("/confirm", self._changes.signed_in(self.take), methods=["POST"]),
        ]

    async def show(self, request: Request, session: Session) -> Response:
        page = _page(request.query_params.get("next", ""))
        return to(f"/{page}") if self._visits.confirmed(session) else await self._ask(session, page)

    async def take(self, request: Request, session: Session) -> Response:
        typed = await forms.fields(request)
        page, recovery = _page(typed.get("next", "")), "recovery" in typed
        if await self._step_up.takes(request, session, typed.get("recovery" if recovery else "code", "")):
            return to(f"/{page}")
        if await self._step_up.over(request):
            return to("/login")
        return await self._ask(session, page, refused=True, recovery=recovery)

    async def _ask(self, session: Session, page: str, *, refused: bool = False, recovery: bool = False) -> Response:
        """The page that asks. `recovery`: it was a recovery code that was refused."""
        return self._pages.show(
            "confirm",
            DENIED if refused else 200,
            name=session.name,
            next=page,
            refused=refused,
            recovery=recovery,
            possible=await self._desk.look(partial(_has_factor, name=session.name)),
        )


def _page(word: str) -> str:
    """The page of this word as its path has it; the first page for any other word."""
    return Page(word).value if word in set(Page) else ""


def _has_factor(database: Database, name: str) -> bool:
    """Whether the account has anything that a code can come from."""
    waiting = (TokenStatus.ACTIVE, TokenStatus.PENDING)
    known = any(one.status in waiting for one in tokens.all_tokens(database, name))
    return known or codes.count(database, name) > 0
