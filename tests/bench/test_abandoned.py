"""Do challenges that nobody answers cost anything that lasts?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import process_tree, report
from tests.bench.contest import USERS, Contest, running
from tests.bench.load import Visitors
from tests.bench.ours import RadiusMfa
from tests.bench.population import CHEAP, PASSWORD, make_store

CHALLENGES = 20_000
SPARED, LEFT = "none", f"{CHALLENGES:,}"


@pytest.mark.bench
@pytest.mark.needs_root
@pytest.mark.needs("cc", package="gcc")
def test_challenges_left_unanswered_leave_nothing_behind(radload: Path, tmp_path: Path) -> None:
    """Memory and CPU a login of two daemons in turn, of which one has had 20,000 of them."""
    make_store(tmp_path / "store.db", USERS, CHEAP.hash(PASSWORD))
    servers = {
        name: RadiusMfa(tmp_path / f"server{number}", tmp_path / "store.db", 1)
        for number, name in enumerate((SPARED, LEFT))
    }
    visitors = {name: Visitors(radload, server.port, server.secret, USERS) for name, server in servers.items()}
    with running(*servers.values()):
        for one in visitors.values():
            one.give_passwords()
            one.log_in("challenge")  # caches fill
        assert visitors[LEFT].give_passwords(CHALLENGES).challenges == CHALLENGES
        figures = Contest(dict(servers), visitors).run("challenge")
        for name, server in servers.items():
            figures[name]["memory"] = process_tree.total_memory(server.pid)
    report.record("unanswered", figures)
    rows = [
        [name, one["cpu_per_login"], one["logins_per_second"], one["memory"] / 1e6] for name, one in figures.items()
    ]
    report.show("challenges left unanswered", ["", "CPU us a login", "logins/s", "memory MB (PSS)"], rows)
