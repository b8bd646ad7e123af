"""Drives rounds of logins against the ports: answers what the flows ask, commits once, audits, hands back verdicts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from radius_mfa.alerts import Alerts
from radius_mfa.auth import flow, otp, policy
from radius_mfa.auth.asks import (
    Ask,
    CheckPassword,
    Commit,
    FindRecoveryCode,
    FindSkew,
    LoadAccount,
    Outcome,
    RecordAccount,
)
from radius_mfa.auth.model import Accept, Challenge, LoginRequest, Reject, Verdict
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.verdicts import Flow
from radius_mfa.errors import AuditLost, RadiusMfaError, StoreFailed, Unavailable, where
from radius_mfa.ports import Audit, AuditRecord, Clock, PasswordBackend, Slots, Store, Write

log = logging.getLogger(__name__)

HASH_DEADLINE = 1.5
"""Seconds that a RADIUS request may wait for a hash slot: later, its client has given up or asked again."""
AUDIT_RETRY = 1.0
"""Seconds between two tries to write the audit again after it was lost."""
_WAIT = object()


class Round:
    """One flow at work. When it comes back from advance(), either `verdict` and `reply` are set, or `failed` is.

    `reply` are the octets to send, as `render` made them; a failed round is not answered at all, and nothing of it
    was changed unless `failed` is AuditLost.
    """

    __slots__ = ("ask", "failed", "name", "promised", "render", "reply", "request", "running", "started", "verdict")

    def __init__(
        self, request: LoginRequest, running: Flow, render: Callable[[Verdict], bytes], started: float
    ) -> None:
        self.request = request
        self.running = running
        self.render = render
        self.started = started
        self.name: str | None = None
        self.ask: Ask | None = None
        self.promised: Verdict | None = None
        self.verdict: Verdict | None = None
        self.reply = b""
        self.failed: RadiusMfaError | None = None

    @property
    def ended(self) -> bool:
        return self.verdict is not None or self.failed is not None


class Authenticator:
    """The rounds of one process, for whichever door. Used by one thread.

    `passwords` are the backends by name, in the order in which they are asked about a name that has no account.
    `patience`: seconds that a round may wait for a slot.
    """

    def __init__(
        self,
        rules: Rules,
        store: Store,
        passwords: Mapping[str, PasswordBackend],
        slots: Slots,
        audit: Audit,
        clock: Clock,
        patience: float = HASH_DEADLINE,
    ) -> None:
        self._rules = rules
        self._store = store
        self._passwords = passwords
        self._bringing = next((backend for backend in passwords.values() if backend.brings), None)
        computing = (backend for backend in passwords.values() if not backend.waits)
        self._nobody = next(computing, next(iter(passwords.values())))
        self._slots = slots
        self._audit = audit
        self._clock = clock
        self._patience = patience
        self._audit_retry = 0.0
        self._alerts = Alerts(clock)
        self.audit_lost = False
        """While true no round is begun: what cannot be written down is not told."""

    def begin(self, request: LoginRequest, render: Callable[[Verdict], bytes] = lambda _: b"") -> Round:
        """A round for this request, to be handed to advance(). `render` gives the octets of a verdict."""
        return Round(request, flow.login(request, self._rules), render, self._clock.monotonic())

    def advance(self, fresh: Iterable[Round] = ()) -> list[Round]:
        """Take all rounds as far as they go without waiting for a slot; the ones that ended, audited."""
        moving: list[tuple[Round, object]] = [*((one, None) for one in fresh), *self._resumed()]
        touched = [one for one, _ in moving]
        if self.audit_lost and not self._audit_resumed():
            for one in touched:
                self._fail(one, AuditLost("the audit cannot be written"))
            return touched
        while moving:
            for one, answer in moving:
                self._step(one, answer)
            moving = self._commit([one for one, _ in moving if isinstance(one.ask, Commit) and not one.ended])
        ended = [one for one in touched if one.ended]
        self._write_down(ended)
        return ended

    def run(self, requests: Sequence[LoginRequest]) -> list[Verdict]:
        """The verdicts of all requests, in order; waits for them."""
        rounds = [self.begin(request) for request in requests]
        left = len(rounds) - len(self.advance(rounds))
        while left:
            self._slots.wait()
            left -= len(self.advance())
        return [_told(one) for one in rounds]

    def _resumed(self) -> list[tuple[Round, object]]:
        """The rounds whose slots have finished, with their answers; a slot's error is raised inside the flow's step."""
        return [
            (one, done.error or done.answer) for done in self._slots.finished() if isinstance(one := done.key, Round)
        ]

    def _step(self, one: Round, answer: object) -> None:
        """Send the flow its answer, and answer what it asks next until it ends, or waits for a slot or a commit."""
        try:
            if isinstance(answer, Exception):
                raise answer
            self._drive(one, answer)
        except Exception as error:  # noqa: BLE001 - every error denies
            self._fail(one, error)

    def _drive(self, one: Round, answer: object) -> None:
        try:
            while answer is not _WAIT:
                one.ask = one.running.send(answer)
                answer = self._answer(one, one.ask)
        except StopIteration as end:
            verdict = end.value
        else:
            return
        if not isinstance(verdict, Accept | Reject | Challenge):
            raise TypeError("a flow has ended without a verdict")
        if isinstance(verdict, Accept) and verdict.stored is not None:
            one.reply = verdict.stored
        elif verdict is not one.promised:
            one.reply = one.render(verdict)
        one.verdict = verdict

    def _answer(self, one: Round, ask: Ask) -> object:
        """The answer to an ask, or _WAIT when a slot or the commit will bring it."""
        match ask:
            case LoadAccount():
                account = self._store.load(ask.name)
                one.name = account.name if account is not None else None
                return account
            case CheckPassword():
                self._check_password(one, ask)
            case RecordAccount():
                return self._store.record(ask.brought, ask.at)
            case FindRecoveryCode():
                return self._store.find_recovery_code(ask.account.id, ask.code)
            case FindSkew():
                self._submit(one, partial(otp.find_skew, ask.tokens, ask.code, ask.at))
        return _WAIT

    def _check_password(self, one: Round, ask: CheckPassword) -> None:
        """Only the backend that an account was made with is asked; where there is none, the same work and no."""
        if ask.account is not None:
            backend = self._passwords.get(ask.account.backend)
        else:
            backend = self._bringing if ask.name else None
        if backend is not None:
            work = partial(backend.check, ask.account, ask.name, ask.password, ask.rhost)
        else:
            backend = self._nobody
            work = partial(backend.check, None, "", ask.password, ask.rhost)
        self._submit(one, work, waits=backend.waits)

    def _submit(self, one: Round, work: Callable[[], object], *, waits: bool = False) -> None:
        self._slots.submit(one, one.request.client.shortname, work, one.started + self._patience, waits=waits)

    def _commit(self, rounds: list[Round]) -> list[tuple[Round, object]]:
        """All commits in one transaction; if that fails, each alone. The rounds that got an outcome, with it."""
        writes = [(one, write) for one in rounds if (write := self._write(one)) is not None]
        try:
            outcomes = self._store.commit([write for _, write in writes]) if writes else []
        except StoreFailed:
            alone = [(one, self._commit_alone(one, write)) for one, write in writes]
            return [(one, outcome) for one, outcome in alone if not one.ended]
        except Exception as error:  # noqa: BLE001 - every error denies
            for one, _ in writes:
                self._fail(one, error)
            return []
        return [(one, outcome) for (one, _), outcome in zip(writes, outcomes, strict=True)]

    def _commit_alone(self, one: Round, write: Write) -> Outcome | None:
        try:
            return self._store.commit([write])[0]
        except Exception as error:  # noqa: BLE001 - every error denies
            self._fail(one, error)
            return None

    def _write(self, one: Round) -> Write | None:
        """The commit with the reply to be stored; what cannot be rendered is never committed."""
        commit = one.ask
        if not isinstance(commit, Commit):
            return None
        if commit.consume is None:
            return Write(commit)
        try:
            one.reply = one.render(commit.verdict)
        except Exception as error:  # noqa: BLE001 - every error denies
            self._fail(one, error)
            return None
        one.promised = commit.verdict
        return Write(commit, one.reply)

    def _fail(self, one: Round, error: Exception) -> None:
        """A fault of ours is a Reject; what does not answer, or cannot be told, gets no reply."""
        one.running.close()
        one.verdict, one.reply = None, b""
        if isinstance(error, RadiusMfaError):
            one.failed = error
            return
        log.error("a round failed: %s", where(error))
        verdict = Reject(Reason.INTERNAL, policy.denial(one.request.client))
        try:
            one.reply = one.render(verdict)
        except Exception as unsendable:  # noqa: BLE001 - then it cannot be told
            one.failed = Unavailable(f"the reply cannot be made: {where(unsendable)}")
            return
        one.verdict = verdict

    def _write_down(self, ended: list[Round]) -> None:
        """One write for all that ended; if it is lost, none of them is told."""
        told = [one for one in ended if one.failed is None]
        if not told:
            return
        try:
            self._audit.write([self._record(one) for one in told])
        except AuditLost as lost:
            log.error("audit lost, nothing is answered until it can be written: %s", lost.message)
            self.audit_lost = True
            self._audit_retry = self._clock.monotonic() + AUDIT_RETRY
            for one in told:
                self._fail(one, lost)
        for one in told:
            if one.name is not None and one.verdict is not None:  # what was lost has no verdict any more
                self._alerts.tell(one.verdict.reason, one.name, one.request.client.shortname)

    def _audit_resumed(self) -> bool:
        now = self._clock.monotonic()
        if now < self._audit_retry:
            return False
        self._audit_retry = now + AUDIT_RETRY
        try:
            self._audit.write([AuditRecord(time=self._clock.now(), event="audit-resumed")])
        except AuditLost:
            return False
        log.warning("the audit can be written again")
        self.audit_lost = False
        return True

    def _record(self, one: Round) -> AuditRecord:
        request, verdict = one.request, one.verdict
        return AuditRecord(
            time=request.at,
            event="login",
            account=one.name if one.name is not None else (request.name or b"").decode("utf-8", "backslashreplace"),
            client=request.client.shortname,
            source=request.source,
            calling_station=request.calling_station,
            transport=request.door.value,
            result=type(verdict).__name__.lower(),
            reason=verdict.reason.value if verdict else "",
            method=verdict.method.value if isinstance(verdict, Accept) else "",
            duration_ms=round((self._clock.monotonic() - one.started) * 1000, 3),
            request_id=request.digest[:8].hex(),
        )


def _told(one: Round) -> Verdict:
    if one.failed is not None or one.verdict is None:
        return Reject(Reason.UNAVAILABLE, policy.denial(one.request.client))
    return one.verdict
