"""A full disk, a locked database, a lost audit: nobody gets in, the daemon says so, and it recovers by itself."""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_mfa.store import tokens
from tests.daemon.conftest import Start
from tests.daemon.crowd import results, submit
from tests.daemon.raw import RawClient
from tests.daemon.server import Server, User, wait_for

STUMBLE = """
from pathlib import Path

def before_send(reply):
    if reply[0] == 11 and not Path("stumbled").exists():
        Path("stumbled").touch()
        raise ValueError("hunter2")
"""

# The first call that has a request to do with fails, in whichever process it is.
FAULT = """
import {module} as module
from pathlib import Path

before_send = None
owner = module.{owner}
right = vars(owner)["{method}"]

def wrong(*args, **keywords):
    if len(args) + len(keywords) > 1 and args[-1] != [] and not Path("failed").exists():
        Path("failed").touch()
        raise ValueError("hunter2")
    return right.__get__(None, owner)(*args, **keywords) if isinstance(right, classmethod) else right(*args, **keywords)

owner.{method} = staticmethod(wrong) if isinstance(right, classmethod) else wrong
"""


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """The disk has no octet left, inside the block."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    try:
        yield
    finally:
        ballast.unlink()


def healthy(client: RawClient) -> bool:
    """Whether Status-Server is answered."""
    client.send(client.status())
    return client.receive(0.5) is not None


def answer(server: Server, client: RawClient, user: User) -> bytes:
    """A right code on a State of its own."""
    return client.request(user.name, user.code(), state=server.seal_state(user))


def last_step(server: Server, user: User) -> int:
    (token,) = tokens.all_tokens(server.database, user.name)
    return token.last_step


@pytest.mark.needs_root
def test_a_full_disk_lets_nobody_in(start: Start, tmp_path: Path) -> None:
    """With no room for the store: no Accept, Status-Server silent, the worker lives; with room again, all is well."""
    with small_disk(tmp_path / "disk") as disk:
        store = Server(disk / "made").store  # makes the store there
        server = start(store=store)
        user, client = server.add_user(), server.client()
        worker = server.worker()
        with full(disk):
            for _ in range(20):
                client.send(answer(server, client, user))
            wait_for(lambda: "store-failed" in server.log(), "the word that the store fails")
            client.receive(0.5)
            assert not healthy(client)
            assert not [line for line in server.audit_lines() if line["result"] == "accept"]
        assert last_step(server, user) == 0
        wait_for(lambda: healthy(client), "recovery", patience=10)
        assert client.ask(answer(server, client, user)).result == "accept"
        assert server.worker() == worker
        assert "store-failed: the database refused: database or disk is full; hint: make room" in server.log()
        server.database.close()
        server.stop()


@pytest.mark.needs_root
def test_a_full_disk_of_the_audit_lets_nobody_in(start: Start, tmp_path: Path) -> None:
    """With no room for the audit nothing is answered, not even Status-Server; with room again it resumes."""
    with small_disk(tmp_path / "disk") as disk:
        server = start(audit=disk / "audit.jsonl")
        user, client = server.add_user(), server.client()
        assert client.ask(client.request(user.name, "wrong")).result == "reject"
        with full(disk):
            before = server.audit_file.read_bytes()
            for _ in range(100):  # until the last octets of the file's page are used up
                client.send(client.request("n" * 200, "1", state=b"none"))
            wait_for(lambda: "audit lost" in server.log(), "the word that the audit is lost")
            while client.receive(0.5) is not None:
                pass
            client.send(answer(server, client, user))
            assert not healthy(client)
            assert client.receive(0) is None
        wait_for(lambda: healthy(client), "recovery", patience=10)
        assert client.ask(answer(server, client, user)).result == "accept"
        assert server.audit_file.read_bytes().startswith(before)
        events = [line for line in server.audit_file.read_text().splitlines() if '"audit-resumed"' in line]
        assert len(events) == 1
        server.stop()


def test_a_lost_audit_lets_nobody_in(server: Server) -> None:
    """Without a file to write the audit to there is no reply; when it is back, the next login works."""
    user, client = server.add_user(), server.client()
    assert client.ask(client.request(user.name, "wrong")).result == "reject"
    server.audit_file.unlink()
    server.audit_file.mkdir()
    request = answer(server, client, user)
    client.send(request)
    wait_for(lambda: "audit-lost" in server.log(), "the word that the audit is lost")
    assert not healthy(client)
    server.audit_file.rmdir()
    wait_for(lambda: healthy(client), "recovery", patience=10)
    assert ["audit-resumed"] == [line["event"] for line in server.audit_lines()]
    # The code was taken before the audit failed, and its reply is stored: the client that asks again gets it.
    assert client.ask(request).result == "accept"
    assert ["audit-resumed", "login"] == [line["event"] for line in server.audit_lines()]


def test_a_foreign_writer_is_waited_out(start: Start) -> None:
    """While a foreign program holds the database right codes are dropped, Status-Server answered; then they are taken.

    THREATS 74, at four workers.
    """
    server = start(workers=4)
    client, users = server.client(), [server.add_user() for _ in range(20)]
    requests = [answer(server, client, user) for user in users]
    workers = server.udp_workers()
    with contextlib.closing(sqlite3.connect(server.store, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        for request in requests * 3:
            client.send(request)
        wait_for(lambda: "store-busy" in server.log(), "the word that the store is busy")
        client.ask(client.status())
        assert not [user for user in users if last_step(server, user)]
        foreign.execute("ROLLBACK")
    assert results(submit([(client, request) for request in requests])) == {"accept": len(users)}
    assert [line["result"] for line in server.audit_lines()] == ["accept"] * len(users)
    assert server.udp_workers() == workers


def test_the_queue_of_writers_is_waited_in_for_a_second(server: Server) -> None:
    """While another process of ours keeps the lock a right code is dropped, and taken once the lock is free."""
    user, client = server.add_user(), server.client()
    request = answer(server, client, user)
    with server.store.with_name(server.store.name + ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        client.send(request)
        wait_for(lambda: "store-busy: the queue of writers is too long" in server.log(), "the word about the queue")
        client.ask(client.status())
    assert client.ask(request).result == "accept"


def test_a_fault_costs_one_reply_and_no_worker(start: Start) -> None:
    """An exception on the way out drops that reply alone; the log has its type and place and not its text."""
    server = start(hook=STUMBLE)
    user, client, worker = server.add_user(), server.client(), server.worker()
    request = client.request(user.name, user.password)
    client.send(request)
    wait_for(lambda: "internal-error" in server.log(), "the word about the fault")
    assert client.ask(request).result == "challenge"
    assert server.worker() == worker
    assert "error a reply to test failed: ValueError at " in server.log()
    assert "hunter2" not in server.log()


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        ("radius_mfa.radius.codec", "Request.decode", "a datagram of test failed"),
        ("radius_mfa.radius.codec", "Request.login", "a datagram of test failed"),
        ("radius_mfa.service", "Authenticator.advance", "a turn failed"),
    ],
)
def test_a_fault_in_the_way_of_a_datagram_costs_no_worker(start: Start, module: str, name: str, said: str) -> None:
    """Wherever the program itself is at fault, the loop goes on and the next client is served."""
    owner, method = name.split(".")
    server = start(hook=FAULT.format(module=module, owner=owner, method=method))
    user, client, worker = server.add_user(), server.client(), server.worker()
    client.send(client.request(user.name, user.password))
    wait_for(lambda: said in server.log(), "the word about the fault")
    assert client.ask(client.request(user.name, user.password)).result == "challenge"
    assert server.worker() == worker
    assert f"error {said}: ValueError at " in server.log()
    assert "hunter2" not in server.log()
