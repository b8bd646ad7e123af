"""`radius-mfa user import`: accounts from a CSV file, every wrong row named with its line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import Any

import click

from radius_mfa.auth.model import Mfa
from radius_mfa.cli import output, session
from radius_mfa.cli.configuration import new_name, settings_of
from radius_mfa.cli.root import Chosen, Command
from radius_mfa.errors import OperationFailed
from radius_mfa.mail.address import is_address
from radius_mfa.settings import Settings
from radius_mfa.store import accounts
from radius_mfa.store.accounts import Imported, NewAccount
from radius_mfa.store.database import Database

COLUMNS = ("name", "email", "groups", "language", "mfa", "password_hash")
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=(?P<m>[1-9][0-9]{0,6}),t=(?P<t>[1-9][0-9]?),p=(?P<p>[1-9][0-9]?)"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,64})\$(?P<hash>[A-Za-z0-9+/]{22,86})"
)
MOST_MEMORY, MOST_TIME, MOST_LANES = 65536, 10, 8
"""KiB, passes and lanes: a stored hash must not make a login dear."""


@dataclass(frozen=True, slots=True)
class Mistake(Exception):
    """What is wrong with a row, in words."""

    text: str


@click.command("import", cls=Command)
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Check the file and change nothing.")
@click.option("--skip-existing", is_flag=True, help="Leave out the accounts that are there already.")
@click.pass_obj
def import_file(chosen: Chosen, file: BufferedReader, dry_run: bool, skip_existing: bool) -> None:
    """Make the accounts of a CSV file, all of them or none.

    Its first line is the header name,email,groups,language,mfa,password_hash; only the name is required. Several
    groups are separated by a semicolon. A password hash is argon2id, in quotes since it has commas. A dash for FILE is
    standard input.
    """
    settings = settings_of(chosen)
    rows = read(file, settings)
    with session.opened(settings) as database:
        if dry_run:
            done = _tried(database, rows, skip_existing)
        else:
            done = accounts.import_accounts(database, rows, skip_existing=skip_existing)
    skipped = f", {done.skipped} skipped" if done.skipped else ""
    output.say(f"{output.count(done.added, 'account')} {'would be ' if dry_run else ''}added{skipped}")


def read(file: BufferedReader, settings: Settings) -> list[NewAccount]:
    """The accounts of the file. Prints FILE:LINE: for each wrong row and raises OperationFailed."""
    try:
        lines = file.read().decode("utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise OperationFailed(f"{file.name}: not UTF-8", "save the file as UTF-8") from error
    rows: dict[str, NewAccount] = {}
    wrong = 0
    for line, row in _table(lines, file.name):
        try:
            new = _account(row, settings)
            if new.name in rows:
                raise Mistake(f"{new.name} is in the file already")
            rows[new.name] = new
        except Mistake as mistake:
            wrong += 1
            click.echo(f"{file.name}:{line}: {output.plain(mistake.text)}", err=True)
    if wrong:
        raise OperationFailed(f"{output.count(wrong, 'row')} of {file.name} cannot be imported, nothing was changed")
    return list(rows.values())


def _table(lines: list[str], name: str) -> Iterator[tuple[int, dict[str | Any, str | Any]]]:
    """The line number and the fields of each row; OperationFailed when the header is not ours."""
    table = csv.DictReader(lines, strict=True)
    header = table.fieldnames or []
    unknown = [column for column in header if column not in COLUMNS]
    if unknown or "name" not in header or len(set(header)) != len(header):
        raise OperationFailed(f"{name}:1: the header is not {','.join(COLUMNS)}", "only the name is required")
    try:
        for row in table:
            yield table.line_num, row
    except csv.Error as error:
        raise OperationFailed(f"{name}:{table.line_num + 1}: {error}, nothing was changed") from error


def _account(row: dict[str | Any, str | Any], settings: Settings) -> NewAccount:
    """The account of a row. Raises Mistake."""
    if None in row or None in row.values():
        raise Mistake(f"{'more' if None in row else 'fewer'} fields than the header has")
    mail, mfa = row.get("email") or None, row.get("mfa") or Mfa.INHERIT.value
    if mail and not is_address(mail):
        raise Mistake(f"{mail!r} is not one plain mail address")
    if mfa not in set(Mfa):
        raise Mistake(f"mfa takes {', '.join(Mfa)}, not {mfa!r}")
    if row.get("language") not in {None, "", "en"}:
        raise Mistake(f"language takes en, not {row['language']!r}")
    groups = frozenset(group.strip() for group in (row.get("groups") or "").split(";")) - {""}
    bad = next((group for group in groups if not group.isprintable()), None)
    if bad:
        raise Mistake(f"{bad!r} is no name of a group")
    return NewAccount(
        _name(row["name"], settings),
        mail,
        groups,
        row.get("language") or None,
        Mfa(mfa),
        _hash(row.get("password_hash")),
    )


def _name(name: str, settings: Settings) -> str:
    try:
        return new_name(name, settings)
    except OperationFailed as error:
        raise Mistake(f"{error.message} ({error.hint})") from error


def _hash(text: str | None) -> str | None:
    """An argon2id hash (PHC string) that a login can afford, or none. The text itself is shown to nobody."""
    if not text:
        return None
    match = _HASH.fullmatch(text)
    if match is None or 1 in {len(match["salt"]) % 4, len(match["hash"]) % 4}:
        raise Mistake("password_hash is not $argon2id$v=19$m=...,t=...,p=...$salt$hash")
    memory, time, lanes = int(match["m"]), int(match["t"]), int(match["p"])
    if not (8 * lanes <= memory <= MOST_MEMORY and time <= MOST_TIME and lanes <= MOST_LANES):
        raise Mistake(f"password_hash costs too much: at most m={MOST_MEMORY},t={MOST_TIME},p={MOST_LANES}")
    return text


def _tried(database: Database, rows: list[NewAccount], skip_existing: bool) -> Imported:
    """What an import would do. Raises OperationFailed where it would."""
    taken = accounts.existing(database, (row.name for row in rows))
    if taken and not skip_existing:
        hint = "leave them out with: --skip-existing"
        raise OperationFailed(f"{len(taken)} of the accounts are there already, such as {min(taken)}", hint)
    return Imported(len(rows) - len(taken), len(taken))
