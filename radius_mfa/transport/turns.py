"""The rounds of an asyncio process: through one Authenticator, which has a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Iterator
from functools import partial
from typing import cast

from radius_mfa.auth.model import LoginRequest, Reject, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.backends.slots import HashSlots
from radius_mfa.errors import where
from radius_mfa.ports import Clock
from radius_mfa.round import Round
from radius_mfa.service import Authenticator

log = logging.getLogger(__name__)

LONGEST_ROUND = 4.0
"""Seconds after which a round is given up: whoever waits for it can still be told."""


class Turns:
    """One turn after the other lets all rounds go on.

    A disk that takes its time holds up whoever waits for a verdict, and nobody else of the process. Used by one
    thread.
    """

    def __init__(self, authenticator: Authenticator, slots: HashSlots, clock: Clock) -> None:
        self._authenticator = authenticator
        self._slots = slots
        self._turns = HashSlots(1, 2, clock)
        self._turning = False
        self._fresh: list[Round] = []
        self._awaited: dict[Round, asyncio.Future[Round]] = {}

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

    def _turn(self) -> None:
        """Let all rounds go on; what comes meanwhile goes on in the next turn."""
        if self._turning:
            return
        self._turning = True
        self._loop.remove_reader(self._slots.fileno())
        fresh, self._fresh = self._fresh, []
        self._turns.submit(None, "turns", partial(self._authenticator.advance, fresh), math.inf)

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
