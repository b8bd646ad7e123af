"""A host with the hook: the module, a PAM application, stacks of its own, and a daemon to be told what to say."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import ROOT

HERE = Path(__file__).parent
NEEDS_HOOK = (
    pytest.mark.needs("cc", package="gcc"),
    pytest.mark.needs("/usr/include/security/pam_modules.h", package="libpam0g-dev"),
)
"""Marks of a test that builds the hook."""
VECTORS = ROOT / "tests/vectors/pam"
HELLO = b"HELLO\t1\n"
NOBODY = 65534
SUCCESS = b"RESULT\tsuccess\n"
STRICT = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]


def compile_c(*arguments: str | Path) -> None:
    """Run the C compiler, warnings as errors."""
    subprocess.run(["cc", *STRICT, *arguments], check=True)


@dataclass(frozen=True)
class Said:
    """What the PAM application has printed: what it was shown, in order, and what came out."""

    output: list[bytes]

    @property
    def result(self) -> str:
        return self._last(b"result ").decode()

    @property
    def shown(self) -> list[bytes]:
        return [line for line in self.output if line.split(b" ")[0] in (b"hidden", b"visible", b"info", b"error")]

    @property
    def files_left(self) -> int:
        return int(self._last(b"files "))

    @property
    def milliseconds(self) -> int:
        return int(self._last(b"took "))

    def _last(self, start: bytes) -> bytes:
        return next(line for line in reversed(self.output) if line.startswith(start)).removeprefix(start)


@dataclass
class Daemon:
    """A fake daemon that runs; `heard` has what each hook sent, once it has ended."""

    socket: Path
    heard: list[list[bytes]] = field(default_factory=list)

    @property
    def only(self) -> list[bytes]:
        """What the one hook sent."""
        (lines,) = self.heard
        return lines


@dataclass(frozen=True)
class Host:
    """Where everything lies; any user may read it."""

    folder: Path

    @property
    def module(self) -> Path:
        return self.folder / "pam_hook/pam_radius_mfa.so"

    @property
    def socket(self) -> Path:
        return self.folder / "pam.sock"

    def socket_of(self, uid: int) -> Path:
        """A place for the socket of another user's daemon."""
        directory = self.folder / str(uid)
        directory.mkdir(exist_ok=True)
        os.chown(directory, uid, -1)
        return directory / "pam.sock"

    def hook(self, *options: str, control: str = "required", socket: Path | None = None) -> str:
        """A line of a stack. The daemon is ours, so we are its owner."""
        return f"auth {control} {self.module} socket={socket or self.socket} owner={os.getuid()} {' '.join(options)}"

    def neighbour(self, option: str) -> str:
        """A module beside the hook: see neighbour.c for what it can do."""
        return f"auth optional {self.folder}/neighbour.so {option}"

    def stack(self, *lines: str, service: str = "sshd") -> Path:
        """A directory with one stack in it."""
        directory = self.folder / "pam.d"
        directory.mkdir(exist_ok=True)
        (directory / service).write_text("".join(line + "\n" for line in lines))
        return directory

    def command(self, *answers: str | bytes, user: str | bytes = "alice", service: str = "sshd",
                options: Sequence[str | bytes] = ()) -> list[str | bytes | Path]:  # fmt: skip
        """The PAM application, about to log in."""
        return [self.folder / "login", "-c", self.folder / "pam.d", *options, service, user, *answers]

    def login(self, *answers: str | bytes, user: str | bytes = "alice", service: str = "sshd",
              options: Sequence[str | bytes] = (), timeout: float = 5, uid: int | None = None) -> Said:  # fmt: skip
        """Log in. One that takes more than `timeout` seconds fails the test: THREATS 60 gives it five."""
        command = self.command(*answers, user=user, service=service, options=options)
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=timeout, user=uid)
        assert done.returncode in (0, 1), done.returncode
        return Said(done.stdout.splitlines())

    @contextmanager
    def daemon(self, *turns: bytes, manner: str = "script", uid: int | None = None,
               socket: Path | None = None) -> Iterator[Daemon]:  # fmt: skip
        """Run a daemon: `turns` are what it says after each line it hears."""
        at = socket or self.socket
        given = json.dumps([turn.decode("latin-1") for turn in turns])
        command: list[str | Path] = [sys.executable, "-I", "-S", HERE / "fake_daemon.py", at, manner]
        command += [str(uid)] if uid else []
        try:
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(given + "\n")
                process.stdin.flush()
                assert process.stdout.readline() == "ready\n"
                daemon = Daemon(at)
                yield daemon
                said, _ = process.communicate()
            daemon.heard = [[line.encode("latin-1") for line in lines] for lines in json.loads(said)]
        finally:
            at.unlink(missing_ok=True)


def build(folder: Path) -> Host:
    """Build the hook with its own Makefile, and the programs of these tests."""
    shutil.copytree(ROOT / "pam_hook", folder / "pam_hook", ignore=shutil.ignore_patterns("*.so"))
    subprocess.run(["make", "-s", "-C", folder / "pam_hook"], check=True)
    compile_c(HERE / "login.c", "-rdynamic", "-o", folder / "login", "-lpam")
    compile_c("-shared", "-fPIC", HERE / "neighbour.c", "-o", folder / "neighbour.so", "-lpam")
    compile_c("-shared", "-fPIC", HERE / "faults.c", "-o", folder / "faults.so")
    folder.chmod(0o755)
    return Host(folder)


def octets(text: str) -> bytes:
    r"""A column of a vector file: the escapes of a Python literal, and <text*COUNT> for a repetition."""
    value = ast.literal_eval(f'b"{repeated(text)}"')
    assert isinstance(value, bytes)
    return value


def repeated(text: str) -> str:
    """The text with its repetitions written out."""
    return re.sub(r"<([^<]+?)\*(\d+)>", lambda found: found[1] * int(found[2]), text)


def vectors(name: str) -> list[list[str]]:
    """The columns of each line of a vector file, the name of the vector first."""
    lines = (VECTORS / name).read_text().splitlines()
    return [
        [column.strip() for column in re.split(r"\s\|(?=\s|$)", line, maxsplit=3)]
        for line in lines
        if line and not line.startswith("#")
    ]
