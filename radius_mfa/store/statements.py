"""The statements of a login, compiled once from the tables for the raw connection.

Each is SQL text with question marks; the second argument of `fixed` is the order of its parameters.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ClauseElement, ColumnElement, bindparam
from sqlalchemy.dialects import sqlite

from radius_mfa.auth.model import TokenStatus
from radius_mfa.store.rows import TOKEN_COLUMNS
from radius_mfa.store.schema import account, device, recovery_code, spent, token

_REPLY: dict[str, ColumnElement[Any]] = {
    "reply_key": bindparam("key"),
    "reply": bindparam("octets"),
    "replied_at": bindparam("time"),
}
_STEP: dict[str, ColumnElement[Any]] = {"last_step": bindparam("step"), "drift": bindparam("off")}


def fixed(statement: ClauseElement, order: str) -> str:
    """SQL text of a statement; `order` names its parameters as the caller will give them, and is checked."""
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))
    positions = getattr(compiled, "positiontup", None)
    if positions != order.split():
        raise AssertionError(f"{compiled} takes {positions}")
    return str(compiled)


def word(value: str) -> ColumnElement[str]:
    """One of our own words as a literal: a parameter less at each execution, and the partial indexes are seen."""
    return sa.literal_column(f"'{value}'", sa.Text)


def number(value: int) -> ColumnElement[int]:
    """One of our own numbers as a literal."""
    return sa.literal_column(str(value), sa.Integer)


def _usable() -> tuple[ColumnElement[bool], ...]:
    expires = recovery_code.c.expires
    return recovery_code.c.used_at.is_(None), sa.or_(expires.is_(None), expires > bindparam("now"))


_admitted = (
    account.c.id == bindparam("owner"),
    account.c.disabled == sa.false(),
    account.c.locked_until <= bindparam("now"),
    account.c.epoch == bindparam("loaded"),
)
_admits = sa.exists(number(1)).where(*_admitted)

_names = sa.func.json_each(bindparam("canonical")).table_valued("value")
LOAD = fixed(
    sa.select(
        account.c.id,
        account.c.name,
        account.c.backend,
        account.c.password_hash,
        account.c.mail,
        account.c.groups,
        account.c.language,
        account.c.mfa,
        account.c.disabled,
        account.c.epoch,
        account.c.failures,
        account.c.window_failures,
        account.c.window_started,
        account.c.locked_until,
        account.c.counted,
        sa.select(sa.func.count())
        .select_from(recovery_code)
        .where(recovery_code.c.account_id == account.c.id, *_usable())
        .scalar_subquery(),
        sa.exists(number(1)).where(recovery_code.c.account_id == account.c.id),
        account.c.known,
        *TOKEN_COLUMNS,
    )
    .select_from(account.outerjoin(token, token.c.account_id == account.c.id))
    .where(account.c.name.in_(sa.select(_names.c.value))),
    "now canonical",
)
"""The rows of a whole batch: `canonical` is a JSON array of names. A query of its own for each costs three times that.

In no order: those of one account come one after the other, its tokens in the order of token_account.
"""

MAKE_ACCOUNT = fixed(
    sqlite.insert(account)
    .values(
        name=bindparam("canonical"),
        backend=bindparam("made_with"),
        mail=bindparam("address"),
        groups=bindparam("lines"),
        counted=sa.literal_column("x''"),
        known=sa.literal_column("x''"),
        created=bindparam("now"),
        changed=bindparam("now"),
    )
    .on_conflict_do_nothing(),
    "canonical made_with address lines now now",
)

REGROUP = fixed(
    account.update()
    .values(groups=bindparam("lines"), epoch=account.c.epoch + number(1), changed=bindparam("now"))
    .where(
        account.c.name == bindparam("canonical"),
        account.c.backend == bindparam("made_with"),
        account.c.groups != bindparam("lines"),
    ),
    "lines now canonical made_with lines",
)

FIND_RECOVERY_CODE = fixed(
    sa.select(recovery_code.c.id, sa.and_(*_usable())).where(
        recovery_code.c.account_id == bindparam("owner"), recovery_code.c.hash == bindparam("keyed")
    ),
    "now owner keyed",
)

SPEND = fixed(
    sqlite.insert(spent).values(key=bindparam("nonce")).on_conflict_do_nothing(),
    "nonce",
)

USE_TOKEN = fixed(
    token.update()
    .values({**_STEP, **_REPLY})
    .where(
        token.c.id == bindparam("row"),
        token.c.account_id == bindparam("owner"),
        token.c.status == word(TokenStatus.ACTIVE),
        token.c.last_step < bindparam("step"),
        _admits,
    ),
    "step off key octets time row owner step owner now loaded",
)

ACTIVATE_TOKEN = fixed(
    token.update()
    .values({**_STEP, **_REPLY, "status": word(TokenStatus.ACTIVE), "expires": sa.null()})
    .where(
        token.c.id == bindparam("row"),
        token.c.account_id == bindparam("owner"),
        token.c.status == word(TokenStatus.PENDING),
        token.c.last_step < bindparam("step"),
        sa.or_(token.c.expires.is_(None), token.c.expires > bindparam("now")),
        _admits,
    ),
    "step off key octets time row owner step now owner now loaded",
)

USE_RECOVERY_CODE = fixed(
    recovery_code.update()
    .values(used_at=bindparam("time"), **_REPLY)
    .where(
        recovery_code.c.id == bindparam("row"), recovery_code.c.account_id == bindparam("owner"), *_usable(), _admits
    ),
    "time key octets time row owner now owner now loaded",
)

FIND_DEVICE = fixed(
    sa.select(
        device.c.id,
        device.c.created,
        device.c.last_used,
        device.c.expires,
        device.c.tag,
        (device.c.hash == bindparam("keyed")).label("current"),
    )
    .where(
        device.c.account_id == bindparam("owner"),
        sa.or_(device.c.hash == bindparam("keyed"), device.c.reply_key == bindparam("key")),
    )
    .order_by(sa.desc("current")),
    "keyed owner keyed key",
)

USE_DEVICE = fixed(
    device.update()
    .values(hash=bindparam("after"), last_used=bindparam("time"), **_REPLY)
    .where(
        device.c.id == bindparam("row"),
        device.c.account_id == bindparam("owner"),
        device.c.hash == bindparam("before"),
        device.c.expires > bindparam("now"),
        _admits,
    ),
    "after time key octets time row owner before now owner now loaded",
)

_trusted = sqlite.insert(device).values(
    account_id=bindparam("owner"),
    kind=bindparam("what"),
    client=bindparam("where"),
    label=bindparam("called"),
    hash=bindparam("keyed"),
    tag=bindparam("mark"),
    created=bindparam("now"),
    last_used=bindparam("now"),
    expires=bindparam("ends"),
)
TRUST = fixed(
    _trusted.on_conflict_do_update(
        index_elements=[device.c.account_id, device.c.hash],
        set_={
            column: _trusted.excluded[column]
            for column in ("kind", "client", "label", "tag", "created", "last_used", "expires")
        },
    ),
    "owner what where called keyed mark now now ends",
)

KEEP_DEVICES = fixed(
    device.delete().where(
        device.c.account_id == bindparam("owner"),
        device.c.id.not_in(
            sa.select(device.c.id)
            .where(device.c.account_id == bindparam("owner"), device.c.expires > bindparam("now"))
            .order_by(device.c.last_used.desc(), device.c.id.desc())
            .limit(bindparam("most"))
            .offset(number(0))
        ),
    ),
    "owner owner now most",
)

END_DEVICES = fixed(device.delete().where(device.c.account_id == bindparam("owner")), "owner")

END_DEVICE = fixed(
    device.delete().where(device.c.account_id == bindparam("owner"), device.c.id == bindparam("row")), "owner row"
)

DISABLE_TOKENS = fixed(
    token.update()
    .values(status=word(TokenStatus.DISABLED))
    .where(token.c.account_id == bindparam("owner"), token.c.status != word(TokenStatus.DISABLED)),
    "owner",
)

REMEMBER_PLACE = fixed(
    account.update()
    .values(known=bindparam("hashes"))
    .where(
        account.c.id == bindparam("owner"),
        account.c.disabled == sa.false(),
        account.c.epoch == bindparam("loaded"),
    ),
    "hashes owner loaded",
)

ADMITS = fixed(sa.select(number(1)).where(*_admitted), "owner now loaded")

CLEAR_FAILURES = fixed(
    account.update()
    .values(failures=number(0))
    .where(account.c.id == bindparam("owner"), account.c.failures != number(0)),
    "owner",
)

HISTORY = fixed(
    sa.select(
        account.c.failures,
        account.c.window_failures,
        account.c.window_started,
        account.c.locked_until,
        account.c.counted,
    ).where(account.c.id == bindparam("owner")),
    "owner",
)

COUNT = fixed(
    account.update()
    .values(
        failures=bindparam("in_a_row"),
        window_failures=bindparam("in_window"),
        window_started=bindparam("since"),
        locked_until=bindparam("until"),
        counted=bindparam("digests"),
        epoch=account.c.epoch + bindparam("growth"),
    )
    .where(account.c.id == bindparam("owner")),
    "growth in_a_row in_window since until digests owner",
)

STORED_REPLY = fixed(
    sa.union_all(
        *(
            sa.select(table.c.reply).where(
                table.c.account_id == bindparam("owner"),
                table.c.reply_key == bindparam("key"),
                table.c.replied_at.between(bindparam("oldest"), bindparam("newest")),
            )
            for table in (token, recovery_code, device)
        )
    ),
    " ".join(["owner key oldest newest"] * 3),
)
