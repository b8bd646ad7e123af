"""Only a token with the scope mfa lets an account get in with less than before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_mfa.store import accounts
from radius_mfa.store.api_tokens import Scope
from tests.portal.api import Caller, kind, user_path
from tests.portal.site import Site, sites

MORE = "mfa: {required: {groups: [admins, staff]}}\n"
EVERY = [("off", 0), ("inherit", 1), ("required", 2)]


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal where two groups owe a code and nobody else does."""
    with sites(tmp_path_factory.mktemp("sites")) as made:
        made.append(Site(tmp_path_factory.mktemp("grouped"), more=MORE))
        made[0].start()
        yield made[0]


@pytest.fixture(scope="module")
def writer(grouped: Site) -> Iterator[Caller]:
    """All scopes but mfa."""
    with Caller(grouped, *(set(Scope) - {Scope.MFA})) as caller:
        yield caller


@pytest.mark.parametrize(("before", "low"), EVERY)
@pytest.mark.parametrize(("after", "high"), EVERY)
def test_mfa_is_never_lowered_without_the_scope(
    grouped: Site, writer: Caller, before: str, low: int, after: str, high: int
) -> None:
    """`off` is refused whatever was before; raising it is not, nor leaving it."""
    user = grouped.user(mfa=before)
    answer = writer.patch(user_path(user.name), json={"mfa": after, "groups": ["x"]})
    if after == "off" or high < low:
        assert (403, "missing-scope") == (answer.status_code, kind(answer))
        row = accounts.get(grouped.server.database, user.name)
        assert (before, frozenset(), 1) == (row.mfa, row.groups, row.epoch)
    else:
        assert after == answer.json()["mfa"]


def test_with_the_scope_it_is(grouped: Site) -> None:
    """Together with users:write: alone the scope changes no account."""
    user = grouped.user(mfa="required")
    with Caller(grouped, Scope.MFA, Scope.USERS_WRITE) as caller:
        for mfa in ("inherit", "off"):
            assert mfa == caller.patch(user_path(user.name), json={"mfa": mfa}).json()["mfa"]
    with Caller(grouped, Scope.MFA) as caller:
        assert 403 == caller.patch(user_path(user.name), json={"mfa": "off"}).status_code


@pytest.mark.parametrize(
    ("mfa", "before", "after", "allowed"),
    [
        ("inherit", ["admins", "pbx"], ["pbx"], False),
        ("inherit", ["admins"], [], False),
        ("inherit", ["admins"], ["staff"], True),
        ("inherit", ["pbx"], ["admins"], True),
        ("inherit", ["pbx"], [], True),
        ("required", ["admins"], ["pbx"], True),
        ("off", ["admins"], ["pbx"], True),
    ],
)
def test_nor_by_way_of_the_groups(
    grouped: Site, writer: Caller, mfa: str, before: list[str], after: list[str], allowed: bool
) -> None:
    """Where mfa.required names groups, whoever leaves the last of them owes no code any more."""
    user = grouped.user(mfa=mfa, groups=before)
    answer = writer.patch(user_path(user.name), json={"groups": after})
    assert (200 if allowed else 403) == answer.status_code, answer.text
    assert frozenset(after if allowed else before) == accounts.get(grouped.server.database, user.name).groups


def test_nor_where_it_still_owes_a_code_by_its_groups(grouped: Site, writer: Caller) -> None:
    """A client with `mfa: off` asks an account that inherits for none."""
    user = grouped.user(mfa="required", groups=["admins"])
    assert 403 == writer.patch(user_path(user.name), json={"mfa": "inherit"}).status_code


def test_an_account_without_mfa_is_made_with_the_scope_alone(grouped: Site, writer: Caller) -> None:
    """Else whoever may make accounts could make one that no code guards."""
    assert 403 == writer.post("/users", json={"name": "new", "mfa": "off"}).status_code
    assert 404 == writer.get("/users/new").status_code
    with Caller(grouped, Scope.USERS_WRITE, Scope.MFA) as caller:
        assert 201 == caller.post("/users", json={"name": "new", "mfa": "off"}).status_code


def test_groups_of_a_host_user_are_kept_by_the_host(grouped: Site, writer: Caller, tmp_path: Path) -> None:
    """As with the command: a conflict, and the audit says that nothing came of it."""
    user = grouped.user()
    with grouped.server.database.write() as connection:
        connection.exec_driver_sql("UPDATE account SET backend = 'pam' WHERE id = ?", (user.id,))
    answer = writer.patch(user_path(user.name), json={"groups": ["x"]})
    assert (409, "conflict") == (answer.status_code, kind(answer))
    assert ["", "failed"] == [line["result"] for line in grouped.server.audit_of(user.name)]
