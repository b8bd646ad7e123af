"""Whether all is well: asked by monitors, without a token."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from radius_mfa.audit import AuditFile
from radius_mfa.portal.api.health import HealthOperation
from radius_mfa.portal.api.operation import Answer, Call
from radius_mfa.portal.api.problems import Kind, Problem
from radius_mfa.portal.desk import Desk
from radius_mfa.store.api_tokens import Scope
from tests.contract.stores import SqliteStores
from tests.portal.api import Caller, kind, problem
from tests.portal.site import Site, sites


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """A portal whose audit lies in a directory of its own."""
    with sites(tmp_path) as made:
        audit = tmp_path / "audit"
        audit.mkdir()
        made.append(Site(tmp_path / "site", audit=audit / "audit.jsonl"))
        made[0].start()
        yield made[0]


def test_all_is_well(site: Site) -> None:
    """And that is all it says."""
    with Caller(site) as caller:
        del caller.headers["Authorization"]
        answer = caller.get("/health")
    assert (200, {"status": "ok"}) == (answer.status_code, answer.json())


def test_where_nothing_can_be_written_down_nothing_is_done(own: Site) -> None:
    """Health is 503, and so is every change, which does not happen; what is only looked at is shown."""
    user = own.user(recovery=["ABCDEFGHIJKLMNOP"])
    directory = own.server.audit_file.parent
    with Caller(own, *Scope) as caller:
        assert 200 == caller.get("/health").status_code
        directory.rename(directory.with_name("gone"))
        refused = caller.get("/health")
        assert (503, "unavailable") == (refused.status_code, kind(refused))
        assert "5" == refused.headers["retry-after"]
        assert str(directory) not in refused.text
        change = caller.delete(f"/users/{user.name}/codes")
        assert (503, "unavailable", "5") == (change.status_code, kind(change), change.headers["retry-after"])
        assert {"left": 1} == caller.get(f"/users/{user.name}/codes").json()
        directory.with_name("gone").rename(directory)
        assert 200 == caller.get("/health").status_code
        assert {"ended": 1} == caller.delete(f"/users/{user.name}/codes").json()
    assert f"cannot write {directory}" in own.log()


def test_without_a_store_nothing_is_well(own: Site) -> None:
    """Health says so, and the API as well as soon as it has to look."""
    store = own.server.store
    with Caller(own, *Scope) as caller:
        store.rename(store.with_name("gone"))
        assert 503 == (answer := caller.get("/health")).status_code
        assert str(store) not in problem(answer)["detail"]
        store.with_name("gone").rename(store)
        assert 200 == caller.get("/health").status_code


def test_a_full_disk_is_not_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first line is lost; a file system that has no size cannot be full."""
    stores = SqliteStores(tmp_path)
    desk = Desk(stores.database, AuditFile(str(tmp_path / "audit.jsonl")))
    health = HealthOperation(desk, stores.clock, stores.path, tmp_path / "audit.jsonl")

    def asked() -> Answer:
        return asyncio.run(health.look(Call(None, "")))

    try:
        monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=0, f_blocks=0))
        assert asked().body is not None
        monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=0, f_blocks=9))
        with pytest.raises(Problem) as raised:
            asked()
    finally:
        desk.close()
    assert Kind.UNAVAILABLE is raised.value.kind
