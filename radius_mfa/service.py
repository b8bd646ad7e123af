"""Drives rounds of logins against the ports: answers what the flows ask, commits once, audits, hands back verdicts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from radius_mfa.answers import Answers, Work
from radius_mfa.auth import flow, policy
from radius_mfa.auth.asks import Ask, CheckPassword, Commit, LoadAccount, Recall, ReturnTry, TakeTry
from radius_mfa.auth.model import Accept, Challenge, LoginRequest, Reject, Verdict
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.errors import AuditLost, PasswordsBusy, RadiusMfaError, StoreFailed, Unavailable, where
from radius_mfa.ledger import Ledger
from radius_mfa.line import AGAIN, TryLine, pause
from radius_mfa.ports import (
    Audit,
    Clock,
    PasswordBackend,
    PasswordTries,
    Random,
    Remembered,
    Slots,
    Store,
    Write,
)
from radius_mfa.round import Round

log = logging.getLogger(__name__)

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

HASH_DEADLINE = 1.5
"""Seconds that a RADIUS request may wait for a hash slot: later, its client has given up or asked again."""
_VERDICTS = (Accept, Reject, Challenge)
_WAIT = object()


class Authenticator:
    """The rounds of one process, for whichever door. Used by one thread.

    `passwords` are the backends by name, in the order in which they are asked about a name that has no account.
    `patience`: seconds that a round may wait for a slot. `remembered`: see Answers.
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
        remembered: Remembered | None = None,
    ) -> None:
        self._rules = rules
        self._store = store
        self._answers = Answers(store, passwords, random, tries, remembered)
        self._slots = slots
        self._clock = clock
        self._patience = patience
        self._ledger = Ledger(audit, clock)
        self._line: TryLine[Round] = TryLine()
        self._by_kind: Mapping[type, Callable[[Round, Any], object]] = {
            LoadAccount: _later,
            Recall: _later,
            Commit: _later,
            TakeTry: self._take_try,
            ReturnTry: self._return_try,
        }
        """What is not answered by asking Answers alone."""

    @property
    def audit_lost(self) -> bool:
        """While true no round is begun: what cannot be written down is not told."""
        return self._ledger.lost

    def begin(self, request: LoginRequest, render: Callable[[Verdict], bytes] = lambda _: b"") -> Round:
        """A round for this request, to be handed to advance(). `render` gives the octets of a verdict."""
        return Round(request, flow.login(request, self._rules), render, self._clock.monotonic())

    def advance(self, fresh: Iterable[Round] = ()) -> list[Round]:
        """Take all rounds as far as they go without waiting for a slot; the ones that ended, audited."""
        begun, resumed = list(fresh), self._resumed()
        touched = [*begun, *(one for one, _ in resumed)]
        if self._ledger.lost and not self._ledger.resumed():
            touched += self._line.emptied()
            for one in touched:
                self._fail(one, AuditLost("the audit cannot be written"))
                self._try_over(one, counts=False)
            return touched
        moving, ready = [*self._begun(begun), *resumed], list[Round]()
        while moving:
            for one, answer in moving:
                self._step(one, answer)
            stepped = [one for one, _ in moving]
            moving = self._recalled(stepped)
            ready += [one for one in stepped if isinstance(one.ask, Commit) and not one.ended]
            if not moving:
                moving, ready = self._commit(ready), []
                called = self._line.called()
                touched += called
                moving += [(one, AGAIN) for one in called]
        ended = [one for one in touched if one.ended]
        for one in ended:
            self._render(one)
        try:
            self._ledger.enter(ended)
        except AuditLost as lost:
            for one in ended:
                if one.verdict is not None:
                    self._fail(one, lost)
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

    def _begun(self, fresh: list[Round]) -> list[tuple[Round, object]]:
        """Let them begin, and look all their accounts up at once."""
        for one in fresh:
            self._step(one, None)
        asking = [(one, one.ask.name) for one in fresh if isinstance(one.ask, LoadAccount) and not one.ended]
        loaded = self._together(self._store.load_all, asking)
        for one, account in loaded:
            one.name = account.name if account is not None else None
        return [*loaded]

    def _recalled(self, rounds: list[Round]) -> list[tuple[Round, object]]:
        """Those whose passwords are remembered. Before the next is looked up, the others go on and take their tries."""
        found: list[tuple[Round, object]] = []
        for one in rounds:
            while isinstance(one.ask, Recall) and not one.ended:
                try:
                    right = self._answers.to(one.ask)
                except Exception as error:  # noqa: BLE001 - every error denies
                    self._fail(one, error)
                    break
                if right:
                    found.append((one, right))
                    break
                self._step(one, right)
        return found

    def _step(self, one: Round, answer: object) -> None:
        """Send the flow its answer, and answer what it asks next until it ends, or waits for a slot or a commit."""
        try:
            if isinstance(answer, Exception):
                raise answer
            self._drive(one, answer)
        except Exception as error:  # noqa: BLE001 - every error denies
            self._fail(one, error)
        if one.tried is not None and one.ended:
            unchecked = one.failed is not None and isinstance(one.ask, CheckPassword)
            self._try_over(one, counts=not unchecked)

    def _drive(self, one: Round, answer: object) -> None:
        if answer is AGAIN and one.ask is not None:
            answer = self._answer(one, one.ask)
        send = one.running.send
        try:
            while answer is not _WAIT:
                one.ask = ask = send(answer)
                answer = self._answer(one, ask)
        except StopIteration as end:
            verdict = end.value
        else:
            return
        if not isinstance(verdict, _VERDICTS):
            raise TypeError("a flow has ended without a verdict")
        one.verdict = verdict

    def _answer(self, one: Round, ask: Ask) -> object:
        """The answer to an ask, or _WAIT when a slot or the store will bring it."""
        ours = self._by_kind.get(type(ask))
        if ours is not None:
            return ours(one, ask)
        answer = self._answers.to(ask)
        if isinstance(answer, Work):
            client, deadline = one.request.client.shortname, one.started + self._patience
            self._slots.submit(one, client, answer.run, deadline, waits=answer.waits)
            return _WAIT
        return answer

    def _take_try(self, one: Round, ask: TakeTry) -> object:
        """A try, or none. While others of the account are in use it is worth waiting: theirs may come back.

        Those of this process call who waits for them; what others have in use is looked at again and again.
        """
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
            if self._answers.tries_may_come_back(ask):
                self._pause(one)
                return _WAIT
        return taken

    def _pause(self, one: Round) -> None:
        """Let the round ask once more in a moment."""
        client, deadline = one.request.client.shortname, one.started + self._patience
        self._slots.submit(one, client, pause, deadline, waits=True)

    def _return_try(self, one: Round, _: ReturnTry) -> None:
        self._try_over(one, counts=False)

    def _try_over(self, one: Round, *, counts: bool) -> None:
        """The try that a round took is decided: a wrong password counts, a right one or one not checked does not."""
        if one.tried is None:
            return
        (key, taken), one.tried = one.tried, None
        if counts:
            self._answers.spend(taken)
        else:
            self._answers.give_back(taken)
        self._line.over(key)

    def _commit(self, rounds: list[Round]) -> list[tuple[Round, object]]:
        """All commits in one transaction. The rounds that got an outcome, with it."""
        writes = [(one, write) for one in rounds if (write := self._write(one)) is not None]
        return [*self._together(self._store.commit, writes)]

    def _together(
        self, ask: Callable[[Sequence[Asked]], list[Answer]], asked: list[tuple[Round, Asked]]
    ) -> list[tuple[Round, Answer]]:
        """What the store answers to all of them at once; if it fails, to each alone. The others have failed."""
        try:
            answers = ask([what for _, what in asked]) if asked else []
        except StoreFailed:
            return [(one, answer) for one, what in asked for answer in self._alone(one, ask, what)]
        except Exception as error:  # noqa: BLE001 - every error denies
            for one, _ in asked:
                self._fail(one, error)
            return []
        return [(one, answer) for (one, _), answer in zip(asked, answers, strict=True)]

    def _alone(self, one: Round, ask: Callable[[Sequence[Asked]], list[Answer]], what: Asked) -> list[Answer]:
        try:
            return ask([what])
        except Exception as error:  # noqa: BLE001 - every error denies
            self._fail(one, error)
            return []

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

    def _render(self, one: Round) -> None:
        """The reply to the verdict, unless it was made with it, or before this round."""
        verdict = one.verdict
        if verdict is None or verdict is one.promised:
            return
        if isinstance(verdict, Accept) and verdict.stored is not None:
            one.reply = verdict.stored
            return
        try:
            one.reply = one.render(verdict)
        except Exception as error:  # noqa: BLE001 - every error denies
            self._fail(one, error)

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
        one.verdict = one.promised = verdict


def _told(one: Round) -> Verdict:
    if one.failed is not None or one.verdict is None:
        return Reject(Reason.UNAVAILABLE, policy.denial(one.request.client))
    return one.verdict


def _later(_one: Round, _ask: Ask) -> object:
    """All rounds of a turn that ask this are answered together."""
    return _WAIT
