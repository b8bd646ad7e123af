"""The PAM side of the daemon: a service for each login, a round for each answer, and one way to say how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import cast

from radius_mfa.auth.model import ClientPolicy, DeviceKind, FirstFactor, LoginRequest, Mfa, Reject, Verdict
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


def service(name: str, mfa: str = "inherit", *, password: bool = True, trusted_devices: str = "off") -> Service:
    """What `pam.services.NAME` says; with the defaults, what holds for a service that is not there."""
    first = FirstFactor.CHECK if password else FirstFactor.PROVEN_BY_STACK
    devices = None if trusted_devices == "off" else DeviceKind(trusted_devices)
    return Service(ClientPolicy(name, mfa=Mfa(mfa), trusted_devices=devices), first)


class PamDoor:
    """The rounds of all logins of this host go through one Authenticator, which has a thread of its own.

    So a disk that takes its time holds up whoever waits for a verdict, and nobody who wants to be greeted: the hook
    takes a daemon that does not greet for one that is down. Used by one thread.

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
        self._host = socket.gethostname()
        self._turns = HashSlots(1, 2, clock)
        self._turning = False
        self._fresh: list[Round] = []
        self._awaited: dict[Round, asyncio.Future[Round]] = {}
        self._quiet = RateLimit()

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """While this is entered, rounds that wait for a hash slot go on in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._slots.fileno(), self._turn)
        self._loop.add_reader(self._turns.fileno(), self._turned)
        self._turn()  # starts the thread: without one there is no door, and the supervisor tries again
        try:
            yield
        finally:
            self._loop.remove_reader(self._slots.fileno())
            self._loop.remove_reader(self._turns.fileno())
            self._turns.close()

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
        begun = self._authenticator.begin(request)
        ended = self._awaited[begun] = self._loop.create_future()
        self._fresh.append(begun)
        if len(self._fresh) == 1:  # all that begin until the turn begins share a transaction
            self._loop.call_soon(self._turn)
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
        talk = Conversation(terminal, hello, chosen, self.judge, self._clock, self._random, self._host)
        return await talk.run()

    def _turn(self) -> None:
        """Let all rounds go on; what comes meanwhile goes on in the next turn."""
        if self._turning:
            return
        self._turning = True
        self._loop.remove_reader(self._slots.fileno())
        fresh, self._fresh = self._fresh, []
        self._turns.submit(None, "pam", partial(self._authenticator.advance, fresh), math.inf)

    def _turned(self) -> None:
        (turn,) = self._turns.finished()
        self._turning = False
        self._loop.add_reader(self._slots.fileno(), self._turn)
        if self._fresh:
            self._turn()
        if turn.error is not None:
            log.error("a turn failed: %s", where(turn.error))  # its rounds are given up in time
            return
        for one in cast("list[Round]", turn.answer):
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
