"""Authenticators: those of an account, a new phone, the end of an old one, and one that is out of step."""

from __future__ import annotations

from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from radius_mfa.auth import credential, resync
from radius_mfa.auth.model import TokenStatus
from radius_mfa.auth.notices import Change
from radius_mfa.auth.otp import Match
from radius_mfa.auth.policy import Enrolment
from radius_mfa.errors import OperationFailed
from radius_mfa.portal import forms
from radius_mfa.portal.changes import Changes, Page
from radius_mfa.portal.confirm import DENIED, StepUp
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.new_phone import new_phone
from radius_mfa.portal.pages import Pages, to
from radius_mfa.ports import Clock, Random
from radius_mfa.store import tokens
from radius_mfa.store.database import Database
from radius_mfa.store.labels import LONGEST_LABEL, is_label
from radius_mfa.store.mailing import SECRET_SIZE
from radius_mfa.store.sessions import Session
from radius_mfa.store.tokens import NewToken, TokenRow


class Authenticators:
    """The page of them. `new` says how a new one makes its codes, and how long it waits for the first."""

    def __init__(
        self, pages: Pages, changes: Changes, step_up: StepUp, desk: Desk, clock: Clock, random: Random, issuer: str,
        new: Enrolment,
    ) -> None:  # fmt: skip
        self._pages = pages
        self._changes = changes
        self._step_up = step_up
        self._desk = desk
        self._clock = clock
        self._random = random
        self._issuer = issuer
        self._new = new

    def routes(self) -> list[Route]:
        return [
            Route("/authenticator", self._changes.signed_in(self.show), methods=["GET"]),
            Route("/authenticator", self._changes.confirmed(Page.AUTHENTICATOR, self.change), methods=["POST"]),
            # The code that it asks for confirms it: setting up an app may take longer than the last code holds.
            Route("/authenticator/code", self._changes.signed_in(self.first_code), methods=["POST"]),
            Route("/authenticator/code", self._changes.signed_in(self.show), methods=["GET"]),  # the same page, anew
        ]

    async def show(self, request: Request, session: Session) -> Response:
        return await self._page(session, done=request.query_params.get("done"))

    async def change(self, request: Request, session: Session) -> Response:
        typed = await forms.fields(request)
        match typed.get("do"):
            case "add":
                return await self._add(request, session, typed.get("label", "").strip())
            case "remove":
                return await self._remove(request, session, typed.get("id", ""))
            case "resync":
                return await self._resync(request, session, (typed.get("first", ""), typed.get("second", "")))
        raise HTTPException(400)

    async def first_code(self, request: Request, session: Session) -> Response:
        """The code that makes a new phone active: a round like any other, in which it is one of the phones."""
        typed = await forms.fields(request)
        before = _waiting(await self._all(session), self._clock.now())
        if before is None:
            return await self._page(session, problem="ended")
        if not await self._step_up.takes(request, session, typed.get("code", "")):
            return to("/login") if await self._step_up.over(request) else await self._page(session, problem="code")
        status = {one.id: one.status for one in await self._all(session)}.get(before.id)
        if status is TokenStatus.ACTIVE:
            return to("/authenticator?done=added")
        return await self._page(session, problem="other-phone")

    async def _add(self, request: Request, session: Session, label: str) -> Response:
        if not is_label(label):
            return await self._page(session, problem="label")
        known = await self._all(session)
        if not any(one.status is TokenStatus.ACTIVE for one in known):
            # The only one there is stands in for recovery codes too, and the next login would mail its key.
            return await self._page(session, problem="first")
        secret, digits = self._random(SECRET_SIZE), known[0].digits
        phone = new_phone(secret, session.name, self._issuer, digits, self._new.period, self._new.algorithm)
        new = NewToken(secret, digits=digits, algorithm=self._new.algorithm, period=self._new.period, label=label)
        expires = self._clock.now() + self._new.expires
        enroll = partial(tokens.enroll, name=session.name, new=new, expires=expires)
        await self._changes.make(request, session, Change.PHONE_BEGUN, enroll, device=label)
        return self._pages.show("new-phone", name=session.name, phone=phone, ends=expires)

    async def _remove(self, request: Request, session: Session, number: str) -> Response:
        chosen = next((one for one in await self._all(session) if str(one.id) == number), None)
        if chosen is None:
            return await self._page(session, problem="gone")
        remove = partial(tokens.remove, name=session.name, token_id=chosen.id, session_id=session.id)
        try:
            await self._changes.make(request, session, Change.PHONE_REMOVED, remove, device=chosen.label)
        except OperationFailed:
            return await self._page(session, problem="only")
        return to("/authenticator?done=removed")

    async def _resync(self, request: Request, session: Session, codes: tuple[str, str]) -> Response:
        found = await self._desk.look(partial(_place, name=session.name, codes=codes))
        if found is None:
            return await self._page(session, problem="wrong-codes")
        if resync.too_far(found):
            return await self._page(session, problem="clock")
        bring = partial(tokens.resync, name=session.name, token_id=found.token.id, step=found.step, drift=found.drift)
        try:
            await self._changes.make(request, session, Change.PHONE_IN_STEP, bring)
        except OperationFailed:
            return await self._page(session, problem="used-codes")
        return to("/authenticator?done=in-step")

    async def _all(self, session: Session) -> list[TokenRow]:
        return await self._desk.look(partial(tokens.all_tokens, name=session.name))

    async def _page(self, session: Session, *, problem: str = "", done: str | None = None) -> Response:
        """The list. `problem` is a word for what was not done, `done` one for what was."""
        known, now = await self._all(session), self._clock.now()
        shown = [one for one in known if one.status is not TokenStatus.PENDING]
        return self._pages.show(
            "authenticator",
            DENIED if problem else 200,
            name=session.name,
            phones=shown,
            active=sum(one.status is TokenStatus.ACTIVE for one in shown),
            waiting=_waiting(known, now),
            longest=LONGEST_LABEL,
            problem=problem,
            done=done,
            refused=bool(problem),
        )


def _waiting(known: list[TokenRow], now: float) -> TokenRow | None:
    """The one that waits for its first code."""
    pending = (one for one in known if one.status is TokenStatus.PENDING and (one.expires or 0.0) > now)
    return next(pending, None)


def _place(database: Database, name: str, codes: tuple[str, str]) -> Match | None:
    """Where these two codes put an authenticator of the account; None where they fit none."""
    known = [one for one in tokens.all_tokens(database, name) if one.status is TokenStatus.ACTIVE]
    if not known:
        return None
    first, second = (credential.typed_code(code, known[0].digits) for code in codes)
    if first is None or second is None:
        return None
    return resync.place(tokens.active(database, name), first, second, database.clock.now())
