"""`key rotate`: another master key, in three steps of which each leaves a file and a database that fit."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from radius_mfa.errors import AccessDenied
from radius_mfa.store.database import PATIENCE, Database
from radius_mfa.store.engine import transaction
from radius_mfa.store.files import denied, sync, write_private
from radius_mfa.store.fitness import unlock
from radius_mfa.store.keys import MasterKey, Purpose
from radius_mfa.store.schema import data_key


def rotate(database: Database, key_file: Path) -> None:
    """Put a new key first in the file, wrap the data keys with it, then take the old keys out of the file.

    A program that reads the file at any moment, also after a crash between the steps, opens the data keys: the old
    key stays in the file until no row needs it. Running it again ends what was cut short. The data keys themselves
    stay, so that a running server notices nothing. Raises SecretError, AccessDenied, StoreBusy or StoreFailed.
    """
    file = key_file.resolve()
    with database.lock.held(PATIENCE):
        old = MasterKey.read(file)
        unlock(database.path, old)  # another master key is refused before anything is changed
        fresh = MasterKey.new()
        both = MasterKey(fresh.keys + old.keys)
        replace_file(file, both)
        with transaction(database.engine, immediate=True) as connection:
            rewrap(connection, both)
        replace_file(file, fresh)


def rewrap(connection: sa.Connection, master: MasterKey) -> None:
    """Wrap every data key with the first key of `master`, in the caller's transaction. Raises Unsealed."""
    for purpose, wrapped in connection.execute(sa.select(data_key.c.purpose, data_key.c.wrapped)).all():
        key = master.unwrap(Purpose(purpose), wrapped)
        again = master.wrap(Purpose(purpose), key)
        connection.execute(data_key.update().where(data_key.c.purpose == purpose).values(wrapped=again))


def replace_file(file: Path, master: MasterKey) -> None:
    """Put these keys into the file at one stroke; owner and mode stay. Raises AccessDenied."""
    draft = file.with_name(file.name + ".new")
    try:
        before = file.stat()
        draft.unlink(missing_ok=True)
        write_private(draft, master.text())
        os.chown(draft, before.st_uid, before.st_gid)
        draft.chmod(before.st_mode & 0o777)
        draft.replace(file)
        sync(file.parent)
    except AccessDenied:
        raise
    except OSError as error:
        raise denied(file, error) from error
