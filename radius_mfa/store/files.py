"""Files that nobody but their owner may read, and who writes them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from radius_mfa.errors import AccessDenied

OTHERS = 0o077
"""The bits of a mode that let anybody but the owner in."""


def create_private(path: Path) -> int:
    """A descriptor of a new file, 0600 whatever the umask. Raises FileExistsError or AccessDenied."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise
    except OSError as error:
        raise denied(path, error) from error


def write_private(path: Path, text: str) -> None:
    """Write a new file, 0600 and durable. Raises FileExistsError or AccessDenied."""
    descriptor = create_private(path)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        sync(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise denied(path, error) from error


def sync(path: Path) -> None:
    """Make the content of a file, or the names in a directory, durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def become_owner(directory: Path) -> None:
    """Started as root, go on as the owner of the directory of the store, for good; else do nothing.

    What root made there, the server could not open. Raises AccessDenied when there is no such directory.
    """
    if os.geteuid() != 0:
        return
    try:
        owner = directory.stat()
    except OSError as error:
        raise AccessDenied(f"cannot look at {directory}: {error.strerror}", "run: radius-mfa init") from error
    if owner.st_uid == 0:
        return
    try:
        entry = pwd.getpwuid(owner.st_uid)
        os.initgroups(entry.pw_name, entry.pw_gid)
        group = entry.pw_gid
    except KeyError:
        group = owner.st_gid
        os.setgroups([group])
    os.setgid(group)
    os.setuid(owner.st_uid)


def denied(path: Path, error: OSError) -> AccessDenied:
    """An OSError about a file in the words of the command line."""
    return AccessDenied(f"cannot write {path}: {error.strerror}", "run it as root, or as the owner of the directory")
