"""Tokens of the admin API: made once and shown once, found by what they are, ended by time or by hand."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from radius_mfa.errors import NotFound, OperationFailed, Taken
from radius_mfa.store.database import Database
from radius_mfa.store.schema import api_token

LIFETIME = 365 * 86400.0
"""Seconds that a token lives unless its maker says otherwise."""
MOST = 3650 * 86400.0
"""Seconds that a token can live at most."""
PREFIX = "rmfa_"
"""What a token begins with, so that people and secret scanners know what they have found."""
_SIZE = 32
_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class Scope(StrEnum):
    """What a token may do. None of them contains another one."""

    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    MFA = "mfa"
    """Let an account do with less: MFA off or lowered, reset, wrong codes forgotten."""
    CODES_READ = "codes:read"
    CODES_WRITE = "codes:write"
    DEVICES_READ = "devices:read"
    DEVICES_WRITE = "devices:write"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as the admin sees it: without what shows it. Times are seconds since the epoch."""

    name: str
    scopes: frozenset[Scope]
    created: float
    expires: float


def make(database: Database, name: str, scopes: Iterable[Scope], lifetime: float = LIFETIME) -> str:
    """A new token of this name; the store keeps its hash alone. Raises OperationFailed, Taken where there is one."""
    if not _NAME.fullmatch(name):
        raise OperationFailed(f"{name!r} is no name of a token", "letters, digits, and ._- inside, at most 64")
    text = PREFIX + secrets.token_urlsafe(_SIZE)
    now = database.clock.now()
    values = {"name": name, "hash": _hash(database, text), "scopes": "\n".join(sorted(set(scopes)))}
    with database.write() as connection:
        if connection.scalar(sa.select(api_token.c.id).where(api_token.c.name == name)) is not None:
            raise Taken(f"there is a token {name} already", f"end it with: radius-mfa api-token revoke {name}")
        connection.execute(api_token.insert().values(values | {"created": now, "expires": now + lifetime}))
    return text


def all_tokens(database: Database) -> list[ApiToken]:
    """Every token by name, those that have expired too."""
    with database.read() as connection:
        return [_token(row) for row in connection.execute(sa.select(api_token).order_by(api_token.c.name))]


def revoke(database: Database, name: str) -> None:
    """End the token of this name. Raises NotFound."""
    with database.write() as connection:
        if not connection.execute(api_token.delete().where(api_token.c.name == name)).rowcount:
            raise NotFound(f"there is no token {name}", "see them with: radius-mfa api-token list")


def find(database: Database, text: str) -> ApiToken | None:
    """The token that somebody shows, unless it has expired.

    It is looked up by its keyed hash: how long that takes says nothing about the tokens there are.
    """
    if not _TOKEN.fullmatch(text):
        return None
    this = api_token.c.hash == _hash(database, text)
    with database.read() as connection:
        row = connection.execute(sa.select(api_token).where(this)).one_or_none()
    if row is None or row.expires <= database.clock.now():
        return None
    return _token(row)


def _hash(database: Database, text: str) -> bytes:
    return database.keys.api_hash(text.encode("ascii"))


def _token(row: sa.Row[*tuple[object, ...]]) -> ApiToken:
    known = set(Scope)  # a scope of another version is none here
    scopes = frozenset(Scope(scope) for scope in row.scopes.split("\n") if scope in known)
    return ApiToken(row.name, scopes, row.created, row.expires)
