"""Where no password is remembered a login is a hash: what is lost beside it?"""

from __future__ import annotations

import os
import threading
import time
from itertools import count
from pathlib import Path
from statistics import median

import pytest
from argon2 import PasswordHasher

from radius_mfa.backends.local import hash_password
from tests.bench import report
from tests.bench.contest import ROUNDS, SLICE, USERS, running
from tests.bench.load import Visitors
from tests.bench.ours import FORGOTTEN, RadiusMfa
from tests.bench.population import PASSWORD, make_store

THREADS = len(os.sched_getaffinity(0))
"""As many as one worker has for hashes."""
WAITING = 8 * THREADS
"""Logins at once: enough to keep the threads busy, and few enough that none waits too long."""


@pytest.mark.bench
@pytest.mark.needs("cc", package="gcc")
def test_a_login_costs_little_beside_its_hash(radload: Path, tmp_path: Path) -> None:
    """Logins a second with argon2id, against hashes a second of a bare loop on as many threads, in turn."""
    password_hash = hash_password(PASSWORD)
    make_store(tmp_path / "store.db", USERS, password_hash)
    server = RadiusMfa(tmp_path / "server", tmp_path / "store.db", 1, passwords=FORGOTTEN)
    visitors = Visitors(radload, server.port, server.secret, USERS)
    hashes, logins = [], []
    with running(server):
        for _ in range(ROUNDS):
            hashes.append(hashes_per_second(password_hash))
            load = visitors.log_in("challenge", seconds=2 * SLICE, outstanding=WAITING)
            assert load.rejects == 0, load
            logins.append(load.rate)
    share = median(login / bare for login, bare in zip(logins, hashes, strict=True))
    report.record("argon2id", {"logins": median(logins), "hashes": median(hashes), "share": share})
    head = ["", "logins/s", "hashes/s of a bare loop", "share"]
    report.show("argon2id, nothing remembered", head, [[f"{THREADS} threads", median(logins), median(hashes), share]])


def hashes_per_second(password_hash: str) -> float:
    """Of THREADS threads that do nothing else for a slice of time."""
    hasher, done, begin = PasswordHasher(), count(), time.monotonic()

    def loop() -> None:
        while time.monotonic() - begin < 2 * SLICE:
            hasher.verify(password_hash, PASSWORD)
            next(done)

    threads = [threading.Thread(target=loop) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return next(done) / (time.monotonic() - begin)
