"""The process that checks passwords of this host: a question a connection, each in a child that ends with it.

PAM modules block, crash, leak and are not made for threads. A child has one conversation and can be killed when it is
late; what hangs holds one of MOST places until then, and the password leaves the memory with the child. This process
itself never reads a question.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import math
import os
import select
import signal
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from radius_mfa.backends import pam_calls
from radius_mfa.backends.pam_question import LONGEST_QUESTION, Answer, BadMessage, Question, Result
from radius_mfa.backends.pam_stack import check_stack
from radius_mfa.errors import Unavailable, where
from radius_mfa.local_socket import peer_uid
from radius_mfa.log import RateLimit
from radius_mfa.ports import Clock

log = logging.getLogger(__name__)

MOST = 16
"""Checks at once; more wait for their turn."""
LATE = 3.0
"""Seconds after which a check is ended."""
_PR_SET_CHILD_SUBREAPER = 36
_GONE = select.POLLHUP | select.POLLRDHUP | select.POLLERR


@dataclass(eq=False, slots=True)
class _Child:
    """One check. `pidfd` is readable when it has ended; `deadline` is infinite once it was killed."""

    pid: int
    pidfd: int
    deadline: float

    def kill(self) -> None:
        """It is not waited for: the kernel may hold on to it."""
        self.deadline = math.inf
        os.kill(self.pid, signal.SIGKILL)


class PamCheck:
    """Answers on a listening socket, which it does not close, for peers of the uids in `allowed`.

    One thread, for it forks. A check that takes longer than `late` seconds is killed, with all it has started.
    """

    def __init__(self, listener: socket.socket, allowed: Collection[int], clock: Clock, late: float = LATE) -> None:
        self._listener = listener
        self._allowed = allowed
        self._clock = clock
        self._late = late
        self._children: list[_Child] = []
        self._quiet = RateLimit()
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        """Check until SIGTERM or SIGINT; what is at work then is killed. Raises ConfigurationError as load() does."""
        pam_calls.load()
        gc.freeze()
        _adopt_orphans()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # modules wait for children of their own
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _noted)
        signal.set_wakeup_fd(self._wake_in)
        log.info("checking passwords on %s", self._listener.getsockname())
        while self._wake_out not in (ready := self._ready()):
            self._bury(ready)
            self._end_late()
            if self._listener.fileno() in ready:
                self._take()
        self._stop()

    def _stop(self) -> None:
        for child in self._children:
            child.kill()
        while self._children and (ready := select.select([child.pidfd for child in self._children], [], [], 1)[0]):
            self._bury(ready)

    def _ready(self) -> list[int]:
        """What can be read; waits for it, or until a child is late. While all places are taken nobody else is."""
        heard = [self._wake_out, *(child.pidfd for child in self._children)]
        if len(self._children) < MOST:
            heard.append(self._listener.fileno())
        first = min((child.deadline for child in self._children), default=math.inf)
        wait = None if first == math.inf else max(0.0, first - self._clock.monotonic())
        return select.select(heard, [], [], wait)[0]

    def _take(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        with connection:
            uid = peer_uid(connection)
            if uid not in self._allowed:
                self._say("refused uid %d: only root and the user that the server runs as may ask", uid)
                return
            connection.setblocking(True)
            self._fork(connection)

    def _fork(self, connection: socket.socket) -> None:
        deadline = self._clock.monotonic() + self._late
        try:
            pid = os.fork()
        except OSError as error:
            self._say("cannot check a password: %s", error.strerror)
            return
        if pid == 0:
            self._be_child(connection)
        self._children.append(_Child(pid, os.pidfd_open(pid), deadline))

    def _be_child(self, connection: socket.socket) -> NoReturn:
        """Whatever happens, it ends here: nothing of the parent may run twice."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            self._listener.close()
            answer_one(connection)
        except BaseException as error:  # noqa: BLE001 - no answer is a refusal
            log.error("a check failed: %s", where(error))
        finally:
            os._exit(0)

    def _end_late(self) -> None:
        now = self._clock.monotonic()
        for child in self._children:
            if child.deadline <= now:
                self._say("ended a check that took longer than %g s: a module of the stack hangs", self._late)
                child.kill()

    def _bury(self, ready: Collection[int]) -> None:
        """Take the ended ones off the list, and end what they have left behind."""
        ended = [child for child in self._children if child.pidfd in ready]
        for child in ended:
            _, status = os.waitpid(child.pid, 0)
            os.close(child.pidfd)
            self._children.remove(child)
            number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            if number not in (0, signal.SIGKILL):
                self._say("a check died of signal %d: a module of the stack is broken", number)
        if ended:
            _end_orphans({child.pid for child in self._children})

    def _say(self, text: str, value: object) -> None:
        if self._quiet.admit((text, value), self._clock.monotonic()) is not None:
            log.warning(text, value)


def _adopt_orphans() -> None:
    """What a check leaves running becomes a child of this process, even in a session of its own (pam_exec)."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_orphans(checks: Collection[int]) -> None:
    """Kill and reap every child that is no check; what they leave behind comes here in turn."""
    for pid in map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()):
        if pid not in checks:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, os.WNOHANG)


def answer_one(connection: socket.socket) -> None:
    """Read one question and answer it; not if it is none, or who asked has gone: others wait for the place."""
    try:
        question = Question.decode(_line(connection))
    except BadMessage as bad:
        log.warning("hung up on %s", bad.message)
        return
    heard = select.poll()
    heard.register(connection, select.POLLRDHUP)
    if any(events & _GONE for _, events in heard.poll(0)):
        return
    connection.sendall(_answer(question).encode())


def _answer(question: Question) -> Answer:
    try:
        check_stack(question.service)
    except Unavailable as fault:
        return Answer(Result.UNAVAILABLE, message=fault.message, hint=fault.hint)
    return pam_calls.check(question)


def _line(connection: socket.socket) -> bytes:
    line = b""
    # One octet more than a question has is asked for, and then none: that is the end, too.
    while not line.endswith(b"\n") and (part := connection.recv(LONGEST_QUESTION + 1 - len(line))):
        line += part
    return line


def _noted(_number: int, _frame: object) -> None:
    """The wakeup descriptor has it."""
