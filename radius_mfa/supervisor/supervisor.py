"""The supervisor: opens sockets, forks, waits, signals, and nothing else.

It has one thread and no database, no TLS, no asyncio: a child forked beside a thread hangs on an inherited lock, one
forked inside a transaction never gets the database.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import select
import signal
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from radius_mfa.errors import ConfigurationError, RadiusMfaError, Unavailable
from radius_mfa.local_socket import listen, passed
from radius_mfa.notify import Systemd
from radius_mfa.ports import Clock
from radius_mfa.supervisor.bulletin import Bulletin
from radius_mfa.supervisor.fork import SIGNALS, complain, fork, hear_signals
from radius_mfa.supervisor.program import Errand, Program
from radius_mfa.transport.lifeline import Lifeline
from radius_mfa.transport.sockets import open_groups

log = logging.getLogger(__name__)

SILENCE = 5.0
"""Seconds without a beat after which a child is killed and replaced."""
PREFLIGHT = 30
"""Seconds the preflight may take."""
SETTLED = 2.0
"""A child that lived so long did not fail at its start: its successor comes at once."""
SLOWEST = 5.0
"""Seconds between two tries to replace a child, at most."""


@dataclass(eq=False, slots=True)
class Post:
    """A place that must not be vacant."""

    errand: Errand
    sockets: Sequence[socket.socket] = ()
    failures: int = 0
    vacant_until: float = 0.0


@dataclass(eq=False, slots=True)
class Child:
    """Who fills a post. `end`: when it is killed, once it was told to go."""

    post: Post
    pid: int
    pipe: int
    born: float
    heard: float
    works: bool = False
    end: float | None = None

    @property
    def name(self) -> str:
        return f"{self.post.errand.name} ({self.pid})"


class Supervisor:
    """Runs a program until SIGTERM or SIGINT."""

    def __init__(self, program: Program, clock: Clock, systemd: Systemd) -> None:
        self._program = program
        self._clock = clock
        self._bulletin = Bulletin(systemd, clock)
        self._groups: list[list[socket.socket]] = []
        self._pam: socket.socket | None = None
        self._posts: list[Post] = []
        self._children: list[Child] = []
        self._stopping = False
        self._announced = False
        self._signals = self._waker = -1

    def run(self) -> int:
        """The exit status: 0 after SIGTERM, else that of the preflight. Raises RadiusMfaError before the first fork."""
        status = self._preflight(self._program)
        if status:
            return status
        self._open(self._program)
        self._program.settle()
        self._listen_to_signals()
        self._posts = self._posts_of(self._program)
        while not self._stopping or self._children:
            self._fill()
            self._hear()
            self._bury()
            self._judge()
            self._report()
        for opened in self._sockets():
            opened.close()
        return 0

    def _open(self, program: Program) -> None:
        """All sockets, with the privileges of the start: the PAM hook believes a listener of root."""
        self._pam = listen(program.pam, os.geteuid()) if program.pam is not None else passed(None)
        self._groups = open_groups(program.listen, program.workers)
        if not self._groups:
            raise ConfigurationError("there is no address to listen on", "add an IPv4 address to listen.radius")

    def _sockets(self) -> list[socket.socket]:
        return [*itertools.chain(*self._groups), *([self._pam] if self._pam is not None else [])]

    def _listen_to_signals(self) -> None:
        self._signals, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in SIGNALS:
            signal.signal(number, _noted)
        signal.set_wakeup_fd(self._waker)

    def _posts_of(self, program: Program) -> list[Post]:
        workers = []
        for index in range(program.workers):
            sockets = [group[index] for group in self._groups]
            workers.append(Post(Errand(f"worker {index}", partial(program.work, index, sockets)), sockets))
        if self._pam is not None:
            workers.append(Post(Errand("pam", partial(program.attend, self._pam)), [self._pam]))
        return [*workers, *map(Post, program.errands)]

    def _fill(self) -> None:
        """Fork a child for every vacant post whose time has come."""
        now = self._clock.monotonic()
        filled = [child.post for child in self._children]
        for post in self._posts:
            if post not in filled and post.vacant_until <= now:
                self._hire(post, now)

    def _hire(self, post: Post, now: float) -> None:
        pipe, heartbeat = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            pid = fork(partial(self._serve, post, pipe, heartbeat))
        except OSError as error:
            log.error("cannot fork for %s: %s", post.errand.name, error.strerror)
            os.close(pipe)
            self._delay(post, now)
            return
        finally:
            os.close(heartbeat)
        self._children.append(Child(post, pid, pipe, born=now, heard=now))

    def _serve(self, post: Post, pipe: int, heartbeat: int) -> None:
        """In the child: keep nothing of its siblings, so that whoever ends leaves no descriptor open here."""
        lifeline = Lifeline(heartbeat, self._clock)
        hear_signals()
        for inherited in (pipe, self._signals, self._waker, *(sibling.pipe for sibling in self._children)):
            os.close(inherited)
        for opened in self._sockets():
            if opened not in post.sockets:
                opened.close()
        post.errand.main(lifeline)

    def _hear(self) -> None:
        """Wait for beats and signals, not longer than until the next vacancy is to be filled."""
        poll = select.poll()
        poll.register(self._signals, select.POLLIN)
        pipes = {child.pipe: child for child in self._children}
        for pipe in pipes:
            poll.register(pipe, select.POLLIN)
        events = poll.poll(self._patience())
        for fd, event in events:
            if fd in pipes and event & select.POLLIN:
                os.read(fd, 4096)
                pipes[fd].heard = self._clock.monotonic()
                pipes[fd].works = True
        if self._signals in dict(events):
            for number in os.read(self._signals, 512):
                self._obey(number)

    def _patience(self) -> int:
        now = self._clock.monotonic()
        waits = [post.vacant_until - now for post in self._posts if post.vacant_until > now]
        return int(min([1.0, *waits]) * 1000) + 1

    def _obey(self, number: int) -> None:
        if number == signal.SIGHUP and not self._stopping:
            self._reload()
            for child in self._children:
                child.heard = self._clock.monotonic()  # nobody has listened meanwhile
        elif number in {signal.SIGTERM, signal.SIGINT} and not self._stopping:
            log.info("stopping")
            self._bulletin.stopping()
            self._stopping = True
            self._posts = []
            self._dismiss(self._children)

    def _reload(self) -> None:
        """Put a new generation on the same sockets, or keep the old one and say why."""
        self._bulletin.reloading()
        try:
            program = self._program.reload()
            if self._preflight(program):
                raise ConfigurationError("the new configuration is not fit to start with")
            program.settle()
        except RadiusMfaError as error:
            complain(error)
            log.error("not reloaded: the old configuration stays")
            return
        except Exception:
            log.exception("not reloaded: the old configuration stays")
            return
        old, self._program = self._children[:], program
        self._posts = self._posts_of(program)
        self._fill()
        self._dismiss(old)
        log.info("reloaded")

    def _dismiss(self, children: Iterable[Child]) -> None:
        for child in children:
            if child.end is None:
                child.end = self._clock.monotonic() + child.post.errand.farewell
                self._signal(child, signal.SIGTERM)

    def _bury(self) -> None:
        """Take note of the children that have ended, and say when a post that is still wanted may be filled again."""
        now = self._clock.monotonic()
        for child in self._children[:]:
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid == 0:
                continue
            self._children.remove(child)
            os.close(child.pipe)
            if child.end is None:
                log.error("%s has ended with status %d", child.name, os.waitstatus_to_exitcode(status))
                if now - child.born >= SETTLED:
                    child.post.failures = 0
                self._delay(child.post, now)

    def _delay(self, post: Post, now: float) -> None:
        """The first successor comes at once; after that, slower and slower."""
        post.vacant_until = now + (min(SLOWEST, 0.1 * 2**post.failures) if post.failures else 0.0)
        post.failures = min(post.failures + 1, 10)

    def _judge(self) -> None:
        """Kill who is silent or overstays."""
        now = self._clock.monotonic()
        for child in self._children:
            if child.end is not None and now >= child.end:
                log.error("%s did not end in time: killed", child.name)
                self._signal(child, signal.SIGKILL)
                child.end = now + SILENCE  # to be said once, while the kernel takes its time
            elif child.end is None and now - child.heard >= SILENCE:
                log.error("%s was silent for %.0f s: killed", child.name, SILENCE)
                self._signal(child, signal.SIGKILL)
                child.heard = now

    def _signal(self, child: Child, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, number)

    def _report(self) -> None:
        """Say once where we listen, and to systemd how it goes, as soon as every post has a child at work."""
        at_work = {child.post for child in self._children if child.works}
        ready = at_work.issuperset(self._posts) and not self._stopping
        manned = at_work.issuperset(post for post in self._posts if post.sockets)
        if ready and not self._announced:
            self._announce()
        self._bulletin.turn(ready=ready, manned=manned, figures=self._program.figures)

    def _announce(self) -> None:
        self._announced = True
        for group in self._groups:
            host, port, *_ = group[0].getsockname()
            log.info("listening on %s", f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        if self._pam is not None:
            log.info("listening on %s", self._pam.getsockname())

    def _preflight(self, program: Program) -> int:
        """Exit status of the checks, made in a child: 0 if the program is fit to start."""
        pid = fork(partial(_check, program))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status < 0:
            raise Unavailable(f"the preflight was ended by signal {-status}", "the log has what it was doing")
        return status


def _check(program: Program) -> None:
    hear_signals()
    signal.alarm(PREFLIGHT)
    program.preflight()


def _noted(_number: int, _frame: object) -> None:
    """The signal's number is in the wakeup pipe; that is all."""
