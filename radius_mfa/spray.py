"""Notices when many accounts are tried a little: each by itself stays under every limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from radius_mfa.auth.model import LoginRequest
from radius_mfa.auth.reasons import Reason

WINDOW = 60.0
"""Seconds in which different names are counted."""
AT_A_CLIENT = 20
"""Different names refused at one client in a window that make a spray."""
IN_ALL = 50
"""The same over all clients."""
QUIET = 600.0
"""Seconds in which one that goes on is not told again."""

EVERYWHERE = ""
"""Stands for all clients."""

_REFUSALS = frozenset(
    {
        Reason.UNKNOWN_ACCOUNT,
        Reason.WRONG_PASSWORD,
        Reason.THROTTLED,
        Reason.WRONG_CODE,
        Reason.WRONG_CODE_LOCKS,
        Reason.WRONG_CODE_DISABLES,
    }
)


@dataclass(slots=True)
class _Seen:
    started: float
    names: set[int] = field(default_factory=set)
    quiet_until: float = float("-inf")


class Spray:
    """Of one process: a few numbers for each client, and none of the names."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def note(self, request: LoginRequest, reason: Reason, now: float) -> Iterator[str]:
        """The clients (or EVERYWHERE) at which this refusal makes a spray; `now` in monotonic seconds."""
        if reason not in _REFUSALS:
            return
        name = hash(request.name)
        for client, enough in ((request.client.shortname, AT_A_CLIENT), (EVERYWHERE, IN_ALL)):
            seen = self._seen.setdefault(client, _Seen(now))
            if now - seen.started >= WINDOW:
                seen.started, seen.names = now, set()
            if len(seen.names) < enough:
                seen.names.add(name)
            if len(seen.names) == enough and now >= seen.quiet_until:
                seen.quiet_until = now + QUIET
                yield client
