"""Logins between password and code. Only a right password makes one, and only this process knows of it."""

from __future__ import annotations

from radius_mfa.portal.logins import Started
from radius_mfa.ports import Clock, Random

MOST = 10_000
"""Logins under way; past that, the oldest is forgotten and has to begin anew."""
_KEY = 32


class StartedLogins:
    """By the key that the browser of each was given."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._by_key: dict[str, Started] = {}  # the oldest first

    def keep(self, started: Started) -> str:
        """The key under which it is found, until its State expires."""
        if len(self._by_key) >= MOST:
            del self._by_key[next(iter(self._by_key))]
        key = self._random(_KEY).hex()
        self._by_key[key] = started
        return key

    def find(self, key: str) -> Started | None:
        """What was kept under this key, if it can still be answered."""
        started = self._by_key.get(key)
        if started is not None and started.state.expires <= self._clock.now():
            del self._by_key[key]
            return None
        return started

    def forget(self, key: str) -> None:
        """It is over."""
        self._by_key.pop(key, None)
