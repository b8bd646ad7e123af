"""Refusals leave a fixed time after their request: how long a check took is nobody's business."""

from __future__ import annotations

import asyncio

from radius_mfa.ports import Clock


class Delay:
    """`seconds` between a request and its refusal."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds

    def begin(self) -> float:
        """When a request came, for `end`."""
        return self._clock.monotonic()

    async def end(self, began: float) -> None:
        """Wait for what is left of it."""
        await asyncio.sleep(max(0.0, began + self._seconds - self._clock.monotonic()))
