"""Does a login cost the same with a thousand accounts and with a million?"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from tests.bench import process_tree, report
from tests.bench.contest import QUICK, first_accepts, running
from tests.bench.freeradius import FreeRadius
from tests.bench.load import Visitors
from tests.bench.ours import RadiusMfa
from tests.bench.population import CHEAP, DIALOGUES, PASSWORD, make_store

SIZES = (1_000, 10_000, 100_000) if QUICK else (1_000, 10_000, 100_000, 1_000_000)
PERIOD = 5
"""Seconds of a time step: a thousand users would have little to do in steps of 30."""
LOGINS = 1_000
"""Logins of a slice: as many as the smallest store has users."""
SLICES = 8 if QUICK else 16
VISITORS = 20_000
"""Users who log in, at most, evenly spread over the store."""
STARTS = 3


pytestmark = [
    pytest.mark.bench,
    pytest.mark.needs_root,
    pytest.mark.needs("freeradius", package="freeradius"),
    pytest.mark.needs("/usr/lib/freeradius/rlm_totp.so", package="freeradius"),
    pytest.mark.needs("cc", package="gcc"),
]


def test_cost_by_number_of_accounts(radload: Path, tmp_path: Path) -> None:
    """CPU a login, memory and start, of four daemons in turn; and of FreeRADIUS memory and start."""
    servers = {size: _ours(tmp_path / f"ours{size}", size) for size in SIZES}
    visitors = {
        size: Visitors(
            radload, server.port, server.secret, min(size, VISITORS), spread=max(1, size // VISITORS), period=PERIOD
        )
        for size, server in servers.items()
    }
    figures: dict[int, dict[str, float]] = {
        size: {"first_accept": median(first_accepts(server, visitors[size], STARTS))}
        for size, server in servers.items()
    }
    with running(*servers.values()):
        for one in visitors.values():
            one.give_passwords()
        for dialogue in DIALOGUES:
            for size, cpu in _cpu_per_login(servers, visitors, dialogue).items():
                figures[size][dialogue] = cpu
        for size, server in servers.items():
            figures[size] |= server.memory()
    others = {lookup: {size: _freeradius(tmp_path, radload, size, lookup) for size in SIZES} for lookup in _LOOKUPS}
    report.record("accounts", {"radius-mfa": figures} | others)
    _show(figures, others)


_LOOKUPS = {"files": "users file", "sql": "SQLite"}


def _ours(folder: Path, size: int) -> RadiusMfa:
    folder.mkdir()
    make_store(folder / "store.db", size, CHEAP.hash(PASSWORD), PERIOD)
    return RadiusMfa(folder / "server", folder / "store.db", 1)


def _cpu_per_login(
    servers: dict[int, RadiusMfa], visitors: dict[int, Visitors], dialogue: str
) -> dict[int, float]:  # fmt: skip
    """Microseconds, over all slices: each of them alone is short for the clock that counts CPU."""
    before = {size: process_tree.cpu(server.pid) for size, server in servers.items()}
    for _ in range(SLICES):
        for one in visitors.values():
            load = one.log_in(dialogue, logins=LOGINS)
            assert load.accepts == LOGINS, load
    used = {size: process_tree.cpu(server.pid) - before[size] for size, server in servers.items()}
    return {size: cpu / (SLICES * LOGINS) * 1e6 for size, cpu in used.items()}


def _freeradius(tmp_path: Path, radload: Path, size: int, lookup: str) -> dict[str, float]:
    server = FreeRadius(tmp_path / f"{lookup}{size}", size, lookup)
    visitors = Visitors(radload, server.port, server.secret, size, again=True)
    started = median(first_accepts(server, visitors, STARTS))
    with running(server):
        visitors.log_in("append", logins=LOGINS)
        return {"first_accept": started, "memory": process_tree.total_memory(server.pid)}


def _show(figures: dict[int, dict[str, float]], others: dict[str, dict[int, dict[str, float]]]) -> None:
    least = figures[SIZES[0]]
    head = ["accounts", "CPU challenge", "CPU append", "start s", "supervisor MB", "worker's own MB"]
    rows = [
        [
            f"{size:,}",
            *(one[dialogue] / least[dialogue] for dialogue in DIALOGUES),
            one["first_accept"],
            one["supervisor"] / 1e6,
            one["worker_private"] / 1e6,
        ]
        for size, one in figures.items()
    ]
    report.show("radius-mfa, CPU a login against a thousand accounts", head, rows)
    for lookup, by_size in others.items():
        beside = [[f"{size:,}", one["first_accept"], one["memory"] / 1e6] for size, one in by_size.items()]
        report.show(f"FreeRADIUS, {_LOOKUPS[lookup]}", ["accounts", "start s", "memory MB"], beside)
