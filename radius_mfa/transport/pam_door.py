"""The PAM side of the daemon: a service for each login, a round for each answer, and one way to say how it ended."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping

from radius_mfa.auth.model import ClientPolicy, DeviceKind, FirstFactor, LoginRequest, Mfa, Verdict
from radius_mfa.errors import RadiusMfaError, where
from radius_mfa.log import RateLimit
from radius_mfa.ports import Clock, Random
from radius_mfa.transport.pam_conversation import Conversation, Service
from radius_mfa.transport.pam_lines import BadLine, Fault, Result, delay, result
from radius_mfa.transport.pam_terminal import HungUp, Terminal

log = logging.getLogger(__name__)

FAIL_DELAY = 2.0
"""Seconds that PAM holds a failure back, as pam_unix does."""


def service(name: str, mfa: str = "inherit", *, password: bool = True, trusted_devices: str = "off") -> Service:
    """What `pam.services.NAME` says; with the defaults, what holds for a service that is not there."""
    first = FirstFactor.CHECK if password else FirstFactor.PROVEN_BY_STACK
    devices = None if trusted_devices == "off" else DeviceKind(trusted_devices)
    return Service(ClientPolicy(name, mfa=Mfa(mfa), trusted_devices=devices), first)


class PamDoor:
    """All logins of this host. Used by one thread.

    `judge` gives verdicts apart from the loop (turns.Turns): whoever wants to be greeted is not held up by a disk that
    takes its time, since the hook takes a daemon that does not greet for one that is down.

    `services`: those that are configured, by name. `fail_delay`: seconds, 0 to LONGEST_DELAY of pam_lines.
    """

    def __init__(
        self,
        *,
        services: Mapping[str, Service],
        judge: Callable[[LoginRequest], Awaitable[Verdict]],
        clock: Clock,
        random: Random,
        fail_delay: float = FAIL_DELAY,
    ) -> None:
        self._services = services
        self._judge = judge
        self._clock = clock
        self._random = random
        self._fail_delay = fail_delay
        self._host = socket.gethostname()
        self._quiet = RateLimit()

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

    async def _login(self, terminal: Terminal, room: Callable[[], bool]) -> Result:
        hello = await terminal.greet()
        if not room():
            self._note("crowded", "too many PAM logins at once: one of %s was denied", hello.service)
            return Result.DENIED
        chosen = self._services.get(hello.service) or service(hello.service)
        talk = Conversation(terminal, hello, chosen, self._judge, self._clock, self._random, self._host)
        return await talk.run()

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
