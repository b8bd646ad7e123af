"""From the rows of a SELECT to the accounts and tokens of the rules, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from radius_mfa.auth.model import Account, Algorithm, CodeHistory, Device, Mfa, Token, TokenKind, TokenStatus
from radius_mfa.errors import OperationFailed, StoreFailed, Unsealed
from radius_mfa.store.connection import CHECK
from radius_mfa.store.schema import token
from radius_mfa.store.sealing import Seal

UNREADABLE = "\n"
"""Stands in `account.groups` for groups that could not be read."""
DIGEST = 32
"""Octets of a digest in `account.counted`, and of a hash in `account.known`."""

_DAMAGE = (KeyError, TypeError, AttributeError)
"""What comes of a word that is none of ours, or a value of another type: STRICT tables refuse to write it only."""

_TOKEN = 18
"""Where the columns of a token begin in a row of statements.LOAD."""

TOKEN_COLUMNS = (
    token.c.id,
    token.c.kind,
    token.c.status,
    token.c.secret,
    token.c.digits,
    token.c.algorithm,
    token.c.period,
    token.c.last_step,
    token.c.drift,
    token.c.expires,
)
"""What token_of reads, in this order."""

# Looking a word up in a dict costs a fifth of calling the enum.
_MFA = {str(value): value for value in Mfa}
_KINDS = {str(value): value for value in TokenKind}
_STATUS = {str(value): value for value in TokenStatus}
_ALGORITHMS = {str(value): value for value in Algorithm}


def accounts_of(rows: Iterable[Sequence[Any]], secrets: Seal) -> dict[str, Account]:
    """The accounts of the rows of statements.LOAD by name: a row each token, or one without. Raises StoreFailed."""
    by_name: dict[str, list[Sequence[Any]]] = {}
    for row in rows:
        by_name.setdefault(row[1], []).append(row)
    return {name: account_of(of_one, secrets) for name, of_one in by_name.items()}


def account_of(rows: Sequence[Sequence[Any]], secrets: Seal) -> Account:
    """The account that all these rows of statements.LOAD are about. Raises StoreFailed."""
    first = rows[0]
    tokens = () if first[_TOKEN] is None else tuple([token_of(row[_TOKEN:], secrets) for row in rows])
    try:
        return Account(
            first[0],
            first[1],
            first[2],
            first[3],
            first[4],
            groups_of(first[5]),
            first[6],
            _MFA[first[7]],
            first[8] != 0,
            first[9],
            history_of(first[10:15]),
            tokens,
            first[15],
            first[16] != 0,
            _hashes(first[17]),
        )
    except _DAMAGE as error:
        raise _damaged(f"account {first[0]}") from error


def device_of(row: Sequence[Any]) -> Device:
    """A device of a row of statements.FIND_DEVICE. Raises StoreFailed."""
    identity, created, last_used, expires, tag, current = row
    if not all(isinstance(time, int | float) for time in (created, last_used, expires)):
        raise _damaged(f"device {identity}")
    return Device(identity, created, last_used, expires, tag, current == 0)


def token_of(row: Sequence[Any], secrets: Seal) -> Token:
    """A token of a row of TOKEN_COLUMNS. Raises StoreFailed."""
    identity, kind, status, sealed, digits, algorithm, period, last_step, drift, expires = row
    try:
        return Token(
            identity,
            _KINDS[kind],
            _STATUS[status],
            _opened(secrets, sealed, identity),
            digits,
            _ALGORITHMS[algorithm],
            period,
            last_step,
            drift,
            expires,
        )
    except _DAMAGE as error:
        raise _damaged(f"token {identity}") from error


def _opened(secrets: Seal, sealed: bytes, row: int) -> bytes | None:
    try:
        return secrets.open(sealed, table="token", column="secret", row=row)
    except Unsealed:
        return None


def history_of(row: Sequence[Any]) -> CodeHistory:
    """The history of failures, window_failures, window_started, locked_until, counted. Raises StoreFailed."""
    failures, window_failures, window_started, locked_until, counted = row
    try:
        0 + failures + window_failures + window_started + locked_until  # what is no number raises
        digests = _hashes(counted)
    except _DAMAGE as error:
        raise _damaged("an account") from error
    return CodeHistory(failures, window_failures, window_started, locked_until, digests)


def _hashes(column: bytes) -> tuple[bytes, ...]:
    return tuple(column[start : start + DIGEST] for start in range(0, len(column), DIGEST)) if column else ()


def groups_of(text: str) -> frozenset[str] | None:
    """Groups from the column that keeps them one a line; None where they could not be read when it was written."""
    if text == UNREADABLE:
        return None
    return frozenset(text.split("\n")) if text else frozenset()


def groups_text(groups: Iterable[str] | None) -> str:
    """Groups as the column keeps them. Raises OperationFailed for a name that no line can hold."""
    if groups is None:
        return UNREADABLE
    bad = [group for group in groups if not group or not group.isprintable()]
    if bad:
        raise OperationFailed(f"{bad[0]!r} is no name of a group", "use printable characters")
    return "\n".join(sorted(groups))


def _damaged(what: str) -> StoreFailed:
    return StoreFailed(f"the row of {what} is damaged", CHECK)
