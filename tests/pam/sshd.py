"""A private sshd: users, stacks and services of its own in a mount namespace, and ssh at a terminal of its own.

sshd attends to one connection, as under inetd: the test listens, so that no port has to be found, and after the login
nothing is left of the namespace. The files of the host stay as they are.
"""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.daemon.server import Server, User
from tests.pam.host import Host

PATIENCE = 20.0
SERVICES = "pam: {services: {sshd-key: {password: no}, sshd-unix: {password: no}}}\n"
"""What the daemon has to know of the services."""
SAME_HASH = "$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0"
"""PASSWORD of tests.daemon.server as /etc/shadow has it."""
UNSIGNED = "127.0.0.9"
"""Where pam_radius_auth asks from, which signs nothing up to 2.0.0."""
_ASKED = r"(?:\(\S+\) |\S+'s )(.+?: )\Z"
# /run and /var/log: what sshd keeps and writes there is its own, too.
_PRIVATELY = """
set -e
mount -t tmpfs private /run
mount -t tmpfs private /var/log
mkdir /run/sshd
for name in pam.d passwd shadow; do mount --bind "$0/$name" "/etc/$name"; done
exec "$@"
"""
# PAM names a service after the program: each has its own name for sshd. Of two values sshd takes the first.
_METHODS = {
    "sshd": "AuthenticationMethods keyboard-interactive",
    "sshd-key": "AuthenticationMethods publickey,keyboard-interactive",
    "sshd-unix": "AuthenticationMethods keyboard-interactive",
    "sshd-radius": "AuthenticationMethods keyboard-interactive",
    "sshd-password": "AuthenticationMethods password\nPasswordAuthentication yes",
    "sshd-trust": "AuthenticationMethods publickey,keyboard-interactive keyboard-interactive",
    "sshd-trust-2": "AuthenticationMethods publickey,keyboard-interactive",
    "sshd-station": "AuthenticationMethods keyboard-interactive",
}
_SERVER = """
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub {folder}/other_key.pub
PidFile none
StrictModes no
UseDNS no
UsePAM yes
MaxAuthTries {tries}
{methods}
PasswordAuthentication no
"""
_CLIENT = """
Host *
    HostName 127.0.0.1
    UserKnownHostsFile {folder}/known_hosts
    HostKeyAlias private
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
    IdentityAgent none
    IdentitiesOnly yes
    IdentityFile {folder}/user_key
    PreferredAuthentications publickey,keyboard-interactive
    NumberOfPasswordPrompts 1
    LogLevel ERROR
"""

Given = str | Callable[[], str]
"""An answer, or what finds it once it is asked for."""


@dataclass(frozen=True)
class Login:
    """What came of it: the questions in order, all that was printed, and whether a command ran on the host."""

    asked: tuple[str, ...]
    printed: str
    entered: bool


class Sshd:
    """A host whose users are those of the daemon, with an sshd for each service of SERVICES and more."""

    def __init__(self, folder: Path, hook: Host, server: Server) -> None:
        assert server.pam is not None
        self.folder = folder
        self.server = server
        self._uids = count(2001)
        folder.chmod(0o755)
        line = hook.hook(socket=server.pam)
        known = folder / "radius.conf"
        known.write_text(f"127.0.0.1:{server.port} {server.secret} 10 {UNSIGNED}\n")
        known.chmod(0o600)
        radius = f"auth required pam_radius_auth.so conf={known} prompt_attribute retry=1"
        self._stacks({name: [line] for name in _METHODS} | {
            "sshd-radius": [radius], "sshd-unix": ["auth requisite pam_unix.so nodelay", line],
        })  # fmt: skip
        (folder / "passwd").write_text("root:x:0:0::/root:/bin/sh\nsshd:x:104:65534::/run/sshd:/usr/sbin/nologin\n")
        (folder / "shadow").write_text("root:*:19000::::::\nsshd:!:19000::::::\n")
        for name in ("host_key", "user_key", "other_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        (folder / "known_hosts").write_text(f"private {(folder / 'host_key.pub').read_text()}")
        (folder / "ssh_config").write_text(_CLIENT.format(folder=folder))
        for name in _METHODS:
            (folder / name).symlink_to("/usr/sbin/sshd")

    def add_user(self, name: str = "", *, hashed: str = SAME_HASH, aging: str = "19000::::::", token: bool = True,
                 recovery: Iterable[str] = (), mail: str | None = None) -> User:  # fmt: skip
        """Somebody whom daemon and host know; `hashed` and `aging` are the columns of /etc/shadow."""
        user = self.server.add_user(name, token=token, recovery=recovery, mail=mail)
        self.add_account(user.name, hashed=hashed, aging=aging)
        return user

    def add_account(self, name: str, *, hashed: str = SAME_HASH, aging: str = "19000::::::") -> None:
        """Somebody whom the host knows."""
        uid = next(self._uids)
        with (self.folder / "passwd").open("a") as passwd, (self.folder / "shadow").open("a") as shadow:
            passwd.write(f"{name}:x:{uid}:{uid}::/:/bin/sh\n")
            shadow.write(f"{name}:{hashed}:{aging}\n")

    @property
    def other_key(self) -> str:
        """The option of ssh that shows another key of the same user first."""
        return f"IdentityFile={self.folder / 'other_key'}"

    @property
    def nologin(self) -> Path:
        """While this file is there, only root may log in."""
        return self.folder / "nologin"

    def login(self, name: str, *answers: Given, service: str = "sshd", options: Iterable[str] = (),
              tries: int = 6) -> Login:  # fmt: skip
        """Log in; who is asked more than there are answers hangs up. `tries`: MaxAuthTries."""
        with socket.create_server(("127.0.0.1", 0)) as listener, (self.folder / "log").open("ab") as log:
            listener.settimeout(PATIENCE)
            given = (f"Port={listener.getsockname()[1]}", f"User={name}", *options)
            command: list[str | Path] = ["ssh", "-F", self.folder / "ssh_config", *(f"-o{option}" for option in given)]
            with _Terminal([*command, "private", "echo in as $LOGNAME"]) as terminal:
                with listener.accept()[0] as connection:
                    end = connection.fileno()
                    attending = subprocess.Popen(self._command(service, tries), stdin=end, stdout=end, stderr=log)
                try:
                    asked = terminal.talk(answers)
                finally:
                    terminal.leave()
                    attending.wait(PATIENCE)
        return Login(asked, terminal.printed, f"in as {name}" in terminal.printed.splitlines())

    def log(self) -> str:
        """What sshd has said."""
        return (self.folder / "log").read_text()

    def _command(self, service: str, tries: int) -> list[str | Path]:
        config = self.folder / f"{service}_config"
        config.write_text(_SERVER.format(folder=self.folder, tries=tries, methods=_METHODS[service]))
        program: list[str | Path] = [self.folder / service, "-i", "-E", self.folder / "log", "-f", config]
        return ["unshare", "--mount", "sh", "-c", _PRIVATELY, self.folder, *program]

    def _stacks(self, stacks: dict[str, list[str]]) -> None:
        (self.folder / "pam.d").mkdir()
        nologin = f"account required pam_nologin.so file={self.nologin}"
        rest = [nologin, "account required pam_unix.so", "session required pam_permit.so"]
        for name, lines in stacks.items():
            (self.folder / "pam.d" / name).write_text("".join(line + "\n" for line in [*lines, *rest]))


class _Terminal:
    """A program at a terminal of its own."""

    def __init__(self, command: list[str | Path]) -> None:
        self._ours, theirs = os.openpty()
        self._process = subprocess.Popen(["setsid", "--ctty", *command], stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.printed = ""

    def __enter__(self) -> _Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        os.close(self._ours)

    def talk(self, answers: Iterable[Given]) -> tuple[str, ...]:
        """Answer each question in turn until it ends, or asks more; the questions."""
        left, asked, read = list(answers), [], 0
        while self._read():
            question = re.search(_ASKED, self.printed[read:])
            if question is None:
                continue
            asked.append(question[1])
            if not left:
                break
            read = len(self.printed)
            answer = left.pop(0)
            os.write(self._ours, (answer if isinstance(answer, str) else answer()).encode() + b"\n")
        return tuple(asked)

    def leave(self) -> None:
        """End the program if it has not ended. While it asks, ssh can miss any milder signal."""
        self._process.kill()
        self._process.wait(PATIENCE)

    def _read(self) -> bool:
        assert select.select([self._ours], [], [], PATIENCE)[0], f"nothing more came: {self.printed}"
        try:
            octets = os.read(self._ours, 4096)
        except OSError:  # nobody is left at the other end
            return False
        self.printed += octets.decode().replace("\r\n", "\n")
        return bool(octets)
