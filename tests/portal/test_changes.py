"""A change is written down first, made, and told: in that order, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from starlette.requests import Request

from radius_mfa.auth.notices import Change, Changed
from radius_mfa.errors import AuditLost, OperationFailed
from radius_mfa.portal.changes import Changes
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.visits import Visits
from radius_mfa.ports import AuditRecord
from radius_mfa.settings.doors import Portal
from radius_mfa.store import accounts, codes, queue, sessions
from radius_mfa.store.accounts import NewAccount
from radius_mfa.store.database import Database
from radius_mfa.store.sessions import Session
from tests.contract.stores import NOW, SqliteStores

SESSION = Session(1, "alice", 1, NOW, NOW, NOW)
REQUEST = Request({"type": "http", "client": ("192.0.2.7", 0), "headers": []})
MADE = ["ABCDEFGHIJKLMNOP"]


class Written:
    """An audit that keeps what it is given; on a full disk nothing."""

    def __init__(self, *, full: bool = False) -> None:
        self.records: list[AuditRecord] = []
        self.full = full

    def write(self, records: Sequence[AuditRecord]) -> None:
        if self.full:
            raise AuditLost("no space")
        self.records += records


@pytest.fixture
def stores(tmp_path: Path) -> SqliteStores:
    """alice has an account with an address, and is signed in."""
    made = SqliteStores(tmp_path)
    alice = accounts.add(made.database, NewAccount("alice", mail="alice@example.com"))
    assert sessions.begin(made.database, b"token", alice.id, alice.epoch, code_given=True)
    return made


def make(stores: SqliteStores, audit: Written, *, mails: bool = True, name: str = "alice") -> None:
    """New recovery codes, as a page makes them."""
    desk = Desk(Database(stores.path, stores.database.keys, stores.clock), audit)
    visits = Visits(desk, Portal(url="https://localhost"), stores.clock, bytes)
    changes = Changes(visits, desk, stores.clock, mails=mails)
    replace = partial(codes.replace, name=name, codes=MADE)
    try:
        asyncio.run(changes.make(REQUEST, SESSION, Change.CODES_MADE, replace))
    finally:
        desk.close()


def told(stores: SqliteStores) -> list[tuple[str, str]]:
    return [(mail.kind, mail.recipient) for mail in queue.queue(stores.database)]


def test_a_change_is_written_down_and_told(stores: SqliteStores) -> None:
    """Who did what, and from where."""
    audit = Written()
    make(stores, audit)
    (record,) = audit.records
    assert ("change", "alice", "alice", "codes-made") == (record.event, record.account, record.actor, record.reason)
    assert ("portal", "portal", "192.0.2.7", "") == (record.client, record.transport, record.source, record.result)
    assert [("changed", "alice@example.com")] == told(stores)
    assert 1 == codes.count(stores.database, "alice")


def test_what_cannot_be_written_down_is_not_done(stores: SqliteStores) -> None:
    """On a full disk nothing changes, and nobody is told."""
    with pytest.raises(AuditLost):
        make(stores, Written(full=True))
    assert (0, []) == (codes.count(stores.database, "alice"), told(stores))


def test_what_fails_is_written_down_as_well(stores: SqliteStores) -> None:
    """In a second line."""
    audit = Written()
    with pytest.raises(OperationFailed):
        make(stores, audit, name="nobody")
    assert ["", "failed"] == [record.result for record in audit.records]
    assert [] == told(stores)


def test_without_mail_nobody_is_told(stores: SqliteStores) -> None:
    """The change is made all the same."""
    make(stores, Written(), mails=False)
    assert (1, []) == (codes.count(stores.database, "alice"), told(stores))


def test_a_change_that_is_not_told_is_not_made(stores: SqliteStores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are one transaction: a mail that cannot be queued undoes the change."""

    def lost(database: Database, connection: object, name: str, notice: Changed | None) -> None:
        raise OperationFailed("no room for it")

    monkeypatch.setattr("radius_mfa.store.letters.changed", lost)
    with pytest.raises(OperationFailed, match="no room"):
        make(stores, Written())
    assert 0 == codes.count(stores.database, "alice")


def test_the_store_is_given_back(stores: SqliteStores, caplog: pytest.LogCaptureFixture) -> None:
    """By the thread that has worked on it: nobody else may close what it has opened."""
    make(stores, Written())
    assert [] == [record.message for record in caplog.records if record.levelname == "ERROR"]
