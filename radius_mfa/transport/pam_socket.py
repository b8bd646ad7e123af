"""The socket of the PAM hook: who may speak there, how many at once, and how long."""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from operator import itemgetter

from radius_mfa.local_socket import peer_uid
from radius_mfa.log import RateLimit
from radius_mfa.transport.lifeline import BEAT, Lifeline
from radius_mfa.transport.pam_door import PamDoor
from radius_mfa.transport.pam_terminal import Terminal
from radius_mfa.transport.turns import Turns

log = logging.getLogger(__name__)

MOST_LOGINS = 128
"""Logins under way; past that, one that has proven nothing yet makes room, or whoever comes is denied."""
MOST_CONNECTIONS = 2 * MOST_LOGINS
"""Those who have said nothing yet included; past that, the oldest of them is hung up on."""
BATCH = 64
"""Connections taken in one turn."""
DRAIN = 5.0
"""Seconds that the logins under way may take when it is time to stop."""
RECOVERY = 1.0
"""Seconds to wait when no connection can be accepted, for want of descriptors or memory."""


def serve(listener: socket.socket, door: PamDoor, turns: Turns, lifeline: Lifeline) -> None:
    """Attend to whoever connects, until the lifeline says that it is over; at once without a supervisor.

    `listener` listens already, and is not told to again: for the hook the credentials of the daemon are those of the
    process that called listen(), so root has to have done it. (asyncio's own server would call it once more.)
    `turns` judge what `door` asks.
    """
    asyncio.run(_Socket(listener, door, turns, lifeline).run())


class _Socket:
    def __init__(self, listener: socket.socket, door: PamDoor, turns: Turns, lifeline: Lifeline) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._door = door
        self._turns = turns
        self._lifeline = lifeline
        self._logins: dict[Terminal, asyncio.Task[None]] = {}  # the oldest first
        self._stirred = asyncio.Event()
        self._quiet = RateLimit()

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._lifeline.wake, self._stirred.set)
        self._listen()
        try:
            with self._turns.opened():
                await self._live()
        finally:
            self._loop.remove_reader(self._listener)
            self._loop.remove_reader(self._lifeline.wake)

    async def _live(self) -> None:
        """Beat until it is over: when the supervisor has gone, or the last login after SIGTERM."""
        poll, end = select.poll(), None
        self._lifeline.watch(poll)
        while True:
            self._stirred.clear()
            self._lifeline.beat()
            if self._lifeline.orphaned(poll.poll(0)):
                log.error("the supervisor is gone")
                return
            if self._lifeline.stopping:
                self._loop.remove_reader(self._listener)
                end = end or self._loop.time() + DRAIN
                if not self._logins or self._loop.time() >= end:
                    return
            await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(BEAT):
                await self._stirred.wait()
        except TimeoutError:
            return

    def _listen(self) -> None:
        if not self._lifeline.stopping:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        """Take whoever waits, so that nobody has to wait for as many turns as there are others."""
        try:
            for _ in range(BATCH):
                self._take(self._listener.accept()[0])
        except (BlockingIOError, ConnectionError):
            return  # nobody is left, or has gone already
        except OSError as error:
            if self._quiet.admit(error.errno, self._loop.time()) is not None:
                log.error("no PAM login can be taken: %s", error.strerror)
            self._loop.remove_reader(self._listener)
            self._loop.call_later(RECOVERY, self._listen)

    def _take(self, connection: socket.socket) -> None:
        uid = peer_uid(connection)
        if uid != 0:
            connection.close()
            if self._quiet.admit("stranger", self._loop.time()) is not None:
                log.warning("user %d connected to the PAM socket, which is for root alone", uid)
            return
        self._attend(Terminal(connection))

    def _attend(self, terminal: Terminal) -> None:
        if len(self._logins) >= MOST_CONNECTIONS:
            self._hang_up(terminal for terminal in self._logins if terminal.hello is None)
        task = self._loop.create_task(self._door.attend(terminal, partial(self._room, terminal)))
        self._logins[terminal] = task
        task.add_done_callback(partial(self._end, terminal))

    def _room(self, newcomer: Terminal) -> bool:
        """Whether there is room for one who has said who wants in.

        Else the oldest makes room who has let the time for an answer go by; or, of those who have proven nothing, the
        oldest of whoever has the most; or of all, if somebody has far more than one needs. So a crowd of one user or of
        one remote host, keeps nobody else out.
        """
        others = [terminal for terminal in self._logins if terminal.hello is not None and terminal is not newcomer]
        if len(others) < MOST_LOGINS:
            return True
        late = (terminal for terminal in others if terminal.expired)
        unproven = [terminal for terminal in others if not terminal.proven]
        return self._hang_up(late) or self._hang_up(_crowd(unproven)) or self._hang_up(_crowd(others, MOST_LOGINS // 4))

    def _hang_up(self, ones: Iterable[Terminal]) -> bool:
        """Hang up on the first of these, if there is one."""
        for terminal in ones:
            self._logins.pop(terminal).cancel()
            return True
        return False

    def _end(self, terminal: Terminal, _: asyncio.Task[None]) -> None:
        """Only now: a descriptor closed under a task that still waits for it would be waited for in its next life."""
        self._logins.pop(terminal, None)
        terminal.close()
        self._stirred.set()


def _crowd(terminals: Sequence[Terminal], more_than: int = 0) -> list[Terminal]:
    """Those of whoever has the most of these, in their order; none unless they are so many."""
    crowds = Counter(map(_origin, terminals))
    origin, size = max(crowds.items(), key=itemgetter(1), default=(("", ""), 0))
    return [terminal for terminal in terminals if _origin(terminal) == origin] if size > more_than else []


def _origin(terminal: Terminal) -> tuple[str, str]:
    """Where a login comes from, as far as its application says."""
    return (terminal.hello.ruser, terminal.hello.rhost) if terminal.hello else ("", "")
