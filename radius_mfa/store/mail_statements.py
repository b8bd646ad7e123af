"""The statements of mail: what a round queues, and what the mail child takes, compiled once like those of a login."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects import sqlite

from radius_mfa.auth.model import TokenStatus
from radius_mfa.auth.notices import Invitation
from radius_mfa.store.rows import TOKEN_COLUMNS
from radius_mfa.store.schema import outbox, token
from radius_mfa.store.statements import fixed, number, word

_INVITATION = outbox.c.kind == word(Invitation.kind)
_OPEN = (outbox.c.sent_at.is_(None), outbox.c.failed.is_(None), outbox.c.expires > bindparam("now"))

TOKENS = fixed(sa.select(*TOKEN_COLUMNS).where(token.c.account_id == bindparam("owner")), "owner")

INVITED_TODAY = fixed(
    sa.select(sa.func.count()).where(
        _INVITATION, outbox.c.account_id == bindparam("owner"), outbox.c.created > bindparam("since")
    ),
    "owner since",
)

INVITED = fixed(
    sa.select(sa.func.count()).where(_INVITATION, outbox.c.created > bindparam("since")),
    "since",
)

LAST_INVITATION = fixed(
    sa.select(sa.func.max(outbox.c.created)).where(
        _INVITATION, outbox.c.account_id == bindparam("owner"), outbox.c.token_id == bindparam("row")
    ),
    "owner row",
)

END_TOKEN = fixed(token.delete().where(token.c.id == bindparam("row")), "row")

MAKE_TOKEN = fixed(
    sqlite.insert(token)
    .values(
        account_id=bindparam("owner"),
        kind=word("totp"),
        status=word(TokenStatus.PENDING),
        secret=bindparam("sealed"),
        digits=bindparam("length"),
        algorithm=bindparam("hash"),
        period=bindparam("step"),
        created=bindparam("now"),
        expires=bindparam("ends"),
    )
    .returning(token.c.id),
    "owner sealed length hash step now ends",
)

SEAL_TOKEN = fixed(
    token.update().values(secret=bindparam("sealed")).where(token.c.id == bindparam("row")), "sealed row"
)

QUEUE = fixed(
    sqlite.insert(outbox)
    .values(
        account_id=bindparam("owner"),
        token_id=bindparam("row"),
        recipient=bindparam("address"),
        kind=bindparam("what"),
        body=bindparam("sealed"),
        message_id=bindparam("unique"),
        created=bindparam("now"),
        not_before=bindparam("now"),
        expires=bindparam("ends"),
    )
    .returning(outbox.c.id),
    "owner row address what sealed unique now now ends",
)

SEAL_MAIL = fixed(outbox.update().values(body=bindparam("sealed")).where(outbox.c.id == bindparam("row")), "sealed row")

_DUE = (
    *_OPEN,
    outbox.c.not_before <= bindparam("now"),
    sa.or_(
        outbox.c.lease_until.is_(None),
        outbox.c.lease_until <= bindparam("now"),
        outbox.c.lease_owner == bindparam("mine"),
    ),
)
_NEXT = (
    sa.select(outbox.c.id)
    .where(*_DUE)
    .order_by(outbox.c.not_before, outbox.c.id)
    .limit(bindparam("most"))
    .offset(number(0))
)

DUE = fixed(_NEXT, "now now now mine most")

LEASE = fixed(
    outbox.update()
    .values(lease_until=bindparam("until"), lease_owner=bindparam("mine"), attempts=outbox.c.attempts + number(1))
    .where(outbox.c.id.in_(_NEXT))
    .returning(
        outbox.c.id,
        outbox.c.message_id,
        outbox.c.recipient,
        outbox.c.created,
        outbox.c.attempts,
        outbox.c.body,
        outbox.c.not_before,
    ),
    "until mine now now now mine most",
)

_MINE = outbox.c.id == bindparam("row")
_FREE = {"lease_until": sa.null(), "lease_owner": sa.null()}

DELIVERED = fixed(
    outbox.update().values(body=bindparam("nothing"), sent_at=bindparam("time"), said=sa.null(), **_FREE).where(_MINE),
    "nothing time row",
)

DEFERRED = fixed(
    outbox.update().values(not_before=bindparam("due"), said=bindparam("why"), **_FREE).where(_MINE), "due why row"
)

FAILED = fixed(outbox.update().values(failed=bindparam("why"), **_FREE).where(_MINE), "why row")

RECOVER = fixed(
    outbox.update()
    .values(not_before=bindparam("now") + bindparam("each") * outbox.c.attempts, **_FREE)
    .where(outbox.c.lease_owner != bindparam("mine"), outbox.c.sent_at.is_(None), outbox.c.failed.is_(None)),
    "now each mine",
)
