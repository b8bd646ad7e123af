"""The store that a command works on, opened by the right user and closed again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from radius_mfa.cli.configuration import canonical, settings_of
from radius_mfa.cli.root import Chosen
from radius_mfa.clock import SystemClock
from radius_mfa.errors import SecretError
from radius_mfa.settings import Settings
from radius_mfa.store.connection import Connect, connect
from radius_mfa.store.database import Database
from radius_mfa.store.files import become_owner
from radius_mfa.store.keys import GENERATE, MasterKey


@contextmanager
def opened(settings: Settings, connect: Connect = connect) -> Iterator[Database]:
    """The store of this configuration, opened as its owner when root asks.

    Raises SecretError, StoreNotReady, AccessDenied, StoreBusy or StoreFailed.
    """
    master = master_key(settings)
    become_owner(settings.database.parent)
    database = Database.open(settings.database, master, SystemClock(), connect)
    try:
        yield database
    finally:
        database.close()


def master_key(settings: Settings) -> MasterKey:
    """The key that master_key names. Raises SecretError."""
    file = settings.master_key.file
    if file is not None and not file.exists():
        raise SecretError(f"there is no master key {file}", GENERATE)
    return MasterKey.parse(settings.master_key.read().decode("ascii", "replace"))


@contextmanager
def account(chosen: Chosen, name: str) -> Iterator[tuple[Database, str]]:
    """The open store, and the name of the account that `name` stands for there (`Alice` finds alice)."""
    settings = settings_of(chosen)
    with opened(settings) as database:
        yield database, canonical(name, settings) or name
