"""The configuration that a command works with, and the names of accounts under it."""

from __future__ import annotations

from radius_mfa.auth.policy import Names, canonical_name
from radius_mfa.cli.root import Chosen
from radius_mfa.errors import OperationFailed
from radius_mfa.radius.attributes import problems
from radius_mfa.settings import Settings, load


def settings_of(chosen: Chosen) -> Settings:
    """The configuration that was chosen. Raises SettingsError with all its mistakes, or AccessDenied."""
    return load(chosen.config, problems)


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
