"""The outbox as the admin sees it: what waits, what failed and why, and another try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from radius_mfa.errors import OperationFailed
from radius_mfa.store.database import Database
from radius_mfa.store.schema import account, outbox


@dataclass(frozen=True, slots=True)
class QueuedMail:
    """A mail without its content. Times are seconds since the epoch; `said` is what the server said last."""

    id: int
    account: str
    recipient: str
    kind: str
    state: str
    created: float
    attempts: int
    not_before: float
    said: str | None
    expires: float


def queue(database: Database) -> list[QueuedMail]:
    """Every mail of the outbox, oldest first; the sent ones of the last day too."""
    now = database.clock.now()
    columns = (column for column in outbox.c if column is not outbox.c.body)
    query = sa.select(*columns, account.c.name).select_from(outbox.join(account)).order_by(outbox.c.id)
    with database.read() as connection:
        return [
            QueuedMail(
                row.id,
                row.name,
                row.recipient,
                row.kind,
                _state(row, now),
                row.created,
                row.attempts,
                row.not_before,
                row.failed or row.said,
                row.expires,
            )
            for row in connection.execute(query)
        ]


def retry(database: Database, number: int | None = None) -> int:
    """Let mails that failed or wait be due now: this one, or all of them; how many.

    Raises OperationFailed for a number that is not there, or a mail that was sent, has expired or is on its way.
    """
    now = database.clock.now()
    free = sa.or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= now)
    due = outbox.update().where(outbox.c.sent_at.is_(None), outbox.c.expires > now, free)
    with database.write() as connection:
        if number is not None:
            found = connection.execute(sa.select(outbox).where(outbox.c.id == number)).one_or_none()
            if found is None:
                raise OperationFailed(f"there is no mail {number}", "see them with: radius-mfa mail queue")
            state = _state(found, now)
            if state not in {"waiting", "failed"}:
                raise OperationFailed(f"mail {number} is {state}", "only what waits or has failed is sent again")
            due = due.where(outbox.c.id == number)
        told = sa.func.coalesce(outbox.c.failed, outbox.c.said)
        return connection.execute(due.values(said=told, failed=None, not_before=now)).rowcount


def _state(row: sa.Row[*tuple[Any, ...]], now: float) -> str:
    if row.sent_at is not None:
        return "sent"
    if row.expires <= now:
        return "expired"
    if row.failed is not None:
        return "failed"
    return "sending" if row.lease_until is not None and row.lease_until > now else "waiting"
