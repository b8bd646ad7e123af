"""The tables, defined once: migrations make them, admin commands and the statements of a login are written over them.

Times are seconds since the epoch, UTC. The reply columns of token, recovery_code and device hold the reply that
consumed the row: `reply_key` is the digest of the datagram, `reply` the octets, `replied_at` the time of the request.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, LargeBinary, MetaData, Table, Text, UniqueConstraint, false, text
from sqlalchemy.sql.schema import SchemaItem
from sqlalchemy.types import TypeEngine

metadata = MetaData()

# STRICT tables of SQLite know INTEGER, REAL, TEXT and BLOB alone; elsewhere the same columns have 64 bits.
Integer = sa.BigInteger().with_variant(sa.INTEGER(), "sqlite")
Seconds: TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
Flag = sa.Boolean(create_constraint=False).with_variant(sa.INTEGER(), "sqlite")


def _table(name: str, *items: SchemaItem, rowid: bool = True) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True, sqlite_with_rowid=rowid, sqlite_autoincrement=rowid)


def _key() -> Column[int]:
    # AUTOINCREMENT: an id is sealed into States and secrets, so it must never name another row later.
    return Column("id", Integer, primary_key=True)


def _owner() -> Column[int]:
    return Column("account_id", Integer, ForeignKey("account.id", ondelete="CASCADE"), nullable=False)


def _count(name: str, start: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text(str(start)))


def _time(name: str, *, nullable: bool = False) -> Column[float]:
    return Column(name, Seconds, nullable=nullable)


def _reply() -> tuple[Column[bytes], Column[bytes], Column[float]]:
    return (
        Column("reply_key", LargeBinary),
        Column("reply", LargeBinary),
        _time("replied_at", nullable=True),
    )


account = _table(
    "account",
    _key(),
    Column("name", Text, nullable=False, unique=True, comment="canonical"),
    Column("backend", Text, nullable=False, comment="the only one that is asked for the password"),
    Column("password_hash", Text),
    Column("mail", Text),
    Column("groups", Text, nullable=False, server_default="", comment="one a line"),
    Column("language", Text),
    Column("mfa", Text, nullable=False, server_default="inherit"),
    Column("disabled", Flag, nullable=False, server_default=false()),
    _count("epoch", 1),
    _count("failures"),
    _count("window_failures"),
    Column("window_started", Seconds, nullable=False, server_default=text("0")),
    Column("locked_until", Seconds, nullable=False, server_default=text("0")),
    Column("counted", LargeBinary, nullable=False, default=b"", comment="up to 16 digests of 32 octets"),
    Column("known", LargeBinary, nullable=False, default=b"", comment="up to 8 hashes of 32 octets"),
    _time("created"),
    _time("changed"),
)

token = _table(
    "token",
    _key(),
    _owner(),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False, comment="sealed"),
    _count("digits", 6),
    Column("algorithm", Text, nullable=False, server_default="sha1"),
    _count("period", 30),
    Column("last_step", Integer, nullable=False, server_default=text("-1"), comment="time step, or counter"),
    _count("drift"),
    Column("label", Text, nullable=False, server_default=""),
    _time("created"),
    _time("expires", nullable=True),
    *_reply(),
)
Index("token_account", token.c.account_id)
Index(
    "token_one_pending",
    token.c.account_id,
    unique=True,
    sqlite_where=text("status = 'pending'"),
    postgresql_where=text("status = 'pending'"),
)

recovery_code = _table(
    "recovery_code",
    _key(),
    _owner(),
    Column("hash", LargeBinary, nullable=False),
    _time("used_at", nullable=True),
    _time("expires", nullable=True),
    *_reply(),
    UniqueConstraint("account_id", "hash", name="recovery_code_hash"),
)
# With every column that counting the usable ones asks for, so that a login does not read the rows.
Index("recovery_code_usable", recovery_code.c.account_id, recovery_code.c.used_at, recovery_code.c.expires)
Index(
    "recovery_code_expires",
    recovery_code.c.expires,
    sqlite_where=text("expires IS NOT NULL"),
    postgresql_where=text("expires IS NOT NULL"),
)

device = _table(
    "device",
    _key(),
    _owner(),
    Column("kind", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("label", Text, nullable=False, server_default=""),
    Column("hash", LargeBinary, nullable=False),
    Column("tag", LargeBinary, comment="keyed tag of the password, for accounts of pam"),
    _time("created"),
    _time("last_used"),
    _time("expires"),
    *_reply(),
    UniqueConstraint("account_id", "hash", name="device_hash"),
)

session = _table(
    "session",
    _key(),
    _owner(),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("epoch", Integer, nullable=False, comment="that of the account at the sign-in"),
    _time("created"),
    _time("seen"),
    _time("code_at", nullable=True),
)
Index("session_account", session.c.account_id)
Index("session_seen", session.c.seen)

api_token = _table(
    "api_token",
    _key(),
    Column("name", Text, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", Text, nullable=False, comment="one a line"),
    _time("created"),
    _time("expires"),
)

outbox = _table(
    "outbox",
    _key(),
    _owner(),
    Column("token_id", Integer, ForeignKey("token.id", ondelete="SET NULL")),
    Column("recipient", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="sealed"),
    Column("message_id", Text, nullable=False, unique=True, comment="what stands before the @"),
    _time("created"),
    _time("not_before"),
    _count("attempts"),
    _time("lease_until", nullable=True),
    Column("lease_owner", Text),
    _time("sent_at", nullable=True),
    Column("said", Text, comment="what the server said when the mail was put off"),
    Column("failed", Text, comment="why it was given up"),
    _time("expires"),
)
Index("outbox_account", outbox.c.account_id)
Index("outbox_token", outbox.c.token_id)
Index(
    "outbox_waiting",
    outbox.c.not_before,
    sqlite_where=text("sent_at IS NULL AND failed IS NULL"),
    postgresql_where=text("sent_at IS NULL AND failed IS NULL"),
)
Index("outbox_expires", outbox.c.expires)
# A day's invitations of an account are counted, and a minute's of all.
Index(
    "outbox_invitations",
    outbox.c.created,
    sqlite_where=text("kind = 'invitation'"),
    postgresql_where=text("kind = 'invitation'"),
)

spent = _table(
    "spent",
    Column("key", LargeBinary, primary_key=True, comment="expiry of a State, 8 octets big-endian, then its nonce"),
    rowid=False,
)

data_key = _table(
    "data_key",
    _key(),
    Column("purpose", Text, nullable=False, unique=True),
    Column("wrapped", LargeBinary, nullable=False),
    _time("created"),
)
