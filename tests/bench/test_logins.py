"""Logins beside FreeRADIUS 3.2 with rlm_totp: the same users, the same clients, in turn."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from tests.bench import process_tree, report
from tests.bench.contest import ROUNDS, USERS, Contest, Server, first_accepts, running
from tests.bench.freeradius import FreeRadius
from tests.bench.load import Visitors
from tests.bench.ours import RadiusMfa
from tests.bench.population import CHEAP, DIALOGUES, PASSWORD, make_store

PACE = 1000
"""Logins a second of the paced load."""
STARTS = 3
FILES, SQLITE = "FreeRADIUS, users file", "FreeRADIUS, SQLite"
WORKERS = {"radius-mfa, 1 worker": 1, "radius-mfa, 2 workers": 2}

pytestmark = [
    pytest.mark.bench,
    pytest.mark.needs_root,
    pytest.mark.needs("freeradius", package="freeradius"),
    pytest.mark.needs("/usr/lib/freeradius/rlm_totp.so", package="freeradius"),
    pytest.mark.needs("cc", package="gcc"),
]


def test_logins_beside_freeradius(radload: Path, tmp_path: Path) -> None:
    """Logins a second, CPU a login, times at a steady pace, memory and start of each server."""
    make_store(tmp_path / "store.db", USERS, CHEAP.hash(PASSWORD))
    servers: dict[str, Server] = {
        name: RadiusMfa(tmp_path / f"workers{workers}", tmp_path / "store.db", workers)
        for name, workers in WORKERS.items()
    }
    servers[FILES] = FreeRadius(tmp_path / "files", USERS, "files")
    servers[SQLITE] = FreeRadius(tmp_path / "sql", USERS, "sql")
    visitors = {
        name: Visitors(radload, server.port, server.secret, USERS, again=isinstance(server, FreeRadius))
        for name, server in servers.items()
    }
    started = {name: median(first_accepts(server, visitors[name], STARTS)) for name, server in servers.items()}
    contest = Contest(servers, visitors)
    with running(*servers.values()):
        for server, one in zip(servers.values(), visitors.values(), strict=True):
            if isinstance(server, RadiusMfa):
                one.give_passwords()
        for dialogue in DIALOGUES:
            _report(f"{dialogue}, 64 at once", contest.run(dialogue))
            _report(f"{dialogue}, {PACE} a second", contest.run(dialogue, rate=PACE), paced=True)
        memory = {name: _memory(server) for name, server in servers.items()}
    _report_processes(started, memory)


def _report(title: str, figures: dict[str, dict[str, float]], *, paced: bool = False) -> None:
    report.record(title, figures)
    head = [
        "",
        "CPU us a login",
        "x files",
        "x SQLite",
        "logins/s",
        "x SQLite",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "x SQLite",
    ]
    rows = [_row(one, figures[FILES], figures[SQLITE], name) for name, one in figures.items()]
    title = f"{title}: medians of {ROUNDS} slices"
    report.show(title if not paced else f"{title}, open loop", head, rows)
    for name, one in figures.items():
        if one["rejects"] or one["lost"] or one["resent"]:
            print(f"{name}: {one['rejects']} rejected, {one['lost']} lost, {one['resent']} sent again")


def _row(one: dict[str, float], files: dict[str, float], sqlite: dict[str, float], name: str) -> list[object]:
    cpu, rate, tail = one["cpu_per_login"], one["logins_per_second"], one["p99"]
    return [
        name,
        cpu,
        cpu / files["cpu_per_login"],
        cpu / sqlite["cpu_per_login"],
        rate,
        rate / sqlite["logins_per_second"],
        *(one[part] / 1000 for part in ("p50", "p95", "p99")),
        tail / sqlite["p99"],
    ]


def _memory(server: Server) -> dict[str, int]:
    """Octets: of the whole, and of ours the parts that the promises are about."""
    parts = server.memory() if isinstance(server, RadiusMfa) else {}
    return {"whole": process_tree.total_memory(server.pid)} | parts


def _report_processes(started: dict[str, float], memory: dict[str, dict[str, int]]) -> None:
    report.record("processes", {name: {"first_accept": started[name], **memory[name]} for name in started})
    parts = ("whole", "supervisor", "worker_private")
    rows = [
        [name, started[name], *(memory[name][part] / 1e6 if part in memory[name] else "" for part in parts)]
        for name in started
    ]
    head = ["", "start to first Accept s", "memory MB (PSS)", "supervisor MB", "worker's own MB"]
    report.show(f"{USERS:,} users", head, rows)
