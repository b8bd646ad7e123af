"""`serve`, and how a worker is put together from the configuration."""

from __future__ import annotations

import gc
import logging
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from radius_mfa import log as logs
from radius_mfa.clock import SystemClock
from radius_mfa.daemon.errands import carry_mail, keep_house
from radius_mfa.daemon.keys import data_keys
from radius_mfa.daemon.preflight import try_audit
from radius_mfa.daemon.privileges import become
from radius_mfa.daemon.rounds import beyond_memory, processes, rounds, workers
from radius_mfa.daemon.rules import clients, try_limits
from radius_mfa.errors import ConfigurationError
from radius_mfa.notify import Systemd
from radius_mfa.radius.attributes import problems
from radius_mfa.radius.duplicates import Duplicates
from radius_mfa.radius.state import States
from radius_mfa.settings import Secrets, Settings, load, no_effect, read_secrets, warnings
from radius_mfa.store import shared
from radius_mfa.store.fitness import check
from radius_mfa.store.remembered import PasswordDigests
from radius_mfa.store.tries import SharedTries
from radius_mfa.supervisor import Errand, Supervisor
from radius_mfa.supervisor.program import LONG_FAREWELL
from radius_mfa.transport.door import RadiusDoor
from radius_mfa.transport.lifeline import Lifeline
from radius_mfa.transport.sockets import Listener
from radius_mfa.transport.udp import UdpWorker

log = logging.getLogger(__name__)

CHECKED = 64 * 1024 * 1024
"""Octets of a database whose every page is read at start, in about a second. A damaged page can hide a token."""
YOUNG = 20_000
"""Objects more than there were, after which the collector looks for circles. A turn makes some thousand, and their end
comes with its own: with the 700 of Python it would look at them again and again."""
FIXED = ("user", "listen", "workers", "store", "master_key")
"""Settings that hold from one start to the next stop."""

BeforeSend = Callable[[bytes], object]


def serve(path: Path, *, before_send: BeforeSend | None = None) -> int:
    """Run the daemon with the configuration at `path` until SIGTERM; the exit status. Raises RadiusMfaError.

    `before_send` is called in a worker with each reply on its way out.
    """
    settings = load(path, problems)
    logs.configure(settings.log.format, settings.log.level)
    clock = SystemClock()
    systemd = Systemd(os.environ.pop("NOTIFY_SOCKET", None), clock)
    program = Generation(path, settings, workers(settings), os.urandom(32), before_send)
    return Supervisor(program, clock, systemd).run()


class Generation:
    """supervisor.Program: the daemon as one reading of the configuration wants it.

    `workers`: how many there have been since the start, one for each socket. `key`: the random key of this start, for
    DB.shared. `checked`: the passwords that this start remembers.
    """

    def __init__(
        self,
        path: Path,
        settings: Settings,
        workers: int,
        key: bytes,
        before_send: BeforeSend | None,
        checked: PasswordDigests | None = None,
    ) -> None:
        self.listen = settings.listen.radius
        self.workers = workers
        self.pam = settings.listen.pam
        self._path = path
        self._settings = settings
        self._key = key
        self._before_send = before_send
        self._checked = checked or PasswordDigests(os.urandom)
        self._secrets: Secrets | None = None
        self._shared = f"{settings.database}.shared"
        self._processes = processes(settings, workers)
        self._clock = SystemClock()

    @property
    def errands(self) -> Sequence[Errand]:
        settings, clock = self._settings, self._clock
        house = Errand("housekeeping", partial(keep_house, settings, clock))
        if settings.mail is None:
            return (house,)
        return house, Errand("mail", partial(carry_mail, settings, self._read(), clock), LONG_FAREWELL)

    def preflight(self) -> None:
        """As the user who will serve: configuration, secrets, schema, keys, audit; then DB.shared is made."""
        settings = self._settings
        become(settings.user)
        load(self._path, problems)  # a reload has to be able to
        secrets = read_secrets(settings)
        check(settings.database, thorough=_reads_in_a_second(settings.database))
        data_keys(settings, secrets)
        try_audit(settings.audit.file)
        about_mail = _check_mail(settings, secrets)
        self._make_shared()
        about_memory = beyond_memory(settings, self._processes)
        for line in [*warnings(settings, secrets), *about_mail, *about_memory, *no_effect(settings)]:
            log.warning("%s", line)

    def _make_shared(self) -> None:
        try:
            names = [client.shortname for client in self._settings.clients]
            shared.create(self._shared, self.workers, self._processes, names, self._key)
        except OSError as error:
            hint = "the directory of the store has to have room, and to belong to the user the server runs as"
            raise ConfigurationError(f"cannot make {self._shared}: {error.strerror}", hint) from error

    def settle(self) -> None:
        logs.configure(self._settings.log.format, self._settings.log.level)
        become(self._settings.user)
        self._secrets = read_secrets(self._settings)
        gc.unfreeze()
        gc.collect()
        gc.freeze()  # a child whose collector walks over all this has a copy of it soon

    def work(self, index: int, sockets: Sequence[socket.socket], lifeline: Lifeline) -> None:
        settings, clock, secrets = self._settings, self._clock, self._read()
        keys = data_keys(settings, secrets)
        authenticator, slots = rounds(settings, keys, clock, self._tries(index), self._processes, checked=self._checked)
        door = RadiusDoor(
            clients=clients(settings, secrets),
            states=States(keys.state, os.urandom),
            known=Duplicates(lifetime=settings.radius.duplicates),
            authenticator=authenticator,
            counters=shared.ClientCounters(self._shared, index),
            clock=clock,
            reject_delay=settings.radius.reject_delay,
            before_send=self._before_send,
        )
        worker = UdpWorker([Listener(bound) for bound in sockets], door, authenticator, slots, lifeline, clock)
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG)
        worker.run()

    def attend(self, listener: socket.socket, lifeline: Lifeline) -> None:
        from radius_mfa.daemon.pam import attend

        tries = self._tries(self.workers)
        attend(self._settings, self._read(), self._clock, tries, self._processes, listener, lifeline)

    def figures(self) -> str:
        """How many workers, how many of the clients have been heard, how many datagrams were dropped."""
        try:
            *known, strangers = shared.read_clients(self._shared) or [shared.ClientActivity("")]
        except OSError as error:
            return f"no figures: {error.strerror}"
        heard = sum(1 for client in known if client.last_seen)
        drops = sum(client.drops for client in (*known, strangers))
        return f"workers: {self.workers}, clients heard: {heard} of {len(known)}, datagrams dropped: {drops}"

    def reload(self) -> Generation:
        settings = load(self._path, problems)
        for key in FIXED:
            if getattr(settings, key) != getattr(self._settings, key):
                log.warning("%s: a change needs a restart, the old value stays until then", key)
        settings = settings.model_copy(update={key: getattr(self._settings, key) for key in FIXED})
        return Generation(self._path, settings, self.workers, self._key, self._before_send, self._checked)

    def _tries(self, process: int) -> SharedTries:
        """Those of a process that checks passwords: the workers by index, then the PAM door, then the portal."""
        return SharedTries(self._shared, process, try_limits(self._settings))

    def _read(self) -> Secrets:
        if self._secrets is None:
            raise RuntimeError("a child was forked before the supervisor had settled")
        return self._secrets


def _reads_in_a_second(database: Path) -> bool:
    try:
        return database.stat().st_size <= CHECKED
    except OSError:
        return True  # the check says what is wrong with it


def _check_mail(settings: Settings, secrets: Secrets) -> list[str]:
    if settings.mail is None:
        return []
    from radius_mfa.daemon.mail import check_mail  # in the preflight's own process: see carry_mail

    return check_mail(settings, secrets)
