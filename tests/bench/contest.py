"""Servers side by side: one slice of load after the other, in turn, and the median of each."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from tests.bench import process_tree
from tests.bench.load import Load, Visitors

QUICK = bool(os.environ.get("QUICK"))
"""A first look: fewer and shorter slices, fewer users. `make bench QUICK=1`."""
ROUNDS = 3 if QUICK else 5
SLICE = 2.0 if QUICK else 3.0
"""Seconds of a slice."""
USERS = 20_000 if QUICK else 50_000


class Server(Protocol):
    """What a benchmark knows of a server."""

    port: int
    secret: str

    @property
    def pid(self) -> int: ...
    def launch(self) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


@dataclass
class Slices:
    """What one server did in its slices: `cpu` are seconds of its whole process tree."""

    loads: list[Load] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Medians over the slices; times in microseconds."""
        whole = {
            "logins_per_second": [load.rate for load in self.loads],
            "cpu_per_login": [cpu / load.accepts * 1e6 for load, cpu in zip(self.loads, self.cpu, strict=True)],
            **{name: [getattr(load, name) for load in self.loads] for name in ("p50", "p95", "p99")},
        }
        sums = {name: sum(getattr(load, name) for load in self.loads) for name in ("rejects", "lost", "resent")}
        return {name: median(values) for name, values in whole.items()} | sums


class Contest:
    """Servers that run at the same time, of which one at a time has something to do."""

    def __init__(self, servers: dict[str, Server], visitors: dict[str, Visitors]) -> None:
        self.servers = servers
        self.visitors = visitors

    def run(self, dialogue: str, *, rate: int = 0) -> dict[str, dict[str, float]]:
        """Slices of each server, and their figures: 64 logins at any time, or `rate` a second however many that are.

        A server pays for what it does between its slices too: nothing that it puts off goes unseen.
        """
        results = {name: Slices() for name in self.servers}
        paid = {name: process_tree.cpu(server.pid) for name, server in self.servers.items()}
        for number in range(ROUNDS):
            names = list(self.servers)
            for name in names if number % 2 else reversed(names):
                load = self.visitors[name].log_in(dialogue, seconds=SLICE, rate=rate, outstanding=2048 if rate else 64)
                used = process_tree.cpu(self.servers[name].pid)
                assert load.accepts, load
                results[name].loads.append(load)
                results[name].cpu.append(used - paid[name])
                paid[name] = used
        return {name: slices.figures() for name, slices in results.items()}


def first_accepts(server: Server, visitors: Visitors, starts: int) -> list[float]:
    """Seconds from each of so many starts of a server to its first Access-Accept; it does not run before and after."""
    times = []
    for _ in range(starts):
        try:
            begin = time.monotonic()
            server.launch()
            load = visitors.log_in("challenge", logins=1, resend=0.01, tries=3000)
            assert load.accepts == 1, load
            times.append(load.first_accept - begin)
        finally:
            server.stop()
    return times


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """All of them, until the end of the block."""
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in servers:
            server.stop()
