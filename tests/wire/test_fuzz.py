"""Mutated datagrams through the codec (THREATS 84, 85); the program is fuzz.py."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from radius_mfa.radius.drops import Drop
from tests.wire import fuzz


def test_a_hundred_thousand_datagrams() -> None:
    """100,000 mutated datagrams, a third of them signed again: drops, logins, nothing else."""
    tally = fuzz.run(100_000, seed=84)
    assert 100_000 == tally.outcomes.total()
    assert {"login", "status", Drop.WRONG_MESSAGE_AUTHENTICATOR, Drop.BAD_ATTRIBUTE} <= set(tally.outcomes)


def resident() -> int:
    """The resident memory of this process, octets."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.fuzz
def test_a_million_datagrams() -> None:
    """1,000,000 of them, and the memory grows by less than a twentieth."""
    fuzz.run(50_000, seed=1)
    before = resident()
    for seed in range(2, 12):
        fuzz.run(100_000, seed)
    assert resident() < before * 1.05
