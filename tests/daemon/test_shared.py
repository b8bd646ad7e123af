"""DB.shared: what the workers have seen of each client, for everybody who asks."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from radius_mfa.auth.tries import TryLimits
from radius_mfa.store.shared import ClientActivity, ClientCounters, create, read_clients
from radius_mfa.store.tries import SharedTries

KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "DB.shared")


def test_workers_count_apart_and_are_read_together(path: str) -> None:
    """Each worker has rows of its own; the reader sees the sum, the latest, and strangers under no name."""
    create(path, 2, 2, ["pbx", "vpn-ä"], KEY)
    first, second = ClientCounters(path, 0), ClientCounters(path, 1)
    first.seen(0, 10.0)
    second.seen(0, 11.0)
    second.dropped(1, 12.0, "bad-length")
    first.dropped(1, 13.0, "bad-code")
    second.dropped(-1, 14.0, "unknown-client")
    assert read_clients(path) == [
        ClientActivity("pbx", last_seen=11.0),
        ClientActivity("vpn-ä", last_drop=13.0, drops=2, reason="bad-code"),
        ClientActivity("", last_drop=14.0, drops=1, reason="unknown-client"),
    ]
    first.close()
    second.close()


def test_the_file_is_for_its_owner_alone(path: str) -> None:
    """The file has mode 0600, its head carries the key of this start, and a full disk takes nothing of it away."""
    create(path, 1, 1, ["pbx"], KEY)
    made = Path(path).stat()
    assert stat.S_IMODE(made.st_mode) == 0o600
    assert KEY in Path(path).read_bytes()
    assert made.st_blocks * 512 >= made.st_size  # no holes


def test_a_new_set_of_clients_keeps_what_is_known(path: str) -> None:
    """After a reload the counts of the clients that stay are there, under their new index; nothing else is."""
    create(path, 2, 2, ["gone", "pbx"], KEY)
    counters = ClientCounters(path, 1)
    counters.seen(1, 5.0)
    counters.dropped(1, 6.0, "busy")
    counters.close()
    create(path, 1, 1, ["pbx", "new"], KEY)
    again = ClientCounters(path, 0)
    again.dropped(0, 7.0, "deadline")
    again.close()
    assert read_clients(path) == [
        ClientActivity("pbx", 5.0, 7.0, 2, "deadline"),
        ClientActivity("new"),
        ClientActivity(""),
    ]


@pytest.mark.parametrize("damage", [b"", b"rmfa-shm", bytes(500)])
def test_a_file_that_is_not_ours_says_nothing(path: str, damage: bytes) -> None:
    """A missing, cut or foreign file reads as no clients, and a fresh one takes its place."""
    assert read_clients(path) == []
    Path(path).write_bytes(damage)
    assert read_clients(path) == []
    create(path, 1, 1, ["pbx"], KEY)
    assert ["pbx", ""] == [activity.shortname for activity in read_clients(path)]


@pytest.mark.needs_root
def test_a_file_of_another_user_is_replaced(path: str) -> None:
    """A file left behind by root does not keep the user the server runs as from making its own."""
    create(path, 1, 1, ["pbx"], KEY)
    directory = Path(path).parent
    os.chown(directory, 65534, 65534)
    for parent in directory.parents[:2]:
        parent.chmod(0o711)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        create(path, 1, 1, ["vpn"], KEY)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ["vpn", ""] == [activity.shortname for activity in read_clients(path)]


def test_a_worker_maps_only_what_was_made_for_it(path: str) -> None:
    """A worker whose rows the file does not have does not start."""
    create(path, 1, 1, ["pbx"], KEY)
    with pytest.raises(ValueError, match="has no rows for worker 1"):
        ClientCounters(path, 1)
    with pytest.raises(ValueError, match="has no table for process 1"):
        SharedTries(path, 1, TryLimits())
    Path(path).write_bytes(b"")
    with pytest.raises(ValueError, match="was not made for this daemon"):
        SharedTries(path, 0, TryLimits())
