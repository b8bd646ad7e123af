"""Drives rounds of logins against the ports: answers what the flows ask, commits once, audits, hands back verdicts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from radius_mfa.alerts import Alerts
from radius_mfa.answers import Answers, Work
from radius_mfa.auth import flow, policy
from radius_mfa.auth.asks import Ask, CheckPassword, Commit, LoadAccount, Outcome, ReturnTry, TakeTry
from radius_mfa.auth.model import Accept, Account, Challenge, LoginRequest, Reject, Verdict
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.verdicts import Flow
from radius_mfa.errors import AuditLost, PasswordsBusy, RadiusMfaError, StoreFailed, Unavailable, where
from radius_mfa.line import TryLine
from radius_mfa.ports import Audit, AuditRecord, Clock, PasswordBackend, PasswordTries, Random, Slots, Store, Write
from radius_mfa.spray import Spray

log = logging.getLogger(__name__)

HASH_DEADLINE = 1.5
"""Seconds that a RADIUS request may wait for a hash slot: later, its client has given up or asked again."""
AUDIT_RETRY = 1.0
"""Seconds between two tries to write the audit again after it was lost."""
_WAIT = object()
_AGAIN = object()
"""Stands for an answer where the round is to ask once more."""


class Round:
    """One flow at work. When it comes back from advance(), either `verdict` and `reply` are set, or `failed` is.

    `reply` are the octets to send, as `render` made them; a failed round is not answered at all, and nothing of it
    was changed unless `failed` is AuditLost.
    """

    __slots__ = (
        "ask",
        "failed",
        "name",
        "promised",
        "render",
        "reply",
        "request",
        "running",
        "started",
        "tried",
        "verdict",
    )

    def __init__(
        self, request: LoginRequest, running: Flow, render: Callable[[Verdict], bytes], started: float
    ) -> None:
        self.request = request
        self.running = running
        self.render = render
        self.started = started
        self.name: str | None = None
        self.ask: Ask | None = None
        self.tried: tuple[str, object] | None = None
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
        random: Random,
        tries: PasswordTries,
        patience: float = HASH_DEADLINE,
    ) -> None:
        self._rules = rules
        self._store = store
        self._answers = Answers(store, passwords, random, tries)
        self._slots = slots
        self._audit = audit
        self._clock = clock
        self._patience = patience
        self._audit_retry = 0.0
        self._alerts = Alerts(clock)
        self._spray = Spray()
        self._line: TryLine[Round] = TryLine()
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
            touched += self._line.emptied()
            for one in touched:
                self._fail(one, AuditLost("the audit cannot be written"))
                self._try_over(one, counts=False)
            return touched
        while moving:
            for one, answer in moving:
                self._step(one, answer)
            moving = self._commit([one for one, _ in moving if isinstance(one.ask, Commit) and not one.ended])
            called = self._line.called()
            touched += called
            moving += [(one, _AGAIN) for one in called]
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
        if one.ended:
            unchecked = one.failed is not None and isinstance(one.ask, CheckPassword)
            self._try_over(one, counts=not unchecked)

    def _drive(self, one: Round, answer: object) -> None:
        if answer is _AGAIN and one.ask is not None:
            answer = self._answer(one, one.ask)
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
        if isinstance(ask, Commit):
            return _WAIT
        if isinstance(ask, TakeTry):
            return self._take_try(one, ask)
        if isinstance(ask, ReturnTry):
            self._try_over(one, counts=False)
            return None
        answer = self._answers.to(ask)
        if isinstance(answer, Work):
            client, deadline = one.request.client.shortname, one.started + self._patience
            self._slots.submit(one, client, answer.run, deadline, waits=answer.waits)
            return _WAIT
        if isinstance(ask, LoadAccount):
            one.name = answer.name if isinstance(answer, Account) else None
        return answer

    def _take_try(self, one: Round, ask: TakeTry) -> object:
        """A try, or none. While others of the account are in use it is worth waiting: theirs may come back."""
        key = self._answers.tries_key(ask)
        if self._clock.monotonic() > one.started + self._patience:
            self._line.call(key)
            raise PasswordsBusy("too many logins of one account at once", "see passwords.throttle")
        taken = self._answers.to(ask)
        if taken is not None:
            one.tried = key, taken
            self._line.took(key)
        elif self._line.join(key, one):
            return _WAIT
        else:
            self._line.call(key)
        return taken

    def _try_over(self, one: Round, *, counts: bool) -> None:
        """The try that a round took is decided: a wrong password counts, a right one or one not checked does not."""
        if one.tried is None:
            return
        (key, taken), one.tried = one.tried, None
        if not counts:
            self._answers.give_back(taken)
        self._line.over(key)

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
        sprays = [client for one in told for client in self._sprays(one)]
        try:
            self._audit.write([*map(self._record, told), *map(self._alert, sprays)])
        except AuditLost as lost:
            log.error("audit lost, nothing is answered until it can be written: %s", lost.message)
            self.audit_lost = True
            self._audit_retry = self._clock.monotonic() + AUDIT_RETRY
            for one in told:
                self._fail(one, lost)
        for one in told:
            if one.name is not None and one.verdict is not None:  # what was lost has no verdict any more
                self._alerts.tell(one.verdict.reason, one.name, one.request.client.shortname)
        for client in sprays:
            self._alerts.tell_spray(client)

    def _sprays(self, one: Round) -> Iterable[str]:
        return () if one.verdict is None else self._spray.note(one.request, one.verdict.reason, self._clock.monotonic())

    def _alert(self, client: str) -> AuditRecord:
        return AuditRecord(time=self._clock.now(), event="alert", client=client, reason="spray")

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
