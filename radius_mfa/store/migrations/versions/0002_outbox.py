"""The outbox comes into use: it keeps what the server said, and its invitations count after their token has ended.

Nothing has written to the table before, so it is made anew. Written out, not taken from schema.py.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, ForeignKey, LargeBinary, Text, text
from sqlalchemy.types import TypeEngine

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INTEGER = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
SECONDS: TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")


def upgrade() -> None:
    op.drop_table("outbox")
    op.create_table(
        "outbox",
        Column("id", INTEGER, primary_key=True),
        Column("account_id", INTEGER, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        Column("token_id", INTEGER, ForeignKey("token.id", ondelete="SET NULL")),
        Column("recipient", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("message_id", Text, nullable=False, unique=True),
        Column("created", SECONDS, nullable=False),
        Column("not_before", SECONDS, nullable=False),
        Column("attempts", INTEGER, nullable=False, server_default=text("0")),
        Column("lease_until", SECONDS),
        Column("lease_owner", Text),
        Column("sent_at", SECONDS),
        Column("said", Text),
        Column("failed", Text),
        Column("expires", SECONDS, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=True,
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_account", "outbox", ["account_id"])
    op.create_index("outbox_token", "outbox", ["token_id"])
    op.create_index("outbox_expires", "outbox", ["expires"])
    partial_index("outbox_waiting", ["not_before"], "sent_at IS NULL AND failed IS NULL")
    partial_index("outbox_invitations", ["created"], "kind = 'invitation'")


def partial_index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "outbox", columns, sqlite_where=text(where), postgresql_where=text(where))
