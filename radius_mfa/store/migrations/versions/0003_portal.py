"""The portal: sessions of users, tokens of the admin API. Written out, not taken from schema.py."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, ForeignKey, LargeBinary, Text
from sqlalchemy.types import TypeEngine

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INTEGER = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
SECONDS: TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
TABLE = {"sqlite_strict": True, "sqlite_with_rowid": True, "sqlite_autoincrement": True}


def upgrade() -> None:
    op.create_table(
        "session",
        Column("id", INTEGER, primary_key=True),
        Column("account_id", INTEGER, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        Column("hash", LargeBinary, nullable=False, unique=True),
        Column("epoch", INTEGER, nullable=False),
        Column("created", SECONDS, nullable=False),
        Column("seen", SECONDS, nullable=False),
        Column("code_at", SECONDS),
        **TABLE,
    )
    op.create_index("session_account", "session", ["account_id"])
    op.create_index("session_seen", "session", ["seen"])
    op.create_table(
        "api_token",
        Column("id", INTEGER, primary_key=True),
        Column("name", Text, nullable=False, unique=True),
        Column("hash", LargeBinary, nullable=False, unique=True),
        Column("scopes", Text, nullable=False),
        Column("created", SECONDS, nullable=False),
        Column("expires", SECONDS, nullable=False),
        **TABLE,
    )
