"""`radius-mfa init`: configuration, key and database of a new installation; what is there stays as it is."""

from __future__ import annotations

import os
import pwd
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

import click

from radius_mfa.cli import key, output, session
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import DEFAULT_CONFIG, Chosen, Command
from radius_mfa.clock import SystemClock
from radius_mfa.errors import ConfigurationError, OperationFailed
from radius_mfa.settings import Settings
from radius_mfa.settings.template import places_beside, render, system_places
from radius_mfa.store import upgrade
from radius_mfa.store.files import become_owner, create_private

SECRET_OCTETS = 24
SYSTEM_USER = "radius-mfa"


@click.command(cls=Command)
@click.pass_obj
def command(chosen: Chosen) -> None:
    """Make what is missing of a new installation: configuration, master key, database.

    With a --config of your own, everything lies beside that file. Nothing is overwritten.
    """
    chosen.config = chosen.config.absolute()
    made = install(chosen)
    if not made:
        raise OperationFailed(
            "everything is there already, nothing was changed", f"see it with: {_named(chosen)}config show"
        )
    for path in made:
        output.say(f"made {path}")
    output.say()
    output.say("Next:")
    for step in ("user add alice --email alice@example.com", "token enroll alice", "serve"):
        output.say(f"  {_named(chosen)}{step}")


def install(chosen: Chosen, listen: Sequence[str] = ()) -> list[Path]:
    """Make configuration (with these addresses to listen on), key and database where they are missing; what was made.

    Raises AccessDenied, ConfigurationError, or OperationFailed where the key of a database is gone.
    """
    made = [] if chosen.config.exists() else [_write_configuration(chosen.config, listen)]
    return [*made, *_key_and_database(settings_of(chosen))]


def _write_configuration(path: Path, listen: Sequence[str]) -> Path:
    """Write a configuration and make the directories it names: 0600, or as root 0640 for the group of the server."""
    system = path == DEFAULT_CONFIG
    user = _user(path.parent, system)
    places = system_places() if system else places_beside(path.parent)
    # The server may read its configuration, not change it: that directory stays root's in an installation of root.
    _directory(path.parent, 0o750, user, writes=not system)
    _directory(places.store.parent, 0o700, user)
    _directory(places.audit.parent, 0o750, user)
    text = render(places, secrets.token_urlsafe(SECRET_OCTETS), listen=listen)
    if user is not None and not system:
        text = re.sub(r"(?m)^#user: .*$", f"user: {user.pw_name}", text)
    with os.fdopen(create_private(path), "w", encoding="utf-8") as file:
        file.write(text)
        if user is not None and user.pw_uid != 0:
            os.fchown(file.fileno(), 0, user.pw_gid)
            os.fchmod(file.fileno(), 0o640)
    return path


def _key_and_database(settings: Settings) -> list[Path]:
    made = []
    file = settings.master_key.file
    if file is not None and not file.exists():
        key.make(settings)
        made.append(file)
    if not settings.database.exists():
        master = session.master_key(settings)
        become_owner(settings.database.parent)
        upgrade.upgrade(settings.database, master, SystemClock())
        made.append(settings.database)
    return made


def _user(directory: Path, system: bool) -> pwd.struct_passwd | None:
    """Whom root installs for: the system user, or elsewhere the owner of the directory. None for anyone but root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER) if system else pwd.getpwuid(_existing(directory).stat().st_uid)
    except KeyError:
        hint = (
            f"make it with: useradd --system --home-dir /var/lib/{SYSTEM_USER} --shell /usr/sbin/nologin {SYSTEM_USER}"
        )
        raise ConfigurationError(f"there is no user {SYSTEM_USER} on this host", hint) from None


def _existing(directory: Path) -> Path:
    return next(found for found in (directory, *directory.parents) if found.exists())


def _directory(directory: Path, mode: int, user: pwd.struct_passwd | None, *, writes: bool = True) -> None:
    """Make the directory for the user, who may write there or not; one that exists stays as it is."""
    if directory.exists():
        return
    directory.mkdir(mode=mode, parents=True)
    if user is not None:
        os.chown(directory, user.pw_uid if writes else 0, user.pw_gid)


def _named(chosen: Chosen) -> str:
    """The command, with its --config where the next one would not find it by itself."""
    known = os.environ.get("RADIUS_MFA_CONFIG") or str(DEFAULT_CONFIG)
    return "radius-mfa " if Path(known).absolute() == chosen.config else f"radius-mfa --config {chosen.config} "
