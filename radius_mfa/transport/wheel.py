"""What is to be done later, in the order of its time, without a thread and without growing for ever."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Wheel(Generic[Item]):
    """At most `limit` items, each with the monotonic time (seconds) at which it is due."""

    def __init__(self, limit: int = 16384) -> None:
        self._limit = limit
        self._waiting: list[tuple[float, int, Item]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, due: float, item: Item) -> bool:
        """False if the wheel is full: the item was not taken."""
        if len(self._waiting) >= self._limit:
            return False
        heapq.heappush(self._waiting, (due, next(self._order), item))
        return True

    def next_due(self) -> float | None:
        """When the first item is due; None if there is none."""
        return self._waiting[0][0] if self._waiting else None

    def due(self, now: float) -> Iterator[Item]:
        """Take out every item that is due, earliest first."""
        while self._waiting and self._waiting[0][0] <= now:
            yield heapq.heappop(self._waiting)[2]
