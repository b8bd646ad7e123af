"""The PAM side of the daemon: a service for each login, a round for each answer, and one way to say how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping

from radius_mfa.auth.model import ClientPolicy, FirstFactor, LoginRequest, Mfa, Reject, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.backends.slots import HashSlots
from radius_mfa.errors import RadiusMfaError, where
from radius_mfa.log import RateLimit
from radius_mfa.ports import Clock, Random
from radius_mfa.service import Authenticator, Round
from radius_mfa.transport.pam_conversation import Conversation, Service
from radius_mfa.transport.pam_lines import BadLine, Fault, Result, delay, result
from radius_mfa.transport.pam_terminal import HungUp, Terminal

log = logging.getLogger(__name__)

LONGEST_ROUND = 4.0
"""Seconds after which a round is given up: the hook, which waits for 5 in all, can still be told."""
FAIL_DELAY = 2.0
"""Seconds that PAM holds a failure back, as pam_unix does."""


def service(name: str, mfa: str = "inherit", *, password: bool = True) -> Service:
    """What `pam.services.NAME` says; with the defaults, what holds for a service that is not there."""
    first = FirstFactor.CHECK if password else FirstFactor.PROVEN_BY_STACK
    return Service(ClientPolicy(name, mfa=Mfa(mfa)), first)


class PamDoor:
    """The rounds of all logins of this host go through one Authenticator. Used by one thread.

    `services`: those that are configured, by name. `fail_delay`: seconds, 0 to LONGEST_DELAY of pam_lines.
    """

    def __init__(
        self,
        *,
        services: Mapping[str, Service],
        authenticator: Authenticator,
        slots: HashSlots,
        clock: Clock,
        random: Random,
        fail_delay: float = FAIL_DELAY,
    ) -> None:
        self._services = services
        self._authenticator = authenticator
        self._slots = slots
        self._clock = clock
        self._random = random
        self._fail_delay = fail_delay
        self._fresh: list[Round] = []
        self._awaited: dict[Round, asyncio.Future[Round]] = {}
        self._quiet = RateLimit()

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """While this is entered, rounds that wait for a hash slot go on in the running loop."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._slots.fileno(), self._turn)
        try:
            yield
        finally:
            loop.remove_reader(self._slots.fileno())

    async def attend(self, terminal: Terminal, room: Callable[[], bool]) -> None:
        """One login, from greeting to result. Raises nothing. Without `room` for it, it is denied."""
        try:
            outcome = await self._login(terminal, room)
        except HungUp:
            return
        except Exception as error:  # noqa: BLE001 - every error denies
            outcome = self._mishap(error)
        with contextlib.suppress(HungUp):
            held = outcome in (Result.DENIED, Result.MAXTRIES)
            await terminal.say(delay(self._fail_delay) if held else b"", result(outcome))

    async def judge(self, request: LoginRequest) -> Verdict:
        """The verdict of one round. Raises Unavailable, and TimeoutError when it takes too long."""
        begun = self._authenticator.begin(request, _nothing)
        ended = self._awaited[begun] = asyncio.get_running_loop().create_future()
        self._fresh.append(begun)
        if len(self._fresh) == 1:  # all that begin in this turn of the loop share a transaction
            asyncio.get_running_loop().call_soon(self._turn)
        try:
            async with asyncio.timeout(LONGEST_ROUND):
                await ended
        finally:
            self._awaited.pop(begun, None)
        if begun.failed is not None:
            raise begun.failed
        return begun.verdict or Reject(Reason.INTERNAL)

    async def _login(self, terminal: Terminal, room: Callable[[], bool]) -> Result:
        hello = await terminal.greet()
        if not room():
            self._note("crowded", "too many PAM logins at once: one of %s was denied", hello.service)
            return Result.DENIED
        chosen = self._services.get(hello.service) or service(hello.service)
        return await Conversation(terminal, hello, chosen, self.judge, self._clock, self._random).run()

    def _turn(self) -> None:
        fresh, self._fresh = self._fresh, []
        try:
            ended = self._authenticator.advance(fresh)
        except Exception:
            log.exception("a turn failed")  # its rounds are given up in time
            return
        for one in ended:
            waiter = self._awaited.get(one)
            if waiter is not None and not waiter.done():
                waiter.set_result(one)

    def _mishap(self, error: Exception) -> Result:
        """What to tell after an error: that nothing answers, only to a hook that is not ours.

        A stack may let people in with less while the daemon is down (pam_hook/README.md, "The way back in"). While it
        is there it denies: whoever can fill a disk or keep it busy could else walk in.
        """
        if not isinstance(error, RadiusMfaError | TimeoutError):
            log.error("a PAM login failed: %s", where(error))
            return Result.DENIED
        strange = isinstance(error, BadLine) and error.fault is not Fault.VALUE
        outcome = Result.UNAVAILABLE if strange else Result.DENIED
        said = error.message if isinstance(error, RadiusMfaError) else "a round took too long"
        self._note(type(error).__name__, "a PAM login ended: %s", said)
        return outcome

    def _note(self, kind: str, text: str, *facts: str) -> None:
        if self._quiet.admit(kind, self._clock.monotonic()) is not None:
            log.warning(text, *facts)


def _nothing(verdict: Verdict) -> bytes:  # noqa: ARG001 - no reply is ever repeated: PAM sends nothing twice
    return b""
