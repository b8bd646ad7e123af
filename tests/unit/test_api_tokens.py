"""Tokens of the admin API in the store: made, found, ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_mfa.errors import NotFound, OperationFailed, Taken
from radius_mfa.store import api_tokens
from radius_mfa.store.api_tokens import ApiToken, Scope
from tests.contract.stores import NOW, SqliteStores

YEAR = 365 * 86400.0


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[SqliteStores]:
    made = SqliteStores(tmp_path)
    yield made
    made.close()


def test_a_token_is_found_by_its_text_alone(stores: SqliteStores) -> None:
    """With its name, its scopes and its times."""
    text = api_tokens.make(stores.database, "pbx", [Scope.USERS_READ, Scope.MFA, Scope.MFA])
    expected = ApiToken("pbx", frozenset({Scope.USERS_READ, Scope.MFA}), NOW, NOW + YEAR)
    assert expected == api_tokens.find(stores.database, text)
    for other in ("", "pbx", text[:-1], text + "=", text.swapcase(), text.replace("rmfa_", ""), f" {text}"):
        assert api_tokens.find(stores.database, other) is None


def test_a_token_is_recognised_where_it_should_not_be(stores: SqliteStores) -> None:
    """By people and by programs that look for secrets: a prefix, and 32 random octets behind it."""
    made = [api_tokens.make(stores.database, f"token{number}", [Scope.MFA]) for number in range(5)]
    assert all(re.fullmatch(r"rmfa_[A-Za-z0-9_-]{43}", text) for text in made)
    assert 5 == len(set(made))


def test_the_store_has_nothing_that_could_be_shown(stores: SqliteStores) -> None:
    """Only a keyed hash: who reads the database cannot use the API."""
    text = api_tokens.make(stores.database, "pbx", [Scope.MFA])
    dump = "\n".join(stores.dump())
    assert "pbx" in dump
    assert text not in dump
    assert text.encode().hex().upper() not in dump
    assert text.removeprefix("rmfa_") not in dump


def test_a_token_expires(stores: SqliteStores) -> None:
    """From that moment on it is none; the list still has it."""
    text = api_tokens.make(stores.database, "pbx", [Scope.MFA], 60.0)
    stores.clock.time = NOW + 59.9
    assert api_tokens.find(stores.database, text)
    stores.clock.time = NOW + 60.0
    assert api_tokens.find(stores.database, text) is None
    assert ["pbx"] == [row.name for row in api_tokens.all_tokens(stores.database)]


def test_a_revoked_token_is_gone(stores: SqliteStores) -> None:
    """It alone; and its name is free again."""
    text = api_tokens.make(stores.database, "pbx", [Scope.MFA])
    other = api_tokens.make(stores.database, "web", [Scope.MFA])
    api_tokens.revoke(stores.database, "pbx")
    assert api_tokens.find(stores.database, text) is None
    assert api_tokens.find(stores.database, other)
    with pytest.raises(NotFound):
        api_tokens.revoke(stores.database, "pbx")
    api_tokens.make(stores.database, "pbx", [Scope.MFA])


def test_a_name_is_that_of_one_token(stores: SqliteStores) -> None:
    """The audit has the name alone."""
    text = api_tokens.make(stores.database, "pbx", [Scope.USERS_READ])
    with pytest.raises(Taken, match="there is a token pbx already"):
        api_tokens.make(stores.database, "pbx", [Scope.MFA])
    found = api_tokens.find(stores.database, text)
    assert found is not None
    assert {Scope.USERS_READ} == found.scopes


@pytest.mark.parametrize("name", ["", " ", "a b", "a:b", "a\n", "-a", "é", "a" * 65])
def test_a_name_can_stand_in_a_line_of_the_audit(stores: SqliteStores, name: str) -> None:
    """Letters, digits and a few signs: nothing that steers a terminal or looks like something else."""
    with pytest.raises(OperationFailed):
        api_tokens.make(stores.database, name, [Scope.MFA])


def test_a_scope_of_another_version_is_none(stores: SqliteStores) -> None:
    """After a step back to an older program a token can do less, not more, and nothing breaks."""
    text = api_tokens.make(stores.database, "pbx", [Scope.USERS_READ])
    stores.edit("UPDATE api_token SET scopes = ?", "users:read\nusers:everything\n")
    found = api_tokens.find(stores.database, text)
    assert found is not None
    assert {Scope.USERS_READ} == found.scopes
