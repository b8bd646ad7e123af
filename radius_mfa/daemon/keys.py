"""The keys of the store, as every child opens them for itself."""

from __future__ import annotations

from radius_mfa.settings import Secrets, Settings
from radius_mfa.store.fitness import unlock
from radius_mfa.store.keys import DataKeys, MasterKey


def data_keys(settings: Settings, secrets: Secrets) -> DataKeys:
    """The data keys of the database. Raises ConfigurationError, AccessDenied and Unavailable."""
    return unlock(settings.database, MasterKey.parse(secrets.master_key.decode("ascii", "replace")))
