"""What the commands open: the configuration, and the store behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from radius_mfa.auth.policy import Names, canonical_name
from radius_mfa.cli.root import Chosen
from radius_mfa.clock import SystemClock
from radius_mfa.errors import OperationFailed, SecretError
from radius_mfa.radius.attributes import problems
from radius_mfa.settings import Settings, load
from radius_mfa.store.database import Database
from radius_mfa.store.files import become_owner
from radius_mfa.store.keys import GENERATE, MasterKey


def settings_of(chosen: Chosen) -> Settings:
    """The configuration that was chosen. Raises SettingsError with all its mistakes, or AccessDenied."""
    return load(chosen.config, problems)


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The store of this configuration, opened as its owner when root asks.

    Raises SecretError, StoreNotReady, AccessDenied, StoreBusy or StoreFailed.
    """
    master = master_key(settings)
    become_owner(settings.database.parent)
    database = Database.open(settings.database, master, SystemClock())
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


def new_name(name: str, settings: Settings) -> str:
    """The name of an account to be made. OperationFailed when no login could ever find it."""
    found = canonical(name, settings)
    if found != name:
        hint = f"name it {found}" if found else "a name is printable, and not longer than 253 octets"
        raise OperationFailed(f"{name!r} is no name of an account under accounts in the configuration", hint)
    return name


def canonical(name: str, settings: Settings) -> str | None:
    """The name of the account that this User-Name stands for; None if it can be none."""
    accounts = settings.accounts
    names = Names(accounts.case == "fold", frozenset(accounts.realms), frozenset(accounts.domains))
    return canonical_name(name.encode("utf-8", "surrogateescape"), names)


@contextmanager
def account(chosen: Chosen, name: str) -> Iterator[tuple[Database, str]]:
    """The open store, and the name of the account that `name` stands for there (`Alice` finds alice)."""
    settings = settings_of(chosen)
    with opened(settings) as database:
        yield database, canonical(name, settings) or name
