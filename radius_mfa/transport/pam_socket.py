"""The socket of the PAM hook: who may speak there, how many at once, and how long."""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from functools import partial

from radius_mfa.local_socket import peer_uid
from radius_mfa.log import RateLimit
from radius_mfa.transport.lifeline import BEAT, Lifeline
from radius_mfa.transport.pam_door import PamDoor
from radius_mfa.transport.pam_terminal import Terminal

log = logging.getLogger(__name__)

MOST_LOGINS = 128
"""Logins under way; past that, whoever comes is denied, unless somebody has let the time for an answer go by."""
MOST_CONNECTIONS = 2 * MOST_LOGINS
"""Those who are told so included; past that nobody is let in until one has gone."""
DRAIN = 25.0
"""Seconds that the logins under way may take when it is time to stop."""
RECOVERY = 1.0
"""Seconds to wait when no connection can be accepted, for want of descriptors or memory."""


def serve(listener: socket.socket, door: PamDoor, lifeline: Lifeline) -> None:
    """Attend to whoever connects, until the lifeline says that it is over; at once without a supervisor.

    `listener` listens already, and is not told to again: for the hook the credentials of the daemon are those of the
    process that called listen(), so root has to have done it. (asyncio's own server would call it once more.)
    """
    asyncio.run(_Socket(listener, door, lifeline).run())


class _Socket:
    def __init__(self, listener: socket.socket, door: PamDoor, lifeline: Lifeline) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._door = door
        self._lifeline = lifeline
        self._logins: dict[asyncio.Task[None], Terminal] = {}  # the oldest first
        self._stirred = asyncio.Event()
        self._quiet = RateLimit()

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._lifeline.wake, self._stirred.set)
        self._listen()
        try:
            with self._door.opened():
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
        if not self._lifeline.stopping and len(self._logins) < MOST_CONNECTIONS:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # taken by another process on this socket, or gone already
        except OSError as error:
            if self._quiet.admit(error.errno, self._loop.time()) is not None:
                log.error("no PAM login can be taken: %s", error.strerror)
            self._loop.remove_reader(self._listener)
            self._loop.call_later(RECOVERY, self._listen)
            return
        uid = peer_uid(connection)
        if uid != 0:
            connection.close()
            if self._quiet.admit("stranger", self._loop.time()) is not None:
                log.warning("user %d connected to the PAM socket, which is for root alone", uid)
            return
        self._attend(Terminal(connection))

    def _attend(self, terminal: Terminal) -> None:
        crowded = len(self._logins) >= MOST_LOGINS and not self._give_up_one()
        task = self._loop.create_task(self._door.attend(terminal, crowded=crowded))
        self._logins[task] = terminal
        task.add_done_callback(partial(self._end, terminal))
        if len(self._logins) >= MOST_CONNECTIONS:
            self._loop.remove_reader(self._listener)

    def _give_up_one(self) -> bool:
        """Hang up on the oldest of those who have let the time for their answer go by, if there is one."""
        for task, terminal in self._logins.items():
            if terminal.expired:
                del self._logins[task]
                task.cancel()
                return True
        return False

    def _end(self, terminal: Terminal, task: asyncio.Task[None]) -> None:
        """Only now: a descriptor closed under a task that still waits for it would be waited for in its next life."""
        self._logins.pop(task, None)
        terminal.close()
        self._stirred.set()
        self._listen()
