"""Everything of the first release. Written out, not taken from schema.py: a revision never changes again."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, ForeignKey, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.sql.schema import SchemaItem
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INTEGER = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
SECONDS: TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
FLAG = sa.Boolean(create_constraint=False).with_variant(sa.INTEGER(), "sqlite")


def upgrade() -> None:
    account()
    token()
    recovery_code()
    device()
    outbox()
    table("spent", Column("key", LargeBinary, primary_key=True), rowid=False)
    table(
        "data_key",
        key(),
        Column("purpose", Text, nullable=False, unique=True),
        Column("wrapped", LargeBinary, nullable=False),
        Column("created", SECONDS, nullable=False),
    )


def account() -> None:
    table(
        "account",
        key(),
        Column("name", Text, nullable=False, unique=True),
        Column("backend", Text, nullable=False),
        Column("password_hash", Text),
        Column("mail", Text),
        Column("groups", Text, nullable=False, server_default=""),
        Column("language", Text),
        Column("mfa", Text, nullable=False, server_default="inherit"),
        Column("disabled", FLAG, nullable=False, server_default=sa.false()),
        number("epoch", "1"),
        number("failures", "0"),
        number("window_failures", "0"),
        Column("window_started", SECONDS, nullable=False, server_default=text("0")),
        Column("locked_until", SECONDS, nullable=False, server_default=text("0")),
        Column("counted", LargeBinary, nullable=False),
        Column("known", LargeBinary, nullable=False),
        Column("created", SECONDS, nullable=False),
        Column("changed", SECONDS, nullable=False),
    )


def token() -> None:
    table(
        "token",
        key(),
        owner(),
        Column("kind", Text, nullable=False),
        Column("status", Text, nullable=False),
        Column("secret", LargeBinary, nullable=False),
        number("digits", "6"),
        Column("algorithm", Text, nullable=False, server_default="sha1"),
        number("period", "30"),
        number("last_step", "-1"),
        number("drift", "0"),
        Column("label", Text, nullable=False, server_default=""),
        Column("created", SECONDS, nullable=False),
        Column("expires", SECONDS),
        *reply(),
    )
    op.create_index("token_account", "token", ["account_id"])
    partial_index("token_one_pending", "token", ["account_id"], "status = 'pending'", unique=True)


def recovery_code() -> None:
    table(
        "recovery_code",
        key(),
        owner(),
        Column("hash", LargeBinary, nullable=False),
        Column("used_at", SECONDS),
        Column("expires", SECONDS),
        *reply(),
        UniqueConstraint("account_id", "hash", name="recovery_code_hash"),
    )
    op.create_index("recovery_code_usable", "recovery_code", ["account_id", "used_at", "expires"])
    partial_index("recovery_code_expires", "recovery_code", ["expires"], "expires IS NOT NULL")


def device() -> None:
    table(
        "device",
        key(),
        owner(),
        Column("kind", Text, nullable=False),
        Column("client", Text, nullable=False),
        Column("label", Text, nullable=False, server_default=""),
        Column("hash", LargeBinary, nullable=False),
        Column("tag", LargeBinary),
        Column("created", SECONDS, nullable=False),
        Column("last_used", SECONDS, nullable=False),
        Column("expires", SECONDS, nullable=False),
        *reply(),
        UniqueConstraint("account_id", "hash", name="device_hash"),
    )


def outbox() -> None:
    table(
        "outbox",
        key(),
        Column("account_id", INTEGER, ForeignKey("account.id", ondelete="CASCADE")),
        Column("token_id", INTEGER, ForeignKey("token.id", ondelete="CASCADE")),
        Column("recipient", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("message_id", Text, nullable=False, unique=True),
        Column("created", SECONDS, nullable=False),
        Column("not_before", SECONDS, nullable=False),
        number("attempts", "0"),
        Column("lease_until", SECONDS),
        Column("lease_owner", Text),
        Column("sent_at", SECONDS),
        Column("failed", Text),
        Column("expires", SECONDS),
    )
    op.create_index("outbox_account", "outbox", ["account_id"])
    op.create_index("outbox_token", "outbox", ["token_id"])
    partial_index("outbox_waiting", "outbox", ["not_before"], "sent_at IS NULL AND failed IS NULL")


def table(name: str, *items: SchemaItem, rowid: bool = True) -> None:
    op.create_table(name, *items, sqlite_strict=True, sqlite_with_rowid=rowid, sqlite_autoincrement=rowid)


def partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def key() -> Column[int]:
    return Column("id", INTEGER, primary_key=True)


def owner() -> Column[int]:
    return Column("account_id", INTEGER, ForeignKey("account.id", ondelete="CASCADE"), nullable=False)


def number(name: str, start: str) -> Column[int]:
    return Column(name, INTEGER, nullable=False, server_default=text(start))


def reply() -> tuple[Column[Any], ...]:
    return Column("reply_key", LargeBinary), Column("reply", LargeBinary), Column("replied_at", SECONDS)
