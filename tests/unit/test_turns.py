"""The thread that judges for an asyncio process: without it there is no door."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest

from radius_mfa.backends.slots import HashSlots
from radius_mfa.errors import PasswordsBusy
from radius_mfa.transport.turns import Turns
from tests.contract.stores import SetClock


def test_a_door_without_a_thread_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the host gives no thread it does not open: the child ends, and the supervisor tries again."""

    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def open_door() -> None:
        slots, clock = HashSlots(1, 2, SetClock()), SetClock()
        nobody = SimpleNamespace(advance=lambda fresh: fresh)
        turns = Turns(nobody, slots, clock)  # type: ignore[arg-type]
        try:
            with turns.opened():
                pass
        finally:
            slots.close()

    asyncio.run(open_door())
    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(PasswordsBusy, match="no thread"):
        asyncio.run(open_door())
