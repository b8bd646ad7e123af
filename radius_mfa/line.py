"""Who waits for a try at a password while all that are left of the account are in use, and may come back."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Generic, TypeVar

Waiter = TypeVar("Waiter")

MOST = 1024
"""Waiters of one process: who comes then is refused."""
PAUSE = 0.02
"""Seconds between two looks at the tries that other processes have in use."""
AGAIN = object()
"""Stands for an answer where a round is to ask once more."""


class TryLine(Generic[Waiter]):
    """Lines by account key, first come, first served. Each try that is over lets one go on; used by one thread."""

    def __init__(self) -> None:
        self._in_use: Counter[str] = Counter()
        self._waiting: dict[str, deque[Waiter]] = {}
        self._size = 0
        self._called: list[Waiter] = []

    def took(self, key: str) -> None:
        """A try is in use from now on."""
        self._in_use[key] += 1

    def over(self, key: str) -> None:
        """A try is not in use any more, whether it counts or came back."""
        self._in_use[key] -= 1
        if not self._in_use[key]:
            del self._in_use[key]
        self.call(key)

    def join(self, key: str, waiter: Waiter) -> bool:
        """Wait, if anything can come of it: a try is in use, and the line is not too long."""
        if key not in self._in_use or self._size >= MOST:
            return False
        self._waiting.setdefault(key, deque()).append(waiter)
        self._size += 1
        return True

    def call(self, key: str) -> None:
        """The next one may try again: also when one that was called goes without."""
        line = self._waiting.get(key)
        if line is None:
            return
        self._called.append(line.popleft())
        self._size -= 1
        if not line:
            del self._waiting[key]

    def emptied(self) -> list[Waiter]:
        """Everybody who waits or was called: nobody is in line any more."""
        everybody = [*self.called(), *(waiter for line in self._waiting.values() for waiter in line)]
        self._waiting, self._size = {}, 0
        return everybody

    def called(self) -> list[Waiter]:
        """Who may try again now."""
        called, self._called = self._called, []
        return called


def pause() -> object:
    """What a thread does for who waits for another process, which calls nobody here."""
    time.sleep(PAUSE)
    return AGAIN
