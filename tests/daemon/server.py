"""The daemon as the tests run it: a process of its own in a directory of its own, with users made through the store."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pyotp

from radius_mfa.auth.model import Challenge, Mfa, Stage
from radius_mfa.backends.local import hash_password
from radius_mfa.clock import SystemClock
from radius_mfa.radius.state import States
from radius_mfa.store import accounts, codes, tokens
from radius_mfa.store.database import Database
from radius_mfa.store.keys import MasterKey
from radius_mfa.store.shared import read_clients
from tests.contract.stores import make_store
from tests.daemon.processes import alive, descriptors, is_udp
from tests.daemon.raw import RawClient

Value = TypeVar("Value")

SECRET = "a-shared-secret-of-the-tests"  # no spaces: the clients of others split lines at them
PASSWORD = "correct horse"
_hashed = cache(hash_password)  # it takes as long as a login

# What `radius-mfa serve` does, with a function that is called before each reply.
_SERVE_WITH_HOOK = """
import sys
from pathlib import Path
from radius_mfa import daemon
from radius_mfa.cli import messages
from radius_mfa.errors import RadiusMfaError
{hook}
try:
    sys.exit(daemon.serve(Path(sys.argv[1]), before_send=before_send))
except RadiusMfaError as error:
    sys.exit(messages.report(error))
"""


# What systemd does with a socket (sd_listen_fds(3)).
PASS_SOCKET = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


def wait_for(condition: Callable[[], Value], what: str, patience: float = 20.0) -> Value:
    """The first true value of `condition`, asked again and again; fails after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)
    return value


@dataclass(frozen=True)
class User:
    """An account the server knows, with a password and, unless it was made without, an authenticator."""

    id: int
    name: str
    password: str
    totp_secret_base32: str
    recovery_codes: tuple[str, ...]

    @property
    def totp(self) -> pyotp.TOTP:
        return pyotp.TOTP(self.totp_secret_base32)

    def code(self, steps: int = 0) -> str:
        """The code of this moment, or so many steps later."""
        return self.totp.at(int(time.time()) + steps * self.totp.interval)


class Server:
    """A daemon on a free port of `listen`, with the clients and other keys the test gives as YAML lines."""

    secret = SECRET

    def __init__(
        self, directory: Path, *, clients: str = "", more: str = "", listen: Iterable[str] = ("127.0.0.1",),
        reject_delay: str = "0s", hook: str = "", store: Path | None = None, level: str = "info", user: str = "root",
        audit: Path | None = None, form: str = "text", pam: Path | None = None, workers: int | str = 1,
    ) -> None:  # fmt: skip
        self.directory = directory
        self.clients = clients or "- {shortname: test, ipaddr: 127.0.0.1, secret: SECRET}"
        self.more = more
        self.hook = hook
        self.store = store or directory / "store.db"
        self.listen = list(listen)
        self.address = self.listen[0]
        self.port = 0
        self.reject_delay = reject_delay
        self.level = level
        self.form = form
        self.user = user
        self.pam = pam
        self.doors: dict[str, str] = {}
        """What else it listens on, as `listen` has it."""
        self.workers = workers
        self.log_file = directory / "log"
        self.audit_file = audit or directory / "audit.jsonl"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment: dict[str, str] = {}
        self.passed: socket.socket | None = None
        """A listening socket that it is started with, as systemd does it."""
        self._open: list[RawClient] = []
        self._names = count()
        directory.mkdir(exist_ok=True)
        if store is None:
            make_store(self.store, self.master_key)

    # The process

    def start(self) -> None:
        """Start, and wait until it says where it listens."""
        self.launch()
        line = wait_for(self._listening, "a daemon that listens")
        assert line is not None
        self.port = int(line.group(1))

    def launch(self) -> None:
        """Start without waiting."""
        self.configure()
        command = [str(Path(sys.executable).with_name("radius-mfa")), "--config", str(self.config), "serve"]
        if self.hook:
            command = [sys.executable, "-c", _SERVE_WITH_HOOK.format(hook=self.hook), str(self.config)]
        inherited = []
        if self.passed is not None:
            inherited = [self.passed.fileno()]
            command = [sys.executable, "-c", PASS_SOCKET, str(inherited[0]), *command]
        env = os.environ | {"PYTHONWARNINGS": "error"} | self.environment
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                command, stderr=log, stdout=log, cwd=self.directory, env=env, pass_fds=inherited
            )

    def configure(self) -> None:
        """Write the configuration as it now should be; the port stays once there is one."""
        places = [f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}" for host in self.listen]
        doors = {"radius": places} | ({"pam": str(self.pam)} if self.pam else {}) | self.doors
        self.config.write_text(
            f"issuer: Tests\nuser: {self.user}\nworkers: {self.workers}\nlisten: {json.dumps(doors)}\n"
            f"store: sqlite:///{self.store}\n"
            f"master_key: {{file: {self.master_key}}}\naudit: {{file: {self.audit_file}}}\n"
            f"radius: {{reject_delay: {self.reject_delay}, duplicates: 30s}}\n"
            f"log: {{level: {self.level}, format: {self.form}}}\n"
            + "clients:\n"
            + "".join(f"  {line}\n" for line in self.clients.replace("SECRET", json.dumps(SECRET)).splitlines())
            + self.more
        )
        self.config.chmod(0o600)
        with contextlib.suppress(LookupError):  # a user that is not there is what a test is about
            shutil.chown(self.config, self.user)

    def stop(self) -> int | None:
        """SIGTERM; the exit status, or None if it does not run."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        self.process = None
        return status

    def close(self) -> int | None:
        """Stop, and end its clients too; the exit status."""
        for client in self._open:
            client.close()
        if "database" in self.__dict__:
            self.database.close()
        return self.stop()

    def kill(self) -> None:
        """Kill supervisor and children at one blow, and wait until the port is free."""
        assert self.process is not None
        children = [self.process.pid, *self.children()]
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(20)
        self.process = None
        wait_for(lambda: not any(alive(pid) for pid in children), "the end of the killed")

    def port_is_free(self) -> bool:
        """Whether nobody holds the port."""
        with socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((self.address, self.port))
            except OSError:
                return False
        return True

    def restart(self) -> None:
        """Stop if it runs, and start again on the same port."""
        self.stop()
        self.start()

    def reload(self) -> None:
        """Write the configuration and send SIGHUP; waits until the daemon has said what came of it."""
        before = self.log().count("reloaded")
        self.configure()
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.log().count("reloaded") > before, "the end of a reload")

    def children(self) -> list[int]:
        """The pids of the supervisor's children."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def udp_workers(self) -> list[int]:
        """The pids of the UDP workers."""
        return [pid for pid in self.children() if any(is_udp(pid, fd) for fd in descriptors(pid))]

    def worker(self) -> int:
        """The pid of the youngest UDP worker."""
        return max(self.udp_workers())

    def alone(self, errand: str) -> list[int]:
        """The pids of the children that have this errand to themselves: one at most."""
        lock = Path(f"{self.store}.{errand}").stat().st_ino
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines() if f":{lock} " in line]
        return [int(entry[4]) for entry in locks if "->" not in entry]

    def log(self) -> str:
        return self.log_file.read_text()

    def audit_lines(self) -> list[dict[str, Any]]:
        """Every line of the audit, parsed."""
        return [json.loads(line) for line in self.audit_file.read_text("ascii").splitlines() if line]

    def audit_of(self, account: str) -> list[dict[str, Any]]:
        """The lines of the audit about one account."""
        return [line for line in self.audit_lines() if line["account"] == account]

    # Its clients

    def client(self, source: str | None = None, address: str | None = None) -> RawClient:
        """A client of the shared secret; it outlives a restart."""
        opened = RawClient((address or self.address, self.port), SECRET.encode(), source)
        self._open.append(opened)
        return opened

    # Its store

    @property
    def config(self) -> Path:
        return self.directory / "radius-mfa.yaml"

    @property
    def master_key(self) -> Path:
        return self.store.with_name("master.key")

    @cached_property
    def database(self) -> Database:
        return Database.open(self.store, MasterKey.read(self.master_key), SystemClock())

    @cached_property
    def _states(self) -> States:
        return States(self.database.keys.state, os.urandom)

    def add_user(
        self, name: str = "", password: str = PASSWORD, *, groups: Iterable[str] = (), mfa: str = "inherit",
        token: bool = True, recovery: Iterable[str] = (), mail: str | None = None, hashed: str = "",
    ) -> User:  # fmt: skip
        """An account, with an active authenticator that has taken no code yet; without a name it gets a new one.

        `hashed`: the hash of its password, for tests that want a cheaper one than `user add` makes.
        """
        name = name or f"user{next(self._names)}"
        hashed = hashed or _hashed(password)
        new = accounts.NewAccount(name, mail, groups=frozenset(groups), mfa=Mfa(mfa), password_hash=hashed)
        row = accounts.add(self.database, new)
        secret = pyotp.random_base32()
        if token:
            made = tokens.NewToken(pyotp.TOTP(secret).byte_secret())
            pending = tokens.enroll(self.database, name, made, expires=time.time() + 3600)
            tokens.confirm(self.database, name, pending, step=0, drift=0)
        if recovery:
            codes.replace(self.database, name, list(recovery))
        return User(row.id, name, password, secret, tuple(recovery))

    def database_rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        with sqlite3.connect(f"{self.store.as_uri()}?mode=ro", uri=True) as connection:
            names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}
        connection.close()
        return rows

    def age_stored_replies(self, seconds: float) -> None:
        """Let the replies that the store keeps be so much older."""
        connection = sqlite3.connect(self.store)
        with connection:
            for table in ("token", "recovery_code"):
                connection.execute(f"UPDATE {table} SET replied_at = replied_at - ?", (seconds,))
        connection.close()

    def dropped(self, shortname: str) -> int:
        """How many datagrams of a client, or of strangers, the daemon says it has dropped."""
        return sum(seen.drops for seen in read_clients(f"{self.store}.shared") if seen.shortname == shortname)

    def seal_state(self, user: User, *, source: str = "127.0.0.1", client: str = "test", age: float = 0.0) -> bytes:
        """A State as the daemon seals it after the right password, `age` seconds ago; costs no hash."""
        with contextlib.closing(sqlite3.connect(self.store)) as connection:  # not SQLAlchemy: some need thousands
            (epoch,) = connection.execute("SELECT epoch FROM account WHERE id = ?", (user.id,)).fetchone()
        challenge = Challenge(Stage.CODE, "", user.id, epoch, 120.0)
        return self._states.seal(challenge, client=client, source=source, at=time.time() - age)

    def _listening(self) -> re.Match[str] | None:
        assert self.process is not None
        said = self.log()
        assert self.process.poll() is None, said
        return re.search(r"listening on \S+?:(\d+)\b[^:]", said)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
