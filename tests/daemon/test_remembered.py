"""`passwords.remember` over a running daemon: every worker knows what one has checked, and nobody after its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from radius_mfa.store import accounts
from tests.daemon.conftest import Start
from tests.daemon.server import Server, User

COUNTED = """
import os
from radius_mfa.backends.local import LocalPasswords

_check = LocalPasswords.check


def check(self, *asked):
    with open({path!r}, "ab", buffering=0) as file:
        file.write(b"x")
    return _check(self, *asked)


LocalPasswords.check = check


def before_send(reply):
    pass
"""


class Hashes:
    """How many passwords the daemon has hashed, in whatever process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self._seen = 0

    def new(self) -> int:
        """Since it was asked last."""
        before, self._seen = self._seen, self.path.stat().st_size
        return self._seen - before


@pytest.fixture
def hashes(tmp_path: Path) -> Hashes:
    return Hashes(tmp_path / "hashes")


@pytest.fixture
def server(start: Start, hashes: Hashes) -> Server:
    """Two workers that share a new request between them by chance."""
    more = "passwords: {remember: 5m}\n"
    return start(hook=COUNTED.format(path=str(hashes.path)), workers=2, more=more)


def ask(server: Server, user: User, times: int = 1, password: str | None = None) -> set[str]:
    client = server.client()
    requests = (client.request(user.name, password or user.password) for _ in range(times))
    return {client.ask(request).result for request in requests}


def test_one_worker_hashes_and_all_remember(server: Server, hashes: Hashes) -> None:
    """After the first right password thirty more cost no hash, at whichever worker; a wrong one costs one each."""
    alice = server.add_user("alice")
    assert {"challenge"} == ask(server, alice)
    assert 1 == hashes.new()
    assert {"challenge"} == ask(server, alice, 30)
    assert 0 == hashes.new()
    assert {"reject"} == ask(server, alice, 2, "wrong")
    assert 2 == hashes.new()


def test_another_password_ends_it(server: Server, hashes: Hashes) -> None:
    """The old one is wrong from that moment on, and the new one is hashed."""
    alice, bob = server.add_user("alice"), server.add_user("bob", "another password")
    ask(server, alice)
    with server.database.read() as connection:
        stored = connection.exec_driver_sql("SELECT password_hash FROM account WHERE name = 'bob'").scalar_one()
    accounts.set_password_hash(server.database, "alice", str(stored))
    hashes.new()
    assert {"reject"} == ask(server, alice)
    assert {"challenge"} == ask(server, alice, 2, bob.password)
    assert 2 == hashes.new()


def test_a_reload_remembers_and_a_restart_forgets(server: Server, hashes: Hashes) -> None:
    """And what is switched off is hashed each time."""
    alice = server.add_user("alice")
    ask(server, alice)
    server.reload()
    hashes.new()
    assert ({"challenge"}, 0) == (ask(server, alice, 2), hashes.new())
    server.more = "passwords: {remember: off}\n"
    server.reload()
    assert ({"challenge"}, 2) == (ask(server, alice, 2), hashes.new())
    server.more = "passwords: {remember: 5m}\n"
    server.restart()
    assert ({"challenge"}, 1) == (ask(server, alice, 2), hashes.new())


def test_no_file_has_it(server: Server) -> None:
    """What is remembered is in memory that no directory names."""
    alice = server.add_user("alice")
    ask(server, alice)
    for pid in server.udp_workers():
        shared = [line for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if "rw-s" in line]
        named = {line.split(maxsplit=5)[5] for line in shared}
        assert {f"{server.store}.shared", "/dev/zero (deleted)"} == {name for name in named if "-shm" not in name}
