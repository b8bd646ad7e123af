"""Tokens that were in use elsewhere, for the admin: looked at as a whole, then taken over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from radius_mfa.auth.model import TokenStatus
from radius_mfa.errors import OperationFailed
from radius_mfa.store import codes, tokens
from radius_mfa.store.database import Database
from radius_mfa.store.rows import TOKEN_COLUMNS, token_of
from radius_mfa.store.schema import account, token
from radius_mfa.store.tokens import NewToken

SLICE = 200
"""Rows written in one hold of the queue of writers; sealed one by one, they cost more than those of accounts."""


@dataclass(frozen=True, slots=True)
class InUse:
    """A token as another program had it: the account by its name, and `drift` as model.Token has it.

    `scratch_codes`: what that program took in place of a code, once each; 8 digits.
    """

    account: str
    token: NewToken
    drift: int = 0
    scratch_codes: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """What would become of a token: `refused` says why it cannot be imported, `there` that it has been already."""

    refused: str = ""
    there: bool = False


@dataclass(slots=True)
class _Held:
    """An account as far as new tokens have to go with it."""

    id: int
    digits: int | None = None
    kinds: dict[bytes, tuple[object, ...]] = field(default_factory=dict, repr=False)
    """What the secret of each token makes codes of; those of the database, and then those of the list."""
    listed: set[bytes] = field(default_factory=set, repr=False)
    """The secrets that came with the list."""

    def judge(self, new: NewToken) -> Finding:
        """What becomes of one more token; one that is taken is held from then on."""
        if new.secret in self.listed:
            return Finding("the same secret stands in the file twice")
        if new.secret in self.kinds:
            # Twice in an account, a secret would let each of its codes in twice.
            same = self.kinds[new.secret] == _kind(new)
            return Finding(there=True) if same else Finding("this secret is there already, in another kind of token")
        if self.digits not in {None, new.digits}:
            return Finding(f"the other tokens have {self.digits} digits, not {new.digits}")
        self.digits = new.digits
        self.kinds[new.secret] = _kind(new)
        self.listed.add(new.secret)
        return Finding()


def look_at(database: Database, rows: Sequence[InUse]) -> list[Finding]:
    """What would become of each token of the list. Raises StoreBusy or StoreFailed."""
    held: dict[str, _Held] = {}
    findings: list[Finding] = []
    with database.read() as connection:
        for some in _slices(rows):
            held |= _held(database, connection, {row.account for row in some} - held.keys())
            findings += _judge(some, held)
    return findings


def take_over(database: Database, rows: Sequence[InUse]) -> None:
    """Make the tokens of a list active in which `look_at` refused none; those that are there stay as they are.

    SLICE rows in a transaction, a token together with its scratch codes. Raises OperationFailed for one that is to be
    refused meanwhile, after the slices before; the same list can be given again.
    """
    for some in _slices(rows):
        _take(database, some)


def _take(database: Database, rows: Sequence[InUse]) -> None:
    with database.write() as connection:
        held = _held(database, connection, {row.account for row in rows})
        findings = list(zip(rows, _judge(rows, held), strict=True))
        for row, finding in findings:
            if finding.refused:
                raise OperationFailed(f"{row.account}: {finding.refused}", "look again with: --dry-run")
        for row in (row for row, finding in findings if not finding.there):
            owner = held[row.account].id
            tokens.insert(database, connection, owner, row.token, TokenStatus.ACTIVE, drift=row.drift)
            if row.scratch_codes:
                codes.add(database, connection, owner, row.scratch_codes)


def _judge(rows: Sequence[InUse], held: dict[str, _Held]) -> list[Finding]:
    unknown = Finding("there is no such account")
    return [held[row.account].judge(row.token) if row.account in held else unknown for row in rows]


def _held(database: Database, connection: sa.Connection, names: set[str]) -> dict[str, _Held]:
    """Those of the accounts that there are, with their tokens of every status."""
    found = connection.execute(sa.select(account.c.id, account.c.name).where(account.c.name.in_(names)))
    held = {row.name: _Held(row.id) for row in found}
    owners = {one.id: one for one in held.values()}
    query = sa.select(token.c.account_id, *TOKEN_COLUMNS).where(token.c.account_id.in_(owners))
    for owner, *columns in connection.execute(query):
        one = token_of(columns, database.secrets)
        owners[owner].digits = one.digits
        if one.secret is not None:
            owners[owner].kinds[one.secret] = (one.kind, one.digits, one.algorithm, one.period)
    return held


def _kind(new: NewToken) -> tuple[object, ...]:
    return new.kind, new.digits, new.algorithm, new.period


def _slices(rows: Sequence[InUse]) -> Iterator[list[InUse]]:
    """The list in parts that write SLICE rows at most: a token is written twice, since its seal needs its number."""
    some: list[InUse] = []
    weight = 0
    for row in rows:
        one = 2 + len(row.scratch_codes)
        if some and weight + one > SLICE:
            yield some
            some, weight = [], 0
        some.append(row)
        weight += one
    if some:
        yield some
