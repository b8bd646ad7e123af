"""The configuration file: radius-mfa.yaml as frozen, typed settings."""

from radius_mfa.settings.loader import load, load_text
from radius_mfa.settings.model import Settings
from radius_mfa.settings.notices import no_effect, warnings
from radius_mfa.settings.schema import effective, json_schema
from radius_mfa.settings.secrets import Secrets, SecretSource, read_secrets

__all__ = [
    "SecretSource",
    "Secrets",
    "Settings",
    "effective",
    "json_schema",
    "load",
    "load_text",
    "no_effect",
    "read_secrets",
    "warnings",
]
