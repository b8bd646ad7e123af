"""radload, built on the spot, what it is told and what it measures."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.population import DIALOGUES, PASSWORD

SOURCES = Path(__file__).with_name("radload")
PATIENCE = 300.0


@dataclass(frozen=True)
class Load:
    """What came of some logins. Times of whole logins in microseconds, over those that were accepted."""

    started: int
    accepts: int
    rejects: int
    challenges: int
    lost: int
    resent: int
    foreign: int
    unsigned: int
    seconds: float
    p50: int
    p95: int
    p99: int
    first_accept: float
    step: int

    @property
    def rate(self) -> float:
        """Logins a second."""
        return self.accepts / self.seconds


def build(directory: Path) -> Path:
    """Compile radload."""
    program = directory / "radload"
    sources = sorted(map(str, SOURCES.glob("*.c")))
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["cc", *flags, "-o", str(program), *sources], check=True)
    return program


class Visitors:
    """The users of one server, who come one after the other and, once all have been there, from the first again.

    A code is good for one login: nobody comes twice in a time step of `period` seconds, unless the server takes a code
    twice (`again`). They are every `spread`-th user of the store.
    """

    def __init__(
        self, program: Path, port: int, secret: str, users: int, *,
        spread: int = 1, period: int = 30, again: bool = False,
    ) -> None:  # fmt: skip
        self._command = [str(program), f"port={port}", f"secret={secret}", f"password={PASSWORD}"]
        self._command += [f"users={users}", f"spread={spread}", f"period={period}"]
        self._period = period
        self._users = users
        self._again = again
        self._next = 0
        self._came = 0
        self._step = 0

    def log_in(self, dialogue: str, *, seconds: float = 0, logins: int = 0, **options: object) -> Load:
        """So many logins, or as many as there are in so many seconds and as there are users."""
        fresh = self._fresh(logins or self._users // 2)
        load = self._drive(dialogue, seconds=seconds, logins=logins or fresh, first=self._next, **options)
        self._next = (self._next + load.started) % self._users
        self._came += load.started
        self._step = load.step
        return load

    def give_passwords(self, logins: int = 0) -> Load:
        """First rounds alone, whose challenges nobody answers; of everybody, unless `logins` says of how many."""
        return self._drive("abandon", logins=logins or self._users)

    def _fresh(self, wanted: int) -> int:
        """How many can come now; waits for the next time step if they are fewer than `wanted`."""
        if self._again:
            return 10 * self._users
        if self._step < time.time() // self._period:
            self._came = 0
        elif self._users - self._came < wanted:
            wait_for_step(self._step, self._period)
            self._came = 0
        return self._users - self._came

    def _drive(self, mode: str, **options: object) -> Load:
        source = DIALOGUES.get(mode, DIALOGUES["challenge"])
        words = [f"{key}={value}" for key, value in {"mode": mode, "source": source, **options}.items()]
        done = subprocess.run([*self._command, *words], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return Load(**json.loads(done.stdout))


def wait_for_step(after: int, period: int) -> None:
    """Return in a time step later than `after`."""
    while (now := time.time()) // period <= after:
        time.sleep(period - now % period + 0.01)
