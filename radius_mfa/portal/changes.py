"""Changes that users make about their second factor: who may make one, and what is written down and told of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial
from typing import Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from radius_mfa.auth.notices import Change, Changed
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.logins import CLIENT
from radius_mfa.portal.pages import to
from radius_mfa.portal.visits import Visits
from radius_mfa.ports import AuditRecord, Clock
from radius_mfa.store import sessions
from radius_mfa.store.database import Database
from radius_mfa.store.sessions import Session

Found = TypeVar("Found")
Found_co = TypeVar("Found_co", covariant=True)
Answer = Callable[[Request], Awaitable[Response]]
"""What a route does."""
AnswerTo = Callable[[Request, Session], Awaitable[Response]]
"""The same, for somebody who is signed in."""


class Page(StrEnum):
    """Where changes are made. After a code was given once more it goes on there, and nowhere else."""

    CODES = "codes"
    DEVICES = "devices"
    AUTHENTICATOR = "authenticator"


class Operation(Protocol[Found_co]):
    """One of the store, which tells the owner of the account in its own transaction."""

    def __call__(self, database: Database, /, *, notice: Changed | None) -> Found_co: ...


class Changes:
    """`mails`: whether changes are told by mail. Its methods raise Unavailable."""

    def __init__(self, visits: Visits, desk: Desk, clock: Clock, *, mails: bool) -> None:
        self._visits = visits
        self._desk = desk
        self._clock = clock
        self._mails = mails

    def signed_in(self, answer: AnswerTo) -> Answer:
        """A route for whoever is signed in; all others go to the sign-in."""

        async def answered(request: Request) -> Response:
            session = await self._visits.session(request)
            if session is None:
                return to("/login")
            try:
                return await answer(request, session)
            except sessions.Ended:
                return to("/login")

        return answered

    def confirmed(self, page: Page, answer: AnswerTo) -> Answer:
        """A route that may change something: a code must have been given lately, else one is asked for first."""

        async def answered(request: Request, session: Session) -> Response:
            if not self._visits.confirmed(session):
                return to(f"/confirm?next={page}")
            return await answer(request, session)

        return self.signed_in(answered)

    async def make(
        self, request: Request, session: Session, what: Change, operation: Operation[Found], *, device: str = ""
    ) -> Found:
        """Write it down, do it, and tell the owner; `device` is the label of what it is about.

        Raises what the operation raises, and sessions.Ended.
        """
        now, source = self._clock.now(), self._visits.visitor(request).source
        record = AuditRecord(
            time=now,
            event="alert" if what is Change.NOT_ME else "change",
            account=session.name,
            client=CLIENT,
            source=source,
            transport=CLIENT,
            reason=what.value,
            actor=session.name,
        )
        notice = Changed(account=session.name, at=now, client=CLIENT, address=source, what=what, device=device)
        told = partial(operation, notice=notice if self._mails else None)
        return await self._desk.change(record, lambda database: told(sessions.within(database, session)))
