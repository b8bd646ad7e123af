"""Whom the daemon becomes when it was started as root, and what others of that user may do to it."""

from __future__ import annotations

import ctypes
import os
import pwd

from radius_mfa.errors import ConfigurationError

_PR_SET_DUMPABLE = 4


def become(user: str) -> None:
    """Started as root, go on as this user for good. Raises ConfigurationError when there is no such user.

    From then on no other process of that user may look into the memory of this one, or of its children.
    """
    if os.geteuid() == 0:
        _give_up_root(user)
    if ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise ConfigurationError("this kernel does not let a process hide its memory (PR_SET_DUMPABLE)")


def _give_up_root(user: str) -> None:
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        hint = f"make it with: useradd --system {user}, or set another user"
        raise ConfigurationError(f"user: there is no user {user} on this host", hint) from None
    if entry.pw_uid != 0:
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
