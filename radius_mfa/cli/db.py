"""`radius-mfa db`: make, check and copy the database."""

from __future__ import annotations

from pathlib import Path

import click

from radius_mfa.cli import output, session
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Group
from radius_mfa.clock import SystemClock
from radius_mfa.store import fitness
from radius_mfa.store.files import become_owner


@click.group("db", cls=Group)
def command() -> None:
    """Look after the database."""


@command.command("upgrade")
@click.pass_obj
def make(chosen: Chosen) -> None:
    """Make the database, or bring it to the schema of this program. All or nothing."""
    from radius_mfa.store.upgrade import upgrade  # Alembic is slow to load, and the other commands do without

    settings = settings_of(chosen)
    master = session.master_key(settings)
    become_owner(settings.database.parent)
    upgrade(settings.database, master, SystemClock())
    output.say(f"{settings.database}: up to date")


@command.command()
@click.pass_obj
def check(chosen: Chosen) -> None:
    """Read every page of the database, and see that the master key opens it."""
    settings = settings_of(chosen)
    master = session.master_key(settings)
    become_owner(settings.database.parent)
    fitness.check(settings.database)
    fitness.unlock(settings.database, master)
    output.say(f"{settings.database}: sound")


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(chosen: Chosen, file: Path) -> None:
    """Copy the database, as it stands at one moment, into a new FILE. The master key is not in it."""
    # As root this goes on as root: FILE may stand where the server cannot write.
    fitness.backup(settings_of(chosen).database, file)
    output.say(f"{file}: written")
