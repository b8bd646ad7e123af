"""A host that checks passwords: users, groups and stacks of its own in a mount namespace, and `pam-check` in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from radius_mfa.backends.pam import PamPasswords
from radius_mfa.clock import SystemClock
from tests.conftest import ROOT
from tests.daemon.server import wait_for

OWNER = 65534
"""The user that the server runs as."""
STATION = "192.0.2.77"
PATIENCE = 60.0
"""Longer than any test takes: what ends before that was decided, not given up."""
UNIX = ("auth required pam_unix.so nullok", "account required pam_unix.so")
PASSWORDS = {
    "root": b"root's own",
    "system": b"of a service",
    "alice": b"correct horse",
    "umlaut": "pässwörd & $@\\ 'x".encode(),
    "latin": b"p\xe4ssw\xf6rd",
    "long": b"0123456789" * 51 + b"x",
    "expired": b"was right",
    "aged": b"is to be changed",
    "nameless": b"a group without a name",
}
_UIDS = {"root": 0, "system": 200, "nobody": OWNER}
_AGES = {"expired": "19000:::::1:", "aged": "0::::::"}
_PRIVATELY = """
for file in passwd group shadow; do mount --bind "$1/$file" "/etc/$file" || exit 1; done
mount --bind "$1/pam.d" /etc/pam.d && shift && exec "$@"
"""
# What `radius-mfa pam-check` does, with another limit.
_WITH_LIMIT = """
import sys
from pathlib import Path
from radius_mfa import log
from radius_mfa.backends.pam_check import PamCheck
from radius_mfa.local_socket import listen
from radius_mfa.clock import SystemClock
log.configure("text", "info")
PamCheck(listen(Path(sys.argv[1]), int(sys.argv[2])), {0, int(sys.argv[2])}, SystemClock(), float(sys.argv[3])).run()
"""


@dataclass(frozen=True)
class CheckHost:
    """Where its files lie; any user may read them."""

    folder: Path

    @property
    def socket(self) -> Path:
        return self.folder / "check.sock"

    @property
    def config(self) -> Path:
        return self.folder / "radius-mfa.yaml"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def stack(self, service: str, *lines: str) -> str:
        """Write a stack; the name of its service."""
        (self.folder / "pam.d" / service).write_text("".join(line + "\n" for line in lines))
        return service

    def passwords(self, service: str = "radius-mfa", min_uid: int = 1000, patience: float = PATIENCE) -> PamPasswords:
        """The backend of the server."""
        return PamPasswords(self.socket, service, min_uid, lambda _: None, SystemClock(), patience)

    def lets_in(self, user: str = "alice", service: str = "radius-mfa") -> bool:
        """Whether this user gets in with the right password."""
        checked = self.passwords(service).check(None, user, PASSWORDS[user], STATION)
        return checked.passed and checked.allowed

    def privately(self, *command: str | Path) -> list[str | Path]:
        """A command with the users and stacks of this host."""
        return ["unshare", "--mount", "sh", "-c", _PRIVATELY, "sh", self.folder, *command]

    @contextmanager
    def checking(self, late: float | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """Run `radius-mfa pam-check`, or with `late` (seconds) the same with that limit."""
        command: list[str | Path] = [Path(sys.executable).with_name("radius-mfa"), "--config", self.config, "pam-check"]
        if late is not None:
            command = [sys.executable, "-c", _WITH_LIMIT, self.socket, str(OWNER), str(late)]
        with self.running(self.privately(*command)) as process:
            yield process

    @contextmanager
    def running(self, command: list[str | Path], pass_fds: Collection[int] = ()) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command that becomes `pam-check`; it has to end well after SIGTERM."""
        null, seat = subprocess.DEVNULL, {**os.environ, "DISPLAY": ":77"}  # python-pam makes a terminal of a display
        with (
            (self.folder / "log").open("wb") as log,
            subprocess.Popen(
                command, stdin=null, stdout=null, stderr=log, cwd=ROOT, pass_fds=pass_fds, env=seat
            ) as process,
        ):
            try:
                wait_for(lambda: "checking passwords" in self.log or process.poll() is not None, "pam-check")
                assert process.poll() is None, self.log
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(20)
                self.socket.unlink(missing_ok=True)
        assert process.returncode == 0, self.log


def make(folder: Path) -> CheckHost:
    """A host with the users of PASSWORDS, one with no password (`blank`) and one who has none that fits (`locked`)."""
    folder.chmod(0o755)
    (folder / "pam.d").mkdir()
    names = [*PASSWORDS, "blank", "locked", "nobody"]
    uids = {name: _UIDS.get(name, 1500 + index) for index, name in enumerate(names)}
    gids = {name: 4711 if name == "nameless" else uid for name, uid in uids.items()}
    (folder / "passwd").write_text("".join(f"{n}:x:{uids[n]}:{gids[n]}::/:/bin/sh\n" for n in names))
    groups = [
        *(f"{n}:x:{gids[n]}:" for n in names if n != "nameless"),
        "staff:x:50:alice",
        "pbx-admins:x:51:umlaut,alice",
    ]
    (folder / "group").write_text("".join(group + "\n" for group in groups))
    hashes = {"blank": "", "locked": "!", "nobody": "*", **{name: _hash(text) for name, text in PASSWORDS.items()}}
    (folder / "shadow").write_text("".join(f"{n}:{hashes[n]}:{_AGES.get(n, '19000::::::')}\n" for n in names))
    host = CheckHost(folder)
    host.config.write_text(_config(host))
    host.stack("radius-mfa", *UNIX)
    host.stack("other", "auth required pam_deny.so", "account required pam_deny.so")
    return host


def _hash(password: bytes) -> str:
    script = "print crypt($ARGV[0], q($6$rounds=1000$saltsalt$))"
    return subprocess.run(["perl", "-e", script, password], stdout=subprocess.PIPE, check=True, text=True).stdout


def _config(host: CheckHost) -> str:
    return f"""
issuer: Example PBX
user: nobody
listen: {{radius: ["127.0.0.1:1812"]}}
store: sqlite:///{host.folder}/db
master_key: {{file: {host.folder}/master.key}}
clients: [{{shortname: pbx, ipaddr: 192.0.2.10, secret: {{file: {host.folder}/pbx}}}}]
passwords: {{backends: [{{type: pam}}], helper: {host.socket}}}
"""


@contextmanager
def as_user(uid: int) -> Iterator[None]:
    """What is connected or listened to in here has that user's credentials."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
