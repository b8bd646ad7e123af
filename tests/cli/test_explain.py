"""`radius-mfa explain` looks and does not touch."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from radius_mfa.auth.asks import Commit, Trust
from radius_mfa.auth.claims import claim
from radius_mfa.auth.model import Accept, ClientPolicy, DeviceKind, Door, LoginRequest, Method
from radius_mfa.auth.tries import TryLimits, account_key
from radius_mfa.clock import SystemClock
from radius_mfa.errors import StoreFailed
from radius_mfa.ports import Write
from radius_mfa.store import shared
from radius_mfa.store.connection import connect, connect_to_read, translated
from radius_mfa.store.fitness import unlock
from radius_mfa.store.keys import MasterKey
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tries import SharedTries
from tests.cli.script import run

SUFFIXES = ("", "-wal")
KILLED = """
import os, pathlib
from radius_mfa.store.connection import connect
connection = connect(pathlib.Path("radius-mfa.db"))
connection.execute("UPDATE account SET disabled = 1")
os._exit(0)
"""
"""A program that ends before it can write its log into the database."""


OVERHEARD = """
import sys
sys.addaudithook(lambda event, facts: event == "sqlite3.connect" and print(facts[0], file=sys.stderr))
from radius_mfa.cli import main
main(["explain", "alice", "--client", "localhost"])
"""
"""Explain, and each database it opens."""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """An installation with one account, in a directory of its own."""
    add = "radius-mfa user add alice --email alice@example.com --password-stdin <<<secret"
    assert 0 == run(f"radius-mfa init >init.txt && {add}", tmp_path).status
    return tmp_path / "radius-mfa.db"


def octets(database: Path) -> list[bytes]:
    """The database and its log, empty where there is none."""
    paths = [database.with_name(database.name + suffix) for suffix in SUFFIXES]
    return [path.read_bytes() if path.exists() else b"" for path in paths]


@pytest.mark.parametrize("after", ["", "token enroll alice --uri", "codes generate alice"])
def test_not_an_octet_of_the_store_is_changed(installed: Path, after: str) -> None:
    """Neither the database nor its log, whatever the login would have written; nor is an audit file begun."""
    if after:
        assert 0 == run(f"radius-mfa {after}", installed.parent).status
    before = octets(installed)
    assert 0 == run("radius-mfa explain alice --client localhost", installed.parent).status
    assert before == octets(installed)
    assert [] == list(installed.parent.glob("*audit*"))


def test_a_log_that_waits_for_its_checkpoint_is_left_waiting(installed: Path) -> None:
    """What another program has written last is read, and stays in its log when explain is the last to close."""
    assert 0 == run("python3 -", installed.parent, KILLED).status
    before = octets(installed)
    assert before[1]
    done = run("radius-mfa explain alice --client localhost", installed.parent)
    assert "refused: disabled" in done.stdout
    assert before == octets(installed)


def test_a_trusted_device_is_told_from_all_others(installed: Path) -> None:
    """At its address no code is asked for; elsewhere, and once it is revoked, it is."""
    trusting = "sed -i 's/^    #trusted_devices:.*/    trusted_devices: calling-station/' radius-mfa.yaml"
    assert 0 == run(f"radius-mfa codes generate alice; {trusting}", installed.parent).status
    trust(installed, "192.0.2.77")
    explain = "radius-mfa explain alice --client localhost --calling-station"
    at_home = run(f"{explain} 192.0.2.77", installed.parent).stdout
    assert "1 device trusted here, by calling-station; 192.0.2.77 is one until" in at_home
    assert "after the right password: accepted without a code, on a trusted device (ok)" in at_home
    elsewhere = run(f"{explain} 192.0.2.78", installed.parent).stdout
    assert "1 device trusted here, by calling-station; 192.0.2.78 is none" in elsewhere
    assert "after the right password: asks for a recovery code (ok)" in elsewhere
    assert 0 == run("radius-mfa device revoke alice", installed.parent).status
    assert "asks for a recovery code (ok)" in run(f"{explain} 192.0.2.77", installed.parent).stdout


def trust(database: Path, station: str) -> None:
    """A login of alice that has ended with a trusted device."""
    policy = ClientPolicy("localhost", trusted_devices=DeviceKind.CALLING_STATION)
    shown = claim(LoginRequest(Door.RADIUS, policy, 0.0, b"alice", None, b"", calling_station=station))
    clock = SystemClock()
    keys = unlock(database, MasterKey.read(database.parent / "master.key"))
    store = SqliteStore(database, keys, clock)
    account = store.load("alice")
    assert account is not None
    assert shown is not None
    verdict, made = Accept(Method.TOTP), Trust(shown, "desk", clock.now() + 9999, most=10)
    store.commit([Write(Commit(account, verdict, clock.now(), bytes(32), trust=made))])
    store.close()


def test_a_throttle_is_told(installed: Path) -> None:
    """Wrong passwords that the server has counted, and until when only known places may try."""
    clock, path = SystemClock(), f"{installed}.shared"
    shared.create(path, 1, 1, ["localhost"], bytes(32))
    counted = SharedTries(path, 0, TryLimits())
    told = []
    for place in range(20):
        assert counted.take(account_key("alice", 1), str(place), clock.now(), lambda: False)
        if place in {0, 19}:
            told.append(run("radius-mfa explain alice --client localhost", installed.parent).stdout)
    counted.close()
    assert "passwords       1 wrong one in this window" in told[0]
    assert "passwords       throttled until 20" in told[1]


def test_whatever_it_opens_is_opened_to_read(installed: Path) -> None:
    """No connection of it could write if it wanted to."""
    opened = run("python3 -", installed.parent, OVERHEARD).stderr.splitlines()
    assert opened
    assert [] == [database for database in opened if not database.endswith("?mode=ro")]


def test_what_it_opens_cannot_write(installed: Path) -> None:
    """A write is refused, the same that any other connection takes."""
    reading, writing = connect_to_read(installed), connect(installed)
    with pytest.raises(sqlite3.OperationalError, match="readonly") as refused:
        reading.execute("UPDATE account SET disabled = 1")
    assert isinstance(translated(refused.value), StoreFailed)
    writing.execute("UPDATE account SET disabled = 1")
    assert [(1,)] == reading.execute("SELECT disabled FROM account").fetchall()
    reading.close()
    writing.close()
