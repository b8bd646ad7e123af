"""Does the time of a Reject tell whether the account exists? Prints the figures of THREATS 38."""

from __future__ import annotations

import math
import os
import random
import statistics
import time
from collections.abc import Callable

import pytest

from radius_mfa.store import accounts
from tests.daemon.conftest import Start
from tests.daemon.raw import RawClient
from tests.daemon.server import PASSWORD, Server

SAMPLES = int(os.environ.get("SAMPLES", "2000"))
CLIENTS = "- {shortname: test, ipaddr: 127.0.0.1, secret: SECRET, groups: [staff]}"


@pytest.mark.bench
def test_reject_times_do_not_tell_accounts_apart(start: Start) -> None:
    """Milliseconds to a Reject by what is wrong, interleaved in random order, and each kind's t against unknown."""
    server = start(clients=CLIENTS)
    kinds = kinds_of(server)
    client = server.client()
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    order = [kind for kind in kinds for _ in range(SAMPLES)]
    random.Random(38).shuffle(order)
    for kind in order:
        times[kind].append(measure(client, kinds[kind]()))
    print(f"\n{'kind':12} {'median ms':>10} {'difference':>11} {'t':>7}   {SAMPLES} samples each, reject_delay 0")
    unknown = times["unknown"]
    for kind, values in times.items():
        median = statistics.median(values)
        print(f"{kind:12} {median:10.3f} {median - statistics.median(unknown):+11.3f} {welch(values, unknown):7.2f}")
    assert all(len(values) == SAMPLES for values in times.values())


def kinds_of(server: Server) -> dict[str, Callable[[], tuple[str, str]]]:
    """Name and password of the next request of each kind."""
    known, disabled, outside = (server.add_user(groups=groups) for groups in (["staff"], ["staff"], []))
    bare = server.add_user(groups=["staff"], token=False)

    accounts.disable(server.database, disabled.name)
    return {
        "unknown": lambda: (f"nobody{random.randrange(10**6)}", PASSWORD),
        "wrong": lambda: (known.name, "wrong"),
        "disabled": lambda: (disabled.name, PASSWORD),
        "not-allowed": lambda: (outside.name, PASSWORD),
        "not-enrolled": lambda: (bare.name, PASSWORD),
    }


def measure(client: RawClient, login: tuple[str, str]) -> float:
    """Milliseconds from sending an Access-Request to its Reject."""
    datagram = client.request(*login)
    start = time.perf_counter()
    reply = client.ask(datagram)
    assert "reject" == reply.result
    return (time.perf_counter() - start) * 1000


def welch(one: list[float], other: list[float]) -> float:
    """Welch's t of two samples, each cut at its 95th percentile as dudect does against outliers of the machine."""
    a, b = (sorted(values)[: len(values) * 95 // 100] for values in (one, other))
    spread = statistics.variance(a) / len(a) + statistics.variance(b) / len(b)
    return (statistics.fmean(a) - statistics.fmean(b)) / math.sqrt(spread) if spread else 0.0
