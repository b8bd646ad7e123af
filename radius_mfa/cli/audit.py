"""`radius-mfa audit`: what was decided, newest last."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import click

from radius_mfa.audit_trail import records
from radius_mfa.cli import output
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Command, json_option

HEAD = ("TIME", "ACCOUNT", "CLIENT", "RESULT", "REASON", "METHOD", "SOURCE")


@click.command(cls=Command)
@click.option("--account", metavar="NAME", help="Only what concerns this account.")
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="At most so many.")
@json_option()
@click.pass_obj
def command(chosen: Chosen, account: str | None, last: int, as_json: bool) -> None:
    """Show the last decisions, and why each fell.

    The file is audit.file of the configuration, and the one it was rotated to.
    """
    path = settings_of(chosen).audit.file
    found = list(islice(records(path, account), last))[::-1]
    if as_json:
        for record in found:
            click.echo(json.dumps(record))
        return
    output.table(HEAD, (_row(record) for record in found))


def _row(record: dict[str, Any]) -> tuple[object, ...]:
    time = str(record.get("time", ""))[:19].replace("T", " ") + "Z"
    result = record.get("result") or record.get("event")
    before, after = ("account", "client"), ("reason", "method", "source")
    return (time, *map(record.get, before), result, *map(record.get, after))
