"""Do two workers share the load of one client, wherever it sends from and however it numbers its requests?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import process_tree, report
from tests.bench.contest import ROUNDS, SLICE, USERS, running
from tests.bench.load import Visitors
from tests.bench.ours import RadiusMfa
from tests.bench.population import CHEAP, PASSWORD, make_store

CLIENTS: dict[str, dict[str, int]] = {
    "one source port": {"sockets": 1},
    "one source port, Identifier always 0": {"sockets": 1, "one_identifier": 1},
    "64 source ports, Identifier always 0": {"sockets": 64, "one_identifier": 1},
}


@pytest.mark.bench
@pytest.mark.needs("cc", package="gcc")
def test_workers_share_what_one_client_sends(radload: Path, tmp_path: Path) -> None:
    """CPU of the worker that did more, as a part of both, by what the client keeps the same."""
    make_store(tmp_path / "store.db", USERS, CHEAP.hash(PASSWORD))
    server = RadiusMfa(tmp_path / "server", tmp_path / "store.db", 2)
    visitors = Visitors(radload, server.port, server.secret, USERS)
    with running(server):
        visitors.give_passwords()
        shares = {client: larger_share(server, visitors, options) for client, options in CLIENTS.items()}
    report.record("fairness", shares)
    rows = [[client, f"{100 * share:.0f}:{100 - 100 * share:.0f}"] for client, share in shares.items()]
    report.show("two workers' shares of the CPU, one client", ["", "shares"], rows)


def larger_share(server: RadiusMfa, visitors: Visitors, options: dict[str, int]) -> float:
    """0.5 where both have done the same, 1.0 where one has done it all."""
    workers = server.workers
    before = [process_tree.cpu(pid) for pid in workers]
    for _ in range(ROUNDS):
        assert visitors.log_in("challenge", seconds=SLICE, **options).accepts
    used = [process_tree.cpu(pid) - was for pid, was in zip(workers, before, strict=True)]
    return max(used) / sum(used)
