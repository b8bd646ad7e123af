"""At most one Accept a code, by what clients were told, audit and store, also while workers are killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.contest import QUICK, USERS, running
from tests.bench.load import Load, Visitors
from tests.bench.ours import RadiusMfa
from tests.bench.population import CHEAP, DIALOGUES, PASSWORD, make_store, name

SECONDS = 10.0 if QUICK else 20.0
EVERY = 1.0
"""Seconds between two deaths of a worker."""
WORKERS = 4

pytestmark = [pytest.mark.bench, pytest.mark.needs("cc", package="gcc")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RadiusMfa]:
    """More workers than cores, so that they wait for each other in the middle of everything."""
    make_store(tmp_path / "store.db", USERS, CHEAP.hash(PASSWORD))
    one = RadiusMfa(tmp_path / "server", tmp_path / "store.db", WORKERS, reject_delay="0s")
    with running(one):
        yield one


@pytest.mark.parametrize("killed", [False, True], ids=["in-peace", "kill-9"])
@pytest.mark.parametrize("dialogue", DIALOGUES)
def test_a_code_is_accepted_once(
    server: RadiusMfa, radload: Path, tmp_path: Path, dialogue: str, *, killed: bool
) -> None:
    """Every user logs in twice at the same moment with one code; a client that hears nothing asks again."""
    accepts = tmp_path / "accepts"
    visitors = Visitors(radload, server.port, server.secret, USERS)
    deaths = [0]
    with dying_workers(server, deaths) if killed else contextlib.nullcontext():
        load = visitors.log_in(dialogue, seconds=SECONDS, repeat=2, resend=0.5, tries=20, log=accepts)
    told = Counter(tuple(map(int, line.split())) for line in accepts.read_text().splitlines())
    check(server, load, told)
    row = [load.started, load.accepts, load.rejects, load.resent, load.lost, deaths[0]]
    head = ["", "logins", "accepts", "rejects", "sent again", "lost", "kills"]
    title = f"{dialogue}, {'kill -9 every second' if killed else 'in peace'}"
    report.record(f"ledger, {title}", dict(zip(head[1:], row, strict=True)))
    report.show("every code sent twice", head, [[title, *row]])


def check(server: RadiusMfa, load: Load, told: Counter[tuple[int, ...]]) -> None:
    """What clients were told against itself, the audit and the store."""
    assert sum(told.values()) == load.accepts > 0
    assert [entry for entry, times in told.items() if times > 1] == []
    audited = Counter(line["account"] for line in server.server.audit_lines() if line["result"] == "accept")
    accepted = Counter(name(user) for user, _ in told)
    assert [user for user, times in accepted.items() if audited[user] < times] == []
    if load.resent == 0:
        assert audited == accepted
    last_steps = _last_steps(server)
    assert [user for user, step in told if last_steps[name(user)] < step] == []


def _last_steps(server: RadiusMfa) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(server.server.store)) as connection:
        query = "SELECT name, last_step FROM account JOIN token ON token.account_id = account.id"
        return dict(connection.execute(query).fetchall())


@contextlib.contextmanager
def dying_workers(server: RadiusMfa, deaths: list[int]) -> Iterator[None]:
    """Kill a worker every second until the end of the block; counts in `deaths`."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(EVERY):
            if workers := server.workers:
                os.kill(random.choice(workers), signal.SIGKILL)
                deaths[0] += 1

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
