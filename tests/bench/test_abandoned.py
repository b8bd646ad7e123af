"""Do challenges that nobody answers cost anything that lasts?"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from tests.bench import process_tree, report
from tests.bench.contest import ROUNDS, SLICE, USERS, running
from tests.bench.load import Visitors
from tests.bench.ours import RadiusMfa
from tests.bench.population import CHEAP, PASSWORD, make_store

CHALLENGES = 20_000


@pytest.mark.bench
@pytest.mark.needs_root
@pytest.mark.needs("cc", package="gcc")
def test_challenges_left_unanswered_leave_nothing_behind(radload: Path, tmp_path: Path) -> None:
    """Memory and CPU a login after 20,000 of them, against before."""
    make_store(tmp_path / "store.db", USERS, CHEAP.hash(PASSWORD))
    server = RadiusMfa(tmp_path / "server", tmp_path / "store.db", 1)
    visitors = Visitors(radload, server.port, server.secret, USERS)
    with running(server):
        visitors.give_passwords()
        cpu_per_login(server, visitors)  # caches fill
        cpu, memory = [cpu_per_login(server, visitors)], [process_tree.total_memory(server.pid)]
        assert visitors.give_passwords(CHALLENGES).challenges == CHALLENGES
        cpu.append(cpu_per_login(server, visitors))
        memory.append(process_tree.total_memory(server.pid))
    report.record("unanswered", {"cpu_per_login": cpu, "memory": memory})
    rows = [[moment, *of] for moment, of in zip(("before", "after"), zip(cpu, [m / 1e6 for m in memory]))]
    report.show(f"{CHALLENGES:,} challenges left unanswered", ["", "CPU us a login", "memory MB (PSS)"], rows)


def cpu_per_login(server: RadiusMfa, visitors: Visitors) -> float:
    """Microseconds, the median of some slices."""
    costs = []
    for _ in range(ROUNDS):
        before = process_tree.cpu(server.pid)
        load = visitors.log_in("challenge", seconds=SLICE)
        costs.append((process_tree.cpu(server.pid) - before) / load.accepts * 1e6)
    return median(costs)
