"""The tries at passwords of a process beside the daemon, whose file is another one after each start."""

from __future__ import annotations

from pathlib import Path

import pytest

from radius_mfa.auth.tries import TryLimits
from radius_mfa.errors import Unavailable
from radius_mfa.store import shared
from radius_mfa.store.tries import FollowedTries, SharedTries
from tests.contract.stores import NOW

LIMITS = TryLimits(after=3, account=3)
KEY = b"k" * 32


def tries(path: Path) -> FollowedTries:
    """Those of the portal: behind two workers and the PAM door."""
    return FollowedTries(str(path), 1, LIMITS)


def takes(one: FollowedTries | SharedTries) -> bool:
    return one.take("alice", "here", NOW, lambda: False) is not None


def test_all_processes_count_together(tmp_path: Path) -> None:
    """Two tries at a worker leave one to the portal, and the other way round."""
    path = tmp_path / "shared"
    shared.create(str(path), 2, 4, ["pbx"], KEY)
    worker, portal = SharedTries(str(path), 0, LIMITS), tries(path)
    assert [True, True, True, False] == [takes(worker), takes(worker), takes(portal), takes(portal)]
    assert not takes(worker)
    worker.close()


def test_a_file_in_another_place_is_followed(tmp_path: Path) -> None:
    """After a reload what was counted goes on, after a start it is forgotten."""
    path = tmp_path / "shared"
    shared.create(str(path), 2, 4, ["pbx"], KEY)
    portal = tries(path)
    assert [True, True] == [takes(portal), takes(portal)]
    shared.create(str(path), 2, 4, ["pbx", "another"], KEY)
    assert [True, False] == [takes(portal), takes(portal)]
    shared.create(str(path), 2, 4, ["pbx"], b"o" * 32)
    assert takes(portal)


def test_a_try_that_is_given_back_can_be_taken_again(tmp_path: Path) -> None:
    """A right password does not count, also when the file has changed meanwhile."""
    path = tmp_path / "shared"
    shared.create(str(path), 2, 4, ["pbx"], KEY)
    portal = tries(path)
    for _ in range(5):
        portal.give_back(portal.take("alice", "here", NOW, lambda: False))
    taken = portal.take("alice", "here", NOW, lambda: False)
    shared.create(str(path), 2, 4, [], KEY)
    portal.give_back(taken)
    assert takes(portal)


@pytest.mark.parametrize("tables", [0, 3])
def test_without_room_nothing_can_be_tried(tmp_path: Path, tables: int) -> None:
    """No daemon runs, or one that knows of no portal: every error denies."""
    path = tmp_path / "shared"
    if tables:
        shared.create(str(path), 2, tables, [], KEY)
    portal = tries(path)
    with pytest.raises(Unavailable, match="no room for the portal"):
        takes(portal)
    portal.give_back(None)
    shared.create(str(path), 2, 4, [], KEY)
    assert takes(portal)
