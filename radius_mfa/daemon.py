"""The composition root: `serve`, and how a worker is put together from the configuration."""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import pwd
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from radius_mfa import log as logs
from radius_mfa.audit import AuditFile
from radius_mfa.auth.model import ClientPolicy, Dialogue, Mfa, ReplyRule
from radius_mfa.auth.policy import Names, NotEnrolled, Rules
from radius_mfa.backends.local import MEMORY, LocalPasswords
from radius_mfa.backends.slots import HashSlots
from radius_mfa.clock import SystemClock
from radius_mfa.errors import AuditLost, ConfigurationError, Unavailable
from radius_mfa.radius.attributes import encode, problems
from radius_mfa.radius.clients import Client, Clients
from radius_mfa.radius.duplicates import Duplicates
from radius_mfa.radius.secret import SharedSecret
from radius_mfa.radius.state import States
from radius_mfa.service import Authenticator
from radius_mfa.settings import Secrets, Settings, load, no_effect, read_secrets, warnings
from radius_mfa.settings.clients import Client as ClientSettings
from radius_mfa.store import shared
from radius_mfa.store.housekeeping import Housekeeping
from radius_mfa.store.keys import MasterKey
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.upgrade import check, unlock
from radius_mfa.supervisor import Supervisor
from radius_mfa.transport.door import RadiusDoor
from radius_mfa.transport.lifeline import Lifeline
from radius_mfa.transport.sockets import Listener
from radius_mfa.transport.udp import UdpWorker

log = logging.getLogger(__name__)

CHECKED = 64 * 1024 * 1024
"""Octets of a database whose every page is read at start, in about a second. A damaged page can hide a token."""
WORKERS = 1
"""UDP workers of this version, whatever `workers` says."""
QUEUE = 128
"""Passwords that may wait for each hash slot: what one slot checks until they would be too old."""
FIXED = ("user", "listen", "workers", "store", "master_key")
"""Settings that hold from one start to the next stop."""

BeforeSend = Callable[[bytes], object]


def serve(path: Path, *, before_send: BeforeSend | None = None) -> int:
    """Run the daemon with the configuration at `path` until SIGTERM; the exit status. Raises RadiusMfaError.

    `before_send` is called in a worker with each reply on its way out.
    """
    settings = load(path, problems)
    logs.configure(settings.log.format, settings.log.level)
    return Supervisor(Generation(path, settings, os.urandom(32), before_send), SystemClock()).run()


class Generation:
    """supervisor.Program: the daemon as one reading of the configuration wants it.

    `key`: the random key of this start, for DB.shared.
    """

    def __init__(self, path: Path, settings: Settings, key: bytes, before_send: BeforeSend | None) -> None:
        self.listen = settings.listen.radius
        self.workers = WORKERS
        self._path = path
        self._settings = settings
        self._key = key
        self._before_send = before_send
        self._secrets: Secrets | None = None
        self._shared = f"{settings.database}.shared"
        self._clock = SystemClock()

    def preflight(self) -> None:
        """As the user who will serve: configuration, secrets, schema, keys, audit; then DB.shared is made."""
        settings = self._settings
        become(settings.user)
        load(self._path, problems)  # a reload has to be able to
        secrets = read_secrets(settings)
        check(settings.database, thorough=_reads_in_a_second(settings.database))
        unlock(settings.database, _master_key(secrets))
        if all(backend.type != "local" for backend in settings.passwords.backends):
            raise ConfigurationError(
                "nothing checks a password in this version", "add {type: local} to passwords.backends"
            )
        _try_audit(settings.audit.file)
        self._make_shared()
        for line in warnings(settings, secrets) + no_effect(settings):
            log.warning("%s", line)

    def _make_shared(self) -> None:
        try:
            shared.create(
                self._shared, self.workers, [client.shortname for client in self._settings.clients], self._key
            )
        except OSError as error:
            hint = "the directory of the store has to have room, and to belong to the user the server runs as"
            raise ConfigurationError(f"cannot make {self._shared}: {error.strerror}", hint) from error

    def settle(self) -> None:
        logs.configure(self._settings.log.format, self._settings.log.level)
        become(self._settings.user)
        self._secrets = read_secrets(self._settings)

    def work(self, index: int, sockets: Sequence[socket.socket], lifeline: Lifeline) -> None:
        settings, clock, secrets = self._settings, self._clock, self._read()
        keys = unlock(settings.database, _master_key(secrets))
        slots = HashSlots(*_hash_slots(settings, self.workers), clock)
        store = SqliteStore(settings.database, keys, clock)
        audit = AuditFile(str(settings.audit.file))
        authenticator = Authenticator(rules(settings), store, {"local": LocalPasswords()}, slots, audit, clock)
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
        worker.run()

    def keep_house(self, lifeline: Lifeline) -> None:
        if not _alone(Path(f"{self._settings.database}.housekeeping"), lifeline):
            return
        house, quiet = Housekeeping(self._settings.database, self._clock), logs.RateLimit()
        while not lifeline.wait(1.0):
            try:
                house.turn()
            except Unavailable as error:
                if quiet.admit(type(error).__name__, self._clock.monotonic()) is not None:
                    log.warning("housekeeping: %s; hint: %s", error.message, error.hint or "it is tried again")
        house.close()

    def reload(self) -> Generation:
        settings = load(self._path, problems)
        for key in FIXED:
            if getattr(settings, key) != getattr(self._settings, key):
                log.warning("%s: a change needs a restart, the old value stays until then", key)
        settings = settings.model_copy(update={key: getattr(self._settings, key) for key in FIXED})
        return Generation(self._path, settings, self._key, self._before_send)

    def _read(self) -> Secrets:
        if self._secrets is None:
            raise RuntimeError("a child was forked before the supervisor had settled")
        return self._secrets


def become(user: str) -> None:
    """Started as root, go on as this user for good. Raises ConfigurationError when there is no such user."""
    if os.geteuid() != 0:
        return
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        hint = f"make it with: useradd --system {user}, or set another user"
        raise ConfigurationError(f"user: there is no user {user} on this host", hint) from None
    if entry.pw_uid != 0:
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def rules(settings: Settings) -> Rules:
    """What the rules of a login need to know."""
    accounts, mfa = settings.accounts, settings.mfa
    return Rules(
        names=Names(accounts.case == "fold", frozenset(accounts.realms), frozenset(accounts.domains)),
        required=mfa.required == "all" if isinstance(mfa.required, str) else mfa.required.groups,
        not_enrolled=NotEnrolled(mfa.not_enrolled),
        digits=mfa.totp.digits,
        window=mfa.totp.window,
        look_ahead=mfa.hotp.look_ahead,
        state_lifetime=mfa.state_lifetime,
        enrolment_lifetime=settings.enrollment.prompt,
    )


def clients(settings: Settings, secrets: Secrets) -> Clients:
    """The RADIUS clients with their secrets and what the rules need to know of them."""
    return Clients(
        Client(
            shortname=client.shortname,
            network=client.ipaddr,
            index=index,
            policy=client_policy(client),
            secret=SharedSecret(secrets.clients[client.shortname]),
            require_message_authenticator=client.require_message_authenticator,
            vendor=settings.mfa.trusted_devices.vendor,
        )
        for index, client in enumerate(settings.clients)
    )


def client_policy(client: ClientSettings) -> ClientPolicy:
    """What the rules need to know of one client; its reply attributes are encoded here, once."""
    return ClientPolicy(
        shortname=client.shortname,
        dialogue=Dialogue(client.dialogue),
        always_challenge=client.always_challenge,
        mfa=Mfa(client.mfa),
        groups=client.groups,
        replies=tuple(ReplyRule(rule.groups, encode(rule.attributes), dict(rule.attributes)) for rule in client.reply),
    )


def _alone(lock: Path, lifeline: Lifeline) -> bool:
    """Wait until no other housekeeping child of this store lives; False if it is time to end before that."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # held as long as this process lives
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if lifeline.wait(1.0):
                return False
        else:
            return True


def _hash_slots(settings: Settings, workers: int) -> tuple[int, int]:
    """Threads and queue of one worker: within `hash_memory`, and no more threads than there are cores."""
    affordable = settings.passwords.hash_memory // (MEMORY * 1024) // workers
    threads = max(1, min(affordable, len(os.sched_getaffinity(0))))
    return threads, threads * QUEUE


def _reads_in_a_second(database: Path) -> bool:
    try:
        return database.stat().st_size <= CHECKED
    except OSError:
        return True  # the check says what is wrong with it


def _master_key(secrets: Secrets) -> MasterKey:
    return MasterKey.parse(secrets.master_key.decode("ascii", "replace"))


def _try_audit(file: Path) -> None:
    try:
        audit = AuditFile(str(file))
        audit.write([])
        audit.close()
    except AuditLost as lost:
        raise ConfigurationError(lost.message, lost.hint) from lost
