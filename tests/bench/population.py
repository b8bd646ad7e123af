"""The same users for every server: names and keys that radload computes too, and one password."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher

from radius_mfa.auth.model import LOCAL, Door, TokenKind, TokenStatus
from radius_mfa.clock import SystemClock
from radius_mfa.store.database import Database
from radius_mfa.store.keys import MasterKey, generate
from radius_mfa.store.schema import account, token
from radius_mfa.store.upgrade import upgrade

PASSWORD = "correct-horse"
DIALOGUES = {"challenge": "127.0.0.1", "append": "127.0.0.2"}
"""The two clients of every server, each at an address of its own: so no server has to guess which dialogue it is."""
SLICE = 10_000
SCHEMA = Path("/etc/freeradius/3.0/mods-config/sql/main/sqlite/schema.sql")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Where passwords are remembered a login costs no hash: those of the first round are not worth waiting for."""


def name(number: int) -> str:
    return f"user{number:07}"


def secret(number: int) -> bytes:
    """The key of a user's authenticator."""
    return hashlib.sha1(b"radload:" + name(number).encode()).digest()


def secret_base32(number: int) -> str:
    """The same as authenticator apps and FreeRADIUS take it."""
    return base64.b32encode(secret(number)).decode()


def make_store(store: Path, users: int, password_hash: str, period: int = 30) -> None:
    """Our database with its master key beside it, each user with an active authenticator and both clients known.

    `period`: seconds of a time step.
    """
    master_key = store.with_name("master.key")
    generate(master_key)
    upgrade(store, MasterKey.read(master_key), SystemClock())
    database = Database.open(store, MasterKey.read(master_key), SystemClock())
    with database.write() as connection:
        _insert(connection, account, (_account(database, number, password_hash) for number in range(users)))
        _insert(connection, token, (_token(database, number, period) for number in range(users)))
    database.close()
    with sqlite3.connect(store) as closing:
        closing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    closing.close()


def make_users_file(path: Path, users: int) -> None:
    """The users file of FreeRADIUS."""
    with path.open("w") as file:
        for number in range(users):
            key = secret_base32(number)
            file.write(f'{name(number)} Cleartext-Password := "{PASSWORD}", TOTP-Secret := "{key}"\n')


def make_radcheck(path: Path, users: int) -> None:
    """The SQLite database of FreeRADIUS, in its own schema."""
    insert = "INSERT INTO radcheck (username, attribute, op, value) VALUES (?, ?, ':=', ?)"
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA.read_text())
    with connection:
        for number in range(users):
            connection.execute(insert, (name(number), "Cleartext-Password", PASSWORD))
            connection.execute(insert, (name(number), "TOTP-Secret", secret_base32(number)))
    connection.close()


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterator[dict[str, Any]]) -> None:
    while some := list(islice(rows, SLICE)):
        connection.execute(table.insert(), some)


def _account(database: Database, number: int, password_hash: str) -> dict[str, Any]:
    identity, now = number + 1, time.time()
    places = (f"{Door.RADIUS}\0{shortname}\0{address}" for shortname, address in DIALOGUES.items())
    return {
        "id": identity,
        "name": name(number),
        "backend": LOCAL,
        "password_hash": password_hash,
        "mail": f"{name(number)}@example.com",
        "known": b"".join(database.keys.place_hash(identity, place) for place in places),
        "created": now,
        "changed": now,
    }


def _token(database: Database, number: int, period: int) -> dict[str, Any]:
    identity = number + 1
    return {
        "id": identity,
        "account_id": identity,
        "kind": TokenKind.TOTP.value,
        "status": TokenStatus.ACTIVE.value,
        "secret": database.secrets.seal(secret(number), table="token", column="secret", row=identity),
        "period": period,
        "created": time.time(),
    }
