"""Recovery codes: how many are left, a new set that is shown once, and its end."""

from __future__ import annotations

from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from radius_mfa.auth import recovery
from radius_mfa.auth.notices import Change
from radius_mfa.errors import OperationFailed
from radius_mfa.portal import forms
from radius_mfa.portal.changes import Changes, Page
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.pages import Pages, to, when
from radius_mfa.ports import Clock, Random
from radius_mfa.store import codes
from radius_mfa.store.sessions import Session

MOST = 50
"""Codes of a file; mfa.recovery_codes.count allows no more."""
FILE = "recovery-codes.txt"


class Codes:
    """`issuer` and the account's name stand in the file of a set; `count` codes make one."""

    def __init__(
        self, pages: Pages, changes: Changes, desk: Desk, clock: Clock, random: Random, issuer: str, count: int
    ) -> None:
        self._pages = pages
        self._changes = changes
        self._desk = desk
        self._clock = clock
        self._random = random
        self._issuer = issuer
        self._count = count

    def routes(self) -> list[Route]:
        return [
            Route("/codes", self._changes.signed_in(self.show), methods=["GET"]),
            Route("/codes", self._changes.confirmed(Page.CODES, self.change), methods=["POST"]),
            Route("/codes/file", self._changes.signed_in(self.file), methods=["POST"]),
        ]

    async def show(self, request: Request, session: Session) -> Response:
        left = await self._desk.look(partial(codes.count, name=session.name))
        done = request.query_params.get("done")
        return self._pages.show("codes", name=session.name, left=left, count=self._count, done=done)

    async def change(self, request: Request, session: Session) -> Response:
        match (await forms.fields(request)).get("do"):
            case "make":
                return await self._make(request, session)
            case "delete":
                return await self._delete(request, session)
        raise HTTPException(400)

    async def file(self, request: Request, session: Session) -> Response:
        """The codes of a set that was just shown, as a file: they come from the page, since nothing here keeps them.

        Only what is a recovery code letter by letter is sent back, and never as a page.
        """
        shown = (await forms.fields(request)).get("codes", "").split(" ")
        if len(shown) > MOST or not all(map(recovery.is_shown, shown)):
            raise HTTPException(400)
        head = f"Recovery codes of {session.name} for {self._issuer}, saved on {when(self._clock.now())}"
        text = "\r\n".join([head, "Each works once, in place of a code of the app.", "", *shown, ""])
        return Response(
            text, media_type="text/plain", headers={"Content-Disposition": f'attachment; filename="{FILE}"'}
        )

    async def _make(self, request: Request, session: Session) -> Response:
        made = recovery.make(self._random, self._count)
        replace = partial(codes.replace, name=session.name, codes=made)
        await self._changes.make(request, session, Change.CODES_MADE, replace)
        return self._pages.show("new-codes", name=session.name, codes=[recovery.show(code) for code in made])

    async def _delete(self, request: Request, session: Session) -> Response:
        delete = partial(codes.delete, name=session.name)
        try:
            await self._changes.make(request, session, Change.CODES_DELETED, delete)
        except OperationFailed:
            return to("/codes?done=none")
        return to("/codes?done=deleted")
