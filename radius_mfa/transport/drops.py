"""Every dropped datagram has a reason: it is counted for its client and logged, not more than once a minute."""

from __future__ import annotations

import logging

from radius_mfa.errors import AuditLost, PasswordsBusy, PasswordsUnavailable, RadiusMfaError, StoreBusy, StoreFailed
from radius_mfa.log import RateLimit
from radius_mfa.ports import Clock
from radius_mfa.radius.clients import Client
from radius_mfa.radius.drops import Drop, Dropped
from radius_mfa.store.shared import ClientCounters

log = logging.getLogger(__name__)

STRANGERS = -1
"""The row of the counters for senders that are no client."""

_BY_FAILURE: tuple[tuple[type[RadiusMfaError], Drop], ...] = (
    (StoreBusy, Drop.STORE_BUSY),
    (StoreFailed, Drop.STORE_FAILED),
    (AuditLost, Drop.AUDIT_LOST),
    (PasswordsBusy, Drop.BUSY),
    (PasswordsUnavailable, Drop.PASSWORDS_UNAVAILABLE),
)


def reason_of(failed: RadiusMfaError) -> Drop:
    """Why a round that ended without an answer is a drop."""
    if isinstance(failed, Dropped):
        return failed.reason
    return next((drop for kind, drop in _BY_FAILURE if isinstance(failed, kind)), Drop.INTERNAL)


class DropLog:
    """Counts drops in DB.shared and logs one line a client and reason a minute, with what would mend it."""

    def __init__(self, counters: ClientCounters, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock
        self._clients = RateLimit()
        # A flood from forged addresses is no more than a line a second, over all workers.
        self._strangers = RateLimit(limit=max(1, 60 // counters.workers))

    def note(self, client: Client | None, source: str, reason: Drop, failed: RadiusMfaError | None = None) -> None:
        """A datagram of `client` (None: of a stranger) from the address `source` was dropped."""
        self._counters.dropped(client.index if client else STRANGERS, self._clock.now(), reason.value)
        limit, kind = (self._clients, client.shortname) if client else (self._strangers, source)
        held = limit.admit((kind, reason), self._clock.monotonic())
        if held is None:
            return
        name = client.shortname if client else source
        hint = (failed.hint if failed else "") or reason.hint(name)
        log.log(
            logging.DEBUG if reason is Drop.DUPLICATE_IN_WORK else logging.WARNING,
            "dropped a datagram of %s from %s: %s%s%s%s",
            client.shortname if client else "an unknown client",
            source,
            reason.value,
            f": {failed.message}" if failed and not isinstance(failed, Dropped) else "",
            f" ({held} more in the minute before)" if held else "",
            f"; hint: {hint}" if hint else "",
        )
