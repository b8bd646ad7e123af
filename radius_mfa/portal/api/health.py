"""Whether the portal could do its work, for a load balancer or a monitor: yes or no, and nothing else."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import sqlalchemy as sa

from radius_mfa.log import RateLimit
from radius_mfa.portal.api.answers import Health
from radius_mfa.portal.api.operation import Answer, Call, Operation
from radius_mfa.portal.api.problems import unavailable
from radius_mfa.portal.desk import Desk
from radius_mfa.ports import Clock
from radius_mfa.store.database import Database
from radius_mfa.store.schema import account

log = logging.getLogger(__name__)


class HealthOperation:
    """Looks whether the store can be read, and it and the audit be written, without writing."""

    def __init__(self, desk: Desk, clock: Clock, store: Path, audit: Path) -> None:
        self._desk = desk
        self._clock = clock
        self._quiet = RateLimit()
        self._store = store
        self._audit = audit

    def operations(self) -> list[Operation]:
        """With its place."""
        return [Operation("health", "GET", "/health", "Ask whether all is well", self.look, Health, None)]

    async def look(self, _: Call) -> Answer:
        closed = await self._desk.look(self._closed)
        if closed is None:
            return Answer(Health())
        if self._quiet.admit("closed", self._clock.monotonic()) is not None:
            log.warning("health: cannot write %s; hint: look for its owner and for room on its disk", closed)
        raise unavailable()

    def _closed(self, database: Database) -> Path | None:
        """What of ours cannot be written. Raises Unavailable when the store cannot be read."""
        with database.read() as connection:
            connection.execute(sa.select(account.c.id).limit(1))
        ours = (self._store.parent, self._store, self._audit if self._audit.exists() else self._audit.parent)
        return next((path for path in ours if not _writable(path)), None)


def _writable(path: Path) -> bool:
    """Whether we may write there, and there is room."""
    if not os.access(path, os.W_OK):
        return False
    room = os.statvfs(path)
    return room.f_bavail > 0 or room.f_blocks == 0  # a file system without a size has no end either
