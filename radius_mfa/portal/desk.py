"""The store, for the pages and the API: worked on by one thread, and nothing is changed that was not written down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

from radius_mfa.ports import Audit, AuditRecord
from radius_mfa.store.database import Database

Found = TypeVar("Found")


class Desk:
    """All methods raise Unavailable, and what their operation raises."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        self._thread = ThreadPoolExecutor(1, "desk")

    async def look(self, operation: Callable[[Database], Found]) -> Found:
        """What the operation finds."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, operation, self._database)

    async def change(self, record: AuditRecord, operation: Callable[[Database], Found]) -> Found:
        """Write the record, then do it: what cannot be written down is not done. A failure gets a record of its own."""
        return await self.look(partial(self._change, record, operation))

    def _change(self, record: AuditRecord, operation: Callable[[Database], Found], database: Database) -> Found:
        self._audit.write([record])
        try:
            return operation(database)
        except Exception:
            self._audit.write([replace(record, result="failed")])
            raise

    def close(self) -> None:
        """Finish what is under way, and close the store."""
        self._thread.submit(self._database.close).result()  # SQLite gives connections back in their own thread alone
        self._thread.shutdown()
