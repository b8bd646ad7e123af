"""`radius-mfa key`: the master key."""

from __future__ import annotations

import os
from pathlib import Path

import click

from radius_mfa.cli import output, session
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Group
from radius_mfa.clock import SystemClock
from radius_mfa.errors import OperationFailed
from radius_mfa.settings import Settings
from radius_mfa.store import keys, rotation
from radius_mfa.store.database import Database


@click.group("key", cls=Group)
def command() -> None:
    """Make and change the master key."""


@command.command()
@click.pass_obj
def generate(chosen: Chosen) -> None:
    """Write a new master key to the file that master_key names. None is ever overwritten."""
    settings = settings_of(chosen)
    make(settings)
    output.say(f"{_file(settings)}: made. Keep a copy away from the database.")


@command.command()
@click.pass_obj
def rotate(chosen: Chosen) -> None:
    """Put a new master key in place of the one in use. A running server needs no restart."""
    settings = settings_of(chosen)
    file = _file(settings)
    # As root this goes on as root: the directory of the key is not the server's to write to.
    database = Database.open(settings.database, session.master_key(settings), SystemClock())
    try:
        rotation.rotate(database, file)
    finally:
        database.close()
    output.say(f"{file}: changed. Keep a copy away from the database.")


def make(settings: Settings) -> None:
    """Write a new key; as root, for the owner of the store. Raises OperationFailed or AccessDenied."""
    file = _file(settings)
    if not file.exists() and settings.database.exists():
        message = f"there is a database {settings.database} already, which no new key opens"
        raise OperationFailed(message, "put back the master key it was made with")
    keys.generate(file)
    if os.geteuid() == 0 and settings.database.parent.exists():
        owner = settings.database.parent.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def _file(settings: Settings) -> Path:
    if settings.master_key.file is None:
        raise OperationFailed("master_key names no file", "write master_key: {file: PATH} into the configuration")
    return settings.master_key.file
