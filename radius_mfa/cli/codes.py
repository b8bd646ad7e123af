"""`radius-mfa codes`: recovery codes of an account."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from radius_mfa.auth import recovery
from radius_mfa.cli import output, session
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Group, json_option
from radius_mfa.errors import OperationFailed, UsageError
from radius_mfa.settings.scalars import duration_text, seconds
from radius_mfa.store import codes
from radius_mfa.store.files import create_private

ONE_LIVES = "1h"


@click.group("codes", cls=Group)
def command() -> None:
    """Make, count and end recovery codes."""


@command.command()
@click.argument("name")
@click.option(
    "--output", "file", type=click.Path(path_type=Path), metavar="FILE", help="Write them to a new file, 0600."
)
@click.option("--one", is_flag=True, help="Add one code and leave the set.")
@click.option("--expires", metavar="TIME", help=f"How long the one code lives. [default: {ONE_LIVES}]")
@click.pass_obj
def generate(chosen: Chosen, name: str, file: Path | None, one: bool, expires: str | None) -> None:
    """Make a new set of recovery codes for NAME and show it, this once. The set before ends."""
    if expires and not one:
        raise UsageError("--expires goes with --one")
    lifetime = _duration(expires or ONE_LIVES)
    settings = settings_of(chosen)
    made = recovery.make(secrets.token_bytes, 1 if one else settings.mfa.recovery_codes.count)
    descriptor = None if file is None else _new(file)  # before root becomes the owner of the store
    try:
        with session.account(chosen, name) as (database, name):
            if one:
                codes.add_one(database, name, made[0], expires=database.clock.now() + lifetime)
            else:
                codes.replace(database, name, made)
    except BaseException:
        if file is not None:
            file.unlink(missing_ok=True)
        raise
    life = f", good for {duration_text(lifetime)}" if one else ""
    _hand_out(f"{name}: {output.count(len(made), 'recovery code')}{life}", made, file, descriptor)


@command.command()
@click.argument("name")
@json_option()
@click.pass_obj
def count(chosen: Chosen, name: str, as_json: bool) -> None:
    """Say how many recovery codes NAME has left."""
    with session.account(chosen, name) as (database, name):
        left = codes.count(database, name)
    if as_json:
        output.as_json({"name": name, "recovery_codes": left})
    else:
        output.say(f"{name}: {output.count(left, 'recovery code')} left")


@command.command()
@click.argument("name")
@click.pass_obj
def delete(chosen: Chosen, name: str) -> None:
    """End the recovery codes of NAME."""
    with session.account(chosen, name) as (database, name):
        ended = codes.delete(database, name)
    output.say(f"{name}: {output.count(ended, 'recovery code')} ended")


def _duration(text: str) -> float:
    try:
        lifetime = seconds(text)
    except ValueError:
        lifetime = 0.0
    if lifetime <= 0:
        raise UsageError(f"{text!r} is no time to live", "such as 30m, 1h or 7d")
    return lifetime


def _new(file: Path) -> int:
    try:
        return create_private(file)
    except FileExistsError:
        raise OperationFailed(f"{file} is already there and is not overwritten", "name another file") from None


def _hand_out(head: str, made: list[str], file: Path | None, descriptor: int | None) -> None:
    shown = [recovery.show(code) for code in made]
    if file is None or descriptor is None:
        output.say(f"{head}. They are shown this once.\n" if len(made) > 1 else f"{head}. It is shown this once.\n")
        for code in shown:
            output.say(f"  {code}")
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write("\n".join(shown) + "\n")
    output.say(f"{head}, written to {file}")
