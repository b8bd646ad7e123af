"""Reads and runs the scripts of this directory: a command line, and what it has to say.

    # a comment
    $ radius-mfa user show bob
    < what it reads from standard input
    what it writes to standard output
    ! what it writes to standard error
    ? 1

`?` is the exit status, 0 where there is none. In an expected line `[..]` stands for any text, and a line that is `...`
for any lines. All commands of a script run in one empty directory; lines that end in a backslash go on in the next.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyotp

TIMEOUT = 60.0


@dataclass
class Step:
    """One command and what is expected of it."""

    line: int
    command: str
    stdin: list[str] = field(default_factory=list)
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    status: int = 0


@dataclass(frozen=True)
class Result:
    """What a command did."""

    status: int
    stdout: str
    stderr: str


def parse(text: str) -> list[Step]:
    """The steps of a script."""
    steps: list[Step] = []
    for number, line in enumerate(text.replace("\\\n", "").splitlines(), 1):
        kind, rest = line[:2], line[2:]
        if kind == "$ ":
            steps.append(Step(number, rest))
        elif kind == "< ":
            steps[-1].stdin.append(rest)
        elif kind in {"! ", "!"}:
            steps[-1].stderr.append(rest)
        elif kind == "? ":
            steps[-1].status = int(rest)
        elif not line.startswith("# ") and steps:
            steps[-1].stdout.append(line)
    return steps


def play(script: Path, directory: Path, facts: Mapping[str, str] | None = None) -> None:
    """Run a script in a directory and fail at the first step that is not as written; `facts` are shell variables."""
    for step in parse(script.read_text()):
        result = run(step.command, directory, "".join(f"{line}\n" for line in step.stdin), facts)
        found = differences(step, result)
        assert not found, "\n".join([f"{script.name}:{step.line}: {step.command}", *found])


def run(command: str, directory: Path, stdin: str = "", facts: Mapping[str, str] | None = None) -> Result:
    """Run a command line with the shell; `radius-mfa` is the one installed beside this Python."""
    environment = {**surroundings(), "RADIUS_MFA_CONFIG": "radius-mfa.yaml", **(facts or {})}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def enrolled(config: Path, name: str) -> str:
    """The base32 key of a new pending authenticator of this account, made by the admin."""
    uri = run(f"radius-mfa --config {config} token enroll {name} --uri", config.parent).stdout
    return pyotp.parse_uri(uri.strip()).secret


def surroundings() -> dict[str, str]:
    """An environment in which `radius-mfa` is the one installed beside this Python, on a terminal of 80 columns."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin", "/sbin"])
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("RADIUS_MFA", "COV_"))}
    return {**kept, "PATH": path, "COLUMNS": "80", "LC_ALL": "C.UTF-8"}


def differences(step: Step, result: Result) -> list[str]:
    """What is not as the script says, in words; empty if all is."""
    found = []
    if result.status != step.status:
        found.append(f"status {result.status}, expected {step.status}")
    for name, said, expected in (("stdout", result.stdout, step.stdout), ("stderr", result.stderr, step.stderr)):
        if not matches(said, expected):
            found.append(f"{name}:\n{said}\nexpected:\n" + "\n".join(expected))
    return found


def matches(said: str, expected: list[str]) -> bool:
    """Whether a text is the expected lines, with `[..]` and `...` filled in; blank lines at the end do not count."""
    lines = "\n".join(expected).rstrip("\n").split("\n")
    pattern = "\n".join("(?s:.*)" if line == "..." else _pattern(line) for line in lines)
    return re.fullmatch(pattern, said.rstrip("\n")) is not None


def _pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("[..]"))
