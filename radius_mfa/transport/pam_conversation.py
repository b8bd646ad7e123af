"""One login over PAM: what the person is asked, in which order, and what comes of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from radius_mfa.auth.model import (
    Accept,
    Challenge,
    ClientPolicy,
    Door,
    FirstFactor,
    LoginRequest,
    OpenedState,
    Reject,
    Verdict,
)
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, say
from radius_mfa.ports import Clock, Random
from radius_mfa.transport.pam_lines import Ask, BadLine, Fault, FirstPass, Hello, Result, Same, info
from radius_mfa.transport.pam_terminal import Terminal

log = logging.getLogger(__name__)

TRIES = 3
"""Codes that may be wrong in one login."""
MOST_QUESTIONS = 10
"""Questions for a code in one login, those asked again after `mail` included; the hook takes 32 lines in all."""
PATIENCE = 120.0
"""Seconds a person has for the password; for a code, the challenge says it."""

_NONCE = 12
_DIGEST = 32


@dataclass(frozen=True, slots=True)
class Service:
    """A PAM service: what it owes, and who answers for the password."""

    policy: ClientPolicy
    first_factor: FirstFactor


class Conversation:
    """The rounds of one login. The State between two of them stays here, and is spent in the store like any other.

    `judge` is asked for the verdict of each round; what it raises ends the login. `host`: the name of this machine.
    """

    def __init__(
        self,
        terminal: Terminal,
        hello: Hello,
        service: Service,
        judge: Callable[[LoginRequest], Awaitable[Verdict]],
        clock: Clock,
        random: Random,
        host: str,
    ) -> None:
        self._terminal = terminal
        self._hello = hello
        self._service = service
        self._judge = judge
        self._clock = clock
        self._random = random
        self._host = host

    async def run(self) -> Result:
        """Ask, judge, and give the result that is yet to be told. Raises HungUp, BadLine, Unavailable, TimeoutError."""
        verdict = await self._first_round()
        if isinstance(verdict, Challenge):
            self._terminal.proven = True
            return await self._ask_codes(verdict)
        return await self._end(verdict)

    async def _first_round(self) -> Verdict:
        if self._service.first_factor is FirstFactor.PROVEN_BY_STACK:
            return await self._round(None)
        verdict = await self._round(await self._ask_password())
        if isinstance(verdict, Reject) and self._hello.first_pass is FirstPass.TRY:
            # That was the password of a module before us; the person has not been asked yet.
            return await self._round(await self._ask_password())
        return verdict

    async def _ask_password(self) -> bytes:
        line = await self._terminal.ask(Ask.PASSWORD, say(Text.ASK_PASSWORD), PATIENCE)
        if isinstance(line, Same):
            raise BadLine(Fault.WORD)
        return line.text

    async def _ask_codes(self, challenge: Challenge) -> Result:
        """Each answer is a round of its own, on a State of its own. `mail` uses up a question, but no try."""
        question, tries = challenge.text, TRIES
        for _ in range(MOST_QUESTIONS):
            state = self._state(challenge)
            line = await self._terminal.ask(Ask.HIDDEN, question, challenge.lifetime)
            if isinstance(line, Same):
                log.warning("pam service %s: the client shows no questions: see pam_hook/README.md", self._name)
                return Result.DENIED
            verdict = await self._round(line.text, state)
            if isinstance(verdict, Challenge):
                challenge, question = verdict, verdict.text
                continue
            if not isinstance(verdict, Reject) or verdict.reason is Reason.STATE_EXPIRED:
                return await self._end(verdict)
            tries -= 1
            if not tries:
                return Result.MAXTRIES
            question = say(Text.ASK_AGAIN, question=challenge.text)
        return Result.DENIED

    async def _end(self, verdict: Verdict) -> Result:
        """Only an Accept is a success. What a Reject says, every application says in its own words."""
        if not isinstance(verdict, Accept):
            return Result.DENIED
        if verdict.text:
            await self._terminal.say(info(verdict.text))
        return Result.SUCCESS

    def _state(self, challenge: Challenge) -> OpenedState:
        expires = int(self._clock.now() + challenge.lifetime)
        nonce = self._random(_NONCE)
        return OpenedState(challenge.stage, challenge.account_id, challenge.epoch, expires, nonce, challenge.tag)

    async def _round(self, answer: bytes | None, state: OpenedState | None = None) -> Verdict:
        hello = self._hello
        return await self._judge(
            LoginRequest(
                door=Door.PAM,
                client=self._service.policy,
                at=self._clock.now(),
                name=hello.user,
                password=answer,
                digest=self._random(_DIGEST),
                source=hello.rhost,
                first_factor=self._service.first_factor,
                state=state,
                service=hello.service,
                tty=hello.tty,
                rhost=hello.rhost,
                ruser=hello.ruser,
                host=self._host,
                proven_key=hello.proven_keys,
            )
        )

    @property
    def _name(self) -> str:
        return self._service.policy.shortname
