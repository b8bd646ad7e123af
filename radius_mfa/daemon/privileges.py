"""Whom the daemon becomes when it was started as root."""

from __future__ import annotations

import os
import pwd

from radius_mfa.errors import ConfigurationError


def become(user: str) -> None:
    """Started as root, go on as this user for good. Raises ConfigurationError when there is no such user."""
    if os.geteuid() != 0:
        return
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        hint = f"make it with: useradd --system {user}, or set another user"
        raise ConfigurationError(f"user: there is no user {user} on this host", hint) from None
    if entry.pw_uid != 0:
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
