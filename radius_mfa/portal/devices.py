"""Trusted devices: where no code is asked for, what each of them is called, and the end of it."""

from __future__ import annotations

from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from radius_mfa.auth.notices import Change
from radius_mfa.errors import OperationFailed
from radius_mfa.portal import forms
from radius_mfa.portal.changes import Changes, Operation, Page
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.pages import Pages, to
from radius_mfa.store import devices
from radius_mfa.store.devices import DeviceRow
from radius_mfa.store.labels import LONGEST_LABEL, is_label
from radius_mfa.store.sessions import Session


class Devices:
    """The page of them."""

    def __init__(self, pages: Pages, changes: Changes, desk: Desk) -> None:
        self._pages = pages
        self._changes = changes
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("/devices", self._changes.signed_in(self.show), methods=["GET"]),
            Route("/devices", self._changes.confirmed(Page.DEVICES, self.change), methods=["POST"]),
        ]

    async def show(self, request: Request, session: Session) -> Response:
        return self._page(session, await self._all(session), done=request.query_params.get("done"))

    async def change(self, request: Request, session: Session) -> Response:
        typed = await forms.fields(request)
        if typed.get("do") == "revoke-all":
            return await self._revoke_all(request, session)
        known = await self._all(session)
        device = next((one for one in known if str(one.id) == typed.get("id")), None)
        if device is None:
            return self._page(session, known, 404, problem="gone")
        match typed.get("do"):
            case "rename":
                return await self._rename(request, session, device, typed.get("label", "").strip())
            case "revoke":
                return await self._revoke(request, session, device)
        raise HTTPException(400)

    async def _rename(self, request: Request, session: Session, device: DeviceRow, label: str) -> Response:
        if not is_label(label):
            return self._page(session, await self._all(session), 400, problem="label", about=device.id)
        rename = partial(devices.rename, name=session.name, device_id=device.id, label=label)
        return await self._done(request, session, Change.DEVICE_RENAMED, rename, label, "renamed")

    async def _revoke(self, request: Request, session: Session, device: DeviceRow) -> Response:
        revoke = partial(devices.revoke, name=session.name, device_id=device.id)
        return await self._done(request, session, Change.DEVICE_REVOKED, revoke, device.label, "revoked")

    async def _revoke_all(self, request: Request, session: Session) -> Response:
        revoke = partial(devices.revoke_all, name=session.name)
        return await self._done(request, session, Change.DEVICES_REVOKED, revoke, "", "all-revoked")

    async def _done(
        self,
        request: Request,
        session: Session,
        what: Change,
        operation: Operation[object],
        label: str,
        done: str,
    ) -> Response:
        try:
            await self._changes.make(request, session, what, operation, device=label)
        except OperationFailed:  # somebody else was faster
            return self._page(session, await self._all(session), 404, problem="gone")
        return to(f"/devices?done={done}")

    async def _all(self, session: Session) -> list[DeviceRow]:
        return await self._desk.look(partial(devices.all_devices, name=session.name))

    def _page(
        self,
        session: Session,
        known: list[DeviceRow],
        status: int = 200,
        *,
        problem: str = "",
        about: int = 0,
        done: str | None = None,
    ) -> Response:
        """The list. `problem` is a word for what was not done, with the device of the id `about`."""
        return self._pages.show(
            "devices",
            status,
            name=session.name,
            devices=known,
            longest=LONGEST_LABEL,
            problem=problem,
            about=about,
            done=done,
            refused=bool(problem),
        )
