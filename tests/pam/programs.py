"""sudo, su, login and pamtester on a machine of their own: private files in /etc, the real daemon, a terminal.

Each program runs in a mount namespace that is gone with it. The files of the host stay as they are.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.conftest import ROOT
from tests.daemon.mailbox import in_directory
from tests.daemon.mails import by_file
from tests.daemon.server import SECRET, Server, User, wait_for
from tests.pam.host import Host
from tests.pam.test_stacks import STACKS

README = (ROOT / "pam_hook/README.md").read_text()
PASSWORD = "battery staple"
"""What /etc/shadow knows of everybody; the daemon's password is another."""
HASHED = "$5$rounds=1000$radiusmfa$kUALKxCsQjsXSDfXm0c6GDp4lShFhklW.kI44qAuAK3"
CLIENT = "- {shortname: exec, ipaddr: 127.0.0.1, secret: SECRET, dialogue: append}"
CODE_ONLY = ["sudo", "su", "su-l", "login", "codes"]
SERVICES = f"pam: {{services: {{{', '.join(f'{name}: {{password: no}}' for name in CODE_ONLY)}}}}}\n"
MOUNTED = ["pam.d", "passwd", "shadow", "group", "gshadow", "sudoers"]
# /run and /var/log have what a login writes: utmp, wtmp, lastlog, the time stamps of sudo.
PRIVATELY = """set -e
for place in /run /var/log; do mount -t tmpfs private "$place"; done
for name in {names}; do mount --bind "$0/$name" "/etc/$name"; done
{before}
exec "$@"
"""
LOCAL_FLAGS = 3
PATIENCE = 20.0
"""Seconds after which a program that says nothing fails the test."""


class Terminal:
    """A program at a terminal, and the person who sits there. `shown` is all that has stood on the screen."""

    def __init__(self, command: list[str | Path]) -> None:
        self._ours, theirs = os.openpty()
        # Who runs the tests in the background ignores these signals, and so would the program.
        alone: list[str | Path] = ["setsid", "--ctty", "env", "--default-signal=INT,QUIT", *command]
        self._process = subprocess.Popen(alone, stdin=theirs, stdout=theirs, stderr=theirs, cwd="/")
        os.close(theirs)
        self._unread = ""
        self.shown = ""

    def expect(self, text: str) -> None:
        """Wait until this stands there, after what was expected before."""
        while text not in self._unread:
            assert self._read(), f"it ended without {text!r}: {self.shown}"
        self._unread = self._unread.partition(text)[2]

    def answer(self, question: str, text: str) -> None:
        """Type a line once this question stands there, and only when nothing of it will be shown."""
        self.expect(question)
        wait_for(lambda: not termios.tcgetattr(self._ours)[LOCAL_FLAGS] & termios.ECHO, "a prompt without echo")
        os.write(self._ours, text.encode() + b"\n")

    def end(self) -> int:
        """Wait until the program has ended; its exit status."""
        while self._read():
            continue
        return self._process.wait(PATIENCE)

    def close(self) -> None:
        """Leave the terminal, whatever runs there."""
        os.close(self._ours)
        self._process.kill()
        self._process.wait(PATIENCE)

    def _read(self) -> bool:
        assert select.select([self._ours], [], [], PATIENCE)[0], f"nothing more came: {self.shown}"
        read = b""
        with suppress(OSError):  # nobody is at the other end any more
            read = os.read(self._ours, 4096)
        text = read.decode(errors="replace")
        self._unread += text
        self.shown += text
        return bool(read)


class Machine:
    """A host whose stacks for sudo, su and login are those of the system, with the hook as README.md says."""

    def __init__(self, host: Host, folder: Path, server: Server) -> None:
        self.host = host
        self.folder = folder
        self.server = server
        self.etc = folder / "etc"
        self._people = 0
        shutil.copytree("/etc/pam.d", self.etc / "pam.d")
        self._write("passwd", "root:x:0:0:root:/root:/bin/sh\nguest:x:1999:1999::/:/bin/sh\n")
        self._write("group", "root:x:0:\nguest:x:1999:\n")
        self._write("gshadow", "root:*::\n", 0o600)
        self._write("shadow", "root:*:19000:0:99999:7:::\n", 0o600)
        self._write("sudoers", "Defaults passwd_tries=1, lecture=never\nALL ALL=(ALL:ALL) ALL\n", 0o440)
        self._write("shell", '#!/bin/sh\necho "in as $(id -un)"\n', 0o755)
        # Nobody guesses here, so nothing has to be held back.
        self._edit("common-auth", "pam_unix.so", "pam_unix.so nodelay")
        self._edit("login", "delay=3000000", "delay=0")
        for service in ("sudo", "su", "login"):
            line = STACKS["sudo on Debian and Ubuntu"].partition("\n")
            self._edit(service, line[0], f"{line[0]}\n{self.hook(line[2])}")

    def hook(self, line: str = "auth required pam_radius_mfa.so") -> str:
        """A line of a stack with the hook in it, as it has to be on this machine."""
        assert self.server.pam is not None
        return line.replace("pam_radius_mfa.so", f"{self.host.module} socket={self.server.pam}")

    def add(self, name: str, *, lock: str = "", expires: str = "", **how: Any) -> User:  # noqa: ANN401 - as Server's
        """Somebody whom machine and daemon know. `lock` stands before the hash in /etc/shadow, `expires` is a day."""
        self._people += 1
        number = 2000 + self._people
        self._write("passwd", f"{name}:x:{number}:{number}::/:{self.etc}/shell\n", 0o644, "a")
        self._write("group", f"{name}:x:{number}:\n", 0o644, "a")
        self._write("shadow", f"{name}:{lock}{HASHED}:19000:0:99999:7::{expires}:\n", 0o600, "a")
        return self.server.add_user(name, **how)

    def stack(self, service: str, *lines: str) -> None:
        """Make a service of this machine."""
        self._write(f"pam.d/{service}", "".join(line + "\n" for line in lines))

    def command(self, *command: str | Path, user: str = "root", before: str = "") -> list[str | Path]:
        """A command in a namespace of its own, by this user; root does `before` there, a line of shell."""
        become = [] if user == "root" else ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"]
        script = PRIVATELY.format(names=" ".join(MOUNTED), before=before)
        return ["unshare", "--mount", "sh", "-c", script, self.etc, *become, *command]

    def program(self, service: str, user: User) -> AbstractContextManager[Terminal]:
        """sudo, su, `su -` or login, started so that it lets this user in if it lets anybody in."""
        match service:
            case "sudo":
                return self.terminal("sudo", self.etc / "shell", user=user.name)
            case "su":
                return self.terminal("su", user.name, user="guest")
            case "su-l":
                return self.terminal("su", "-", user.name, user="guest")
            case _:
                return self.terminal(service, user.name)

    @contextmanager
    def terminal(self, *command: str | Path, user: str = "root", before: str = "") -> Iterator[Terminal]:
        """A program that this user has started at a terminal."""
        terminal = Terminal(self.command(*command, user=user, before=before))
        try:
            yield terminal
        finally:
            terminal.close()

    def pamtester(
        self, service: str, name: str, operation: str, *given: str, under: tuple[str | Path, ...] = ()
    ) -> str:
        """What pamtester prints when these are its answers. `under`: a program that runs it."""
        done = subprocess.run(
            self.command(*under, "pamtester", service, name, operation), input="".join(line + "\n" for line in given),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
        )  # fmt: skip
        return done.stdout

    def key_of(self, user: User) -> str:
        """The key that this user was sent."""
        mails = self.folder / "mail"
        to = f"{user.name}@example.com"
        return wait_for(lambda: [mail.key for mail in in_directory(mails) if mail.to == to and mail.invites], "a mail")[
            0
        ]

    def pam_exec(self) -> str:
        """The line of a stack for pam_exec, and its script, both as README.md has them but for where things are."""
        line = re.search(r"^    (auth .* pam_exec\.so .*)$", README, re.MULTILINE)
        script = re.search(r"^    #!/bin/sh\n(?:    .*\n)+", README, re.MULTILINE)
        assert line is not None
        assert script is not None
        self._write("pam-exec", re.sub("^    ", "", script[0], flags=re.MULTILINE), 0o700)
        self._write("secret", SECRET + "\n", 0o600)
        self._edit("../pam-exec", "/etc/radius-mfa/secrets/pam", f"{self.etc}/secret")
        self._edit("../pam-exec", "/opt/radius-mfa/bin/radius-mfa", str(Path(sys.executable).with_name("radius-mfa")))
        self._edit("../pam-exec", ":1812", f":{self.server.port}")
        return line[1].replace("/etc/radius-mfa/pam-exec", f"{self.etc}/pam-exec")

    def _edit(self, stack: str, old: str, new: str) -> None:
        file = self.etc / "pam.d" / stack
        text = file.read_text()
        assert text.count(old) == 1, f"{stack} does not have {old} once"
        file.write_text(text.replace(old, new))

    def _write(self, name: str, text: str, mode: int = 0o644, how: str = "w") -> None:
        with (self.etc / name).open(how) as file:
            file.write(text)
        (self.etc / name).chmod(mode)


@contextmanager
def machines(host: Host) -> Iterator[Machine]:
    """A machine and its daemon, which has to have gone in peace in the end."""
    with TemporaryDirectory(prefix="radius-mfa-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the shell is there
        server = Server(
            folder / "daemon", clients=CLIENT, more=SERVICES + by_file(folder / "mail"), pam=folder / "pam.sock"
        )
        server.start()
        try:
            yield Machine(host, folder, server)
        finally:
            status = server.close()
        assert status == 0, server.log()
        assert "Traceback" not in server.log(), server.log()
        assert name not in Path("/proc/mounts").read_text(), "something is still mounted"
