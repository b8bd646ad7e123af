"""Pending tokens as a link in a mail names them."""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from radius_mfa.auth.model import Token
from radius_mfa.store.database import Database
from radius_mfa.store.mailing import alive, mailable
from radius_mfa.store.rows import TOKEN_COLUMNS, token_of
from radius_mfa.store.schema import account, token


@dataclass(frozen=True, slots=True)
class Invited:
    """Whose token it is (canonical name), and the token with its secret."""

    name: str
    token: Token = field(repr=False)


def of_link(database: Database, link: str) -> Invited | None:
    """Whom a link leads to; None for one that was not made here, and for a token that is not pending any more."""
    number = database.keys.token_of(link)
    return None if number is None else of_token(database, number)


def of_token(database: Database, token_id: int) -> Invited | None:
    """The same by the number of the token."""
    columns = (*TOKEN_COLUMNS, account.c.name)
    query = sa.select(*columns).join_from(token, account).where(token.c.id == token_id)
    with database.read() as connection:
        row = connection.execute(query.where(account.c.disabled == sa.false())).one_or_none()
    if row is None:
        return None
    *columns_of_token, name = row
    found = token_of(columns_of_token, database.secrets)
    return Invited(name, found) if alive(found, database.clock.now()) and mailable(found) else None
