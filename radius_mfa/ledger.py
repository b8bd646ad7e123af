"""What was decided, written down before it is told; and what an admin has to hear of at once, after that."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from radius_mfa.alerts import Alerts
from radius_mfa.auth.model import Accept, Challenge, Reject, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.errors import AuditLost
from radius_mfa.ports import Audit, AuditRecord, Clock
from radius_mfa.round import Round
from radius_mfa.spray import Spray

log = logging.getLogger(__name__)

RETRY = 1.0
"""Seconds between two tries to write the audit again after it was lost."""
_RESULTS: Mapping[type[Verdict], str] = {Accept: "accept", Reject: "reject", Challenge: "challenge"}


class Ledger:
    """Of one process. `lost`: the audit could not be written, and until it can be, nothing may be told."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._alerts = Alerts(clock)
        self._spray = Spray()
        self._retry = 0.0
        self.lost = False

    def enter(self, ended: Iterable[Round]) -> None:
        """One write for all that have a verdict. Raises AuditLost: then none of them may be told."""
        decided = [(one, one.verdict) for one in ended if one.verdict is not None]
        if not decided:
            return
        now = self._clock.monotonic()
        unusual = [(one, verdict.reason) for one, verdict in decided if verdict.reason is not Reason.OK]
        sprays = [client for one, reason in unusual for client in self._spray.note(one.request, reason, now)]
        for client in sprays:
            self._alerts.tell_spray(client)
        records = [_record(one, verdict, now) for one, verdict in decided]
        try:
            self._audit.write([*records, *map(self._alert, sprays)])
        except AuditLost as lost:
            log.error("audit lost, nothing is answered until it can be written: %s", lost.message)
            self.lost, self._retry = True, now + RETRY
            raise
        for one, reason in unusual:
            if one.name is not None:
                self._alerts.tell(reason, one.name, one.request.client.shortname)

    def resumed(self) -> bool:
        """Whether the audit can be written again, tried once in a while; the first line says so."""
        now = self._clock.monotonic()
        if now < self._retry:
            return False
        self._retry = now + RETRY
        try:
            self._audit.write([AuditRecord(time=self._clock.now(), event="audit-resumed")])
        except AuditLost:
            return False
        log.warning("the audit can be written again")
        self.lost = False
        return True

    def _alert(self, client: str) -> AuditRecord:
        return AuditRecord(time=self._clock.now(), event="alert", client=client, reason="spray")


def _record(one: Round, verdict: Verdict, now: float) -> AuditRecord:
    request = one.request
    return AuditRecord(
        time=request.at,
        event="login",
        account=one.name if one.name is not None else (request.name or b"").decode("utf-8", "backslashreplace"),
        client=request.client.shortname,
        source=request.source,
        calling_station=request.calling_station,
        transport=request.door,
        result=_RESULTS[type(verdict)],
        reason=verdict.reason,
        method=verdict.method if isinstance(verdict, Accept) else "",
        duration_ms=round((now - one.started) * 1000, 3),
        request_id=request.digest[:8].hex(),
    )
