"""What a start says of a configuration without mistakes: keys without effect yet, and choices that have a price."""

from __future__ import annotations

from collections.abc import Iterator

from radius_mfa.settings.model import Settings
from radius_mfa.settings.secrets import Secrets
from radius_mfa.settings.section import Section

SHORT_SECRET = 16
EXAMPLE_VENDOR = 32473  # IANA's number for documentation

_LATER = "no effect in this version"
_SECTIONS: tuple[str, ...] = ()
"""Keys that load and are kept for a later version, at present none; what they guard is off until then."""


def no_effect(settings: Settings) -> list[str]:
    """One line for every key that the file sets and this version does not act on."""
    return [f"{key}: {_LATER}" for key in _SECTIONS if _is_set(settings, key)]


def warnings(settings: Settings, secrets: Secrets | None = None) -> list[str]:
    """One line for every choice that weakens logins or keeps users out; `secrets`: those that are read from files."""
    return [*_client_warnings(settings, secrets), *_pam_warnings(settings), *_mfa_warnings(settings)]


def _is_set(settings: Settings, key: str) -> bool:
    section: object = settings
    for name in key.split("."):
        if not isinstance(section, Section) or name not in section.model_fields_set:
            return False
        section = getattr(section, name)
    return True


def _client_warnings(settings: Settings, secrets: Secrets | None) -> Iterator[str]:
    for index, client in enumerate(settings.clients):
        key = f"clients[{index}] ({client.shortname})"
        read = secrets.clients.get(client.shortname) if secrets else None
        secret = read if read is not None else (client.secret.text or "").encode()
        if secret and len(secret) < SHORT_SECRET:
            yield f"{key}: the secret has fewer than {SHORT_SECRET} characters and can be guessed from one packet"
        if not client.require_message_authenticator:
            yield f"{key}: requests without Message-Authenticator are taken (CVE-2024-3596)"
        if client.ipaddr.prefixlen == 0:
            yield f"{key}: every IPv{client.ipaddr.version} address may send"


def _pam_warnings(settings: Settings) -> Iterator[str]:
    """A code-only service asks accounts that owe no code for nothing."""
    everybody = settings.mfa.required == "all" and settings.mfa.not_enrolled != "accept"
    for name, service in settings.pam.services.items():
        if not service.password and not (everybody or service.mfa == "required"):
            yield f"pam.services.{name}: whoever owes no code gets in with what the stack has checked alone"


def _mfa_warnings(settings: Settings) -> Iterator[str]:
    if settings.mfa.required == "none":
        yield "mfa.required: none: nobody owes a code unless account or client says so"
    if settings.mfa.not_enrolled == "enroll" and settings.mail is None:
        yield "mfa.not_enrolled: accounts without an authenticator are rejected: a `mail` section lets them enrol"
    if settings.mfa.not_enrolled == "accept":
        yield "mfa.not_enrolled: accept: whoever has no authenticator gets in with the password alone"
    if settings.mfa.trusted_devices.vendor == EXAMPLE_VENDOR and any(
        c.trusted_devices == "token" for c in settings.clients
    ):
        yield f"mfa.trusted_devices.vendor: {EXAMPLE_VENDOR} is a number for documentation: set your own"
