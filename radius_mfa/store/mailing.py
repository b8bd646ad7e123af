"""What goes into the outbox, inside the transaction of whatever caused it: of a login or of an admin's command."""

from __future__ import annotations

import os
import sqlite3
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from radius_mfa.auth.asks import Invite, InviteAgain, Loss
from radius_mfa.auth.model import Token, TokenKind, TokenStatus
from radius_mfa.auth.notices import Content, Facts, Invitation, dumps
from radius_mfa.store import mail_statements as statements
from radius_mfa.store.keys import DataKeys
from radius_mfa.store.rows import token_of
from radius_mfa.store.sealing import Seal

SECRET_SIZE = 20
"""Octets of a new secret: 160 bits (RFC 4226 section 4, R6)."""
DAY = 86400.0
"""Seconds for which an invitation counts for `enrollment.per_day`, sent or not: its row has to last as long."""
MINUTE = 60.0
NOTICE_LIVES = 3 * DAY
"""Seconds after which a notice that could not be delivered is no news any more."""
_UNIQUE = 16


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whose mail it is: the account, as it stands in its row, and the one address it goes to."""

    account_id: int
    name: str
    language: str
    recipient: str


class Mailing:
    """Queues mail on the raw connection of a transaction that is under way. Raises what the driver raises."""

    def __init__(self, keys: DataKeys, random: Callable[[int], bytes] = os.urandom) -> None:
        self._secrets = Seal(keys.secrets)
        self._mail = Seal(keys.mail)
        self._random = random
        self._keys = keys

    def invite(self, connection: sqlite3.Connection, to: Addressee, invite: Invite, at: float) -> Loss | None:
        """A pending token and its mail; nothing where a token is there by now."""
        tokens = self._tokens(connection, to.account_id)
        if any(token.status is not TokenStatus.PENDING or alive(token, at) for token in tokens):
            return None
        if self._limited(connection, to.account_id, invite, at):
            return Loss.MAIL_LIMIT
        for token in tokens:
            connection.execute(statements.END_TOKEN, (token.id,))
        values = (to.account_id, b"", invite.digits, invite.algorithm.value, invite.period, at, invite.ends)
        row = _only(connection.execute(statements.MAKE_TOKEN, values))
        secret = self._random(SECRET_SIZE)
        sealed = self._secrets.seal(secret, table="token", column="secret", row=row)
        connection.execute(statements.SEAL_TOKEN, (sealed, row))
        self.send(connection, to, self._invitation(to, invite, secret, row), at=at, ends=invite.ends, token_id=row)
        return None

    def invite_again(self, connection: sqlite3.Connection, to: Addressee, again: InviteAgain, at: float) -> Loss | None:
        """The mail of the pending token once more."""
        pending = [token for token in self._tokens(connection, to.account_id) if alive(token, at)]
        if not pending or not mailable(pending[0]):
            return Loss.CONSUMED
        token = pending[0]
        last = _only(connection.execute(statements.LAST_INVITATION, (to.account_id, token.id)))
        if last is not None and last > again.since:
            return Loss.TOO_SOON
        if self._limited(connection, to.account_id, again, at):
            return Loss.MAIL_LIMIT
        self.send_key(connection, to, token, again.content, at)
        return None

    def send_key(
        self, connection: sqlite3.Connection, to: Addressee, token: Token, content: Content, at: float
    ) -> None:
        """The mail that brings the key of this pending token."""
        ends = token.expires or at + DAY
        invite = Invite(ends, content, token.digits, token.algorithm, token.period)
        facts = self._invitation(to, invite, token.secret or b"", token.id)
        self.send(connection, to, facts, at=at, ends=ends, token_id=token.id)

    def notify(self, connection: sqlite3.Connection, to: Addressee, notice: Facts, at: float) -> None:
        """A notice: nobody waits for it, and after three days it is not sent any more."""
        self.send(connection, to, notice, at=at, ends=at + NOTICE_LIVES)

    def send(
        self,
        connection: sqlite3.Connection,
        to: Addressee,
        facts: Facts,
        *,
        at: float,
        ends: float,
        token_id: int | None = None,
    ) -> None:
        """One row of the outbox, its body sealed for that row."""
        unique = self._random(_UNIQUE).hex()
        values = (to.account_id, token_id, to.recipient, facts.kind, b"", unique, at, at, ends)
        row = _only(connection.execute(statements.QUEUE, values))
        sealed = self._mail.seal(dumps(facts), table="outbox", column="body", row=row)
        connection.execute(statements.SEAL_MAIL, (sealed, row))

    def _invitation(self, to: Addressee, invite: Invite, secret: bytes, token_id: int) -> Invitation:
        """With a link the key stays here: whoever reads the mail needs the password as well."""
        linked = invite.content == "link"
        return Invitation(
            account=to.name,
            language=to.language,
            key="" if linked else b32encode(secret).decode("ascii").rstrip("="),
            ends=invite.ends,
            mode=invite.content,
            link=self._keys.link(token_id) if linked else "",
            digits=invite.digits,
            period=invite.period,
            algorithm=invite.algorithm.value,
        )

    def _tokens(self, connection: sqlite3.Connection, account_id: int) -> list[Token]:
        rows = connection.execute(statements.TOKENS, (account_id,)).fetchall()
        return [token_of(row, self._secrets) for row in rows]

    def _limited(
        self, connection: sqlite3.Connection, account_id: int, limits: Invite | InviteAgain, at: float
    ) -> bool:
        today = _only(connection.execute(statements.INVITED_TODAY, (account_id, at - DAY)))
        return bool(
            today >= limits.per_day
            or _only(connection.execute(statements.INVITED, (at - MINUTE,))) >= limits.per_minute
        )


def alive(token: Token, at: float) -> bool:
    """Whether this token is pending and has not ended."""
    return token.status is TokenStatus.PENDING and (token.expires is None or at < token.expires)


def mailable(token: Token) -> bool:
    """Whether a mail can bring the key of this token: it tells of time-based codes alone."""
    return token.secret is not None and token.kind is TokenKind.TOTP


def _only(cursor: sqlite3.Cursor) -> Any:  # noqa: ANN401 - what the column holds
    """The one value of the one row; read to the end, so that the statement is over."""
    ((value,),) = cursor.fetchall()
    return value
