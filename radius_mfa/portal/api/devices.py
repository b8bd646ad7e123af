"""Trusted devices, over the API."""

from __future__ import annotations

from functools import partial

from radius_mfa.portal.api import answers
from radius_mfa.portal.api.answers import Devices, Ended
from radius_mfa.portal.api.changes import ApiChange, ending, record
from radius_mfa.portal.api.operation import Answer, Call, Operation
from radius_mfa.portal.desk import Desk
from radius_mfa.ports import Clock
from radius_mfa.store import devices
from radius_mfa.store.api_tokens import Scope


class DeviceOperations:
    """List and revoke them."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock

    def operations(self) -> list[Operation]:
        """With their places."""
        path, write = "/users/{name}/devices", Scope.DEVICES_WRITE
        return [
            Operation("listDevices", "GET", path, "List trusted devices", self.all, Devices, Scope.DEVICES_READ),
            Operation("revokeDevices", "DELETE", path, "Revoke all trusted devices", self.revoke_all, Ended, write),
            Operation(
                "revokeDevice",
                "DELETE",
                path + "/{id}",
                "Revoke a trusted device",
                self.revoke,
                None,
                write,
                status=204,
            ),
        ]

    async def all(self, call: Call) -> Answer:
        rows = await self._desk.look(partial(devices.all_devices, name=call.name))
        return Answer(Devices(devices=[answers.device(row) for row in rows]))

    async def revoke_all(self, call: Call) -> Answer:
        line = record(call, ApiChange.DEVICES_REVOKED, self._clock.now())
        return Answer(Ended(ended=await self._desk.change(line, partial(ending, devices.revoke_all, call.name))))

    async def revoke(self, call: Call) -> Answer:
        line = record(call, ApiChange.DEVICE_REVOKED, self._clock.now())
        await self._desk.change(line, partial(devices.revoke, name=call.name, device_id=call.device))
        return Answer()
