"""`radius-mfa client`: who may send requests, and how that went."""

from __future__ import annotations

from dataclasses import dataclass

import click

from radius_mfa.cli import output
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Group, json_option
from radius_mfa.settings import Settings, effective
from radius_mfa.store.shared import ClientActivity, read_clients

HEAD = ("CLIENT", "ADDRESS", "DIALOGUE", "LAST SEEN", "DROPS", "LAST DROP", "WHY")
OTHERS = "(others)"


@dataclass(frozen=True, slots=True)
class Row:
    """A client of the configuration and what the server has seen of it; without a name, all who are no client."""

    name: str | None
    address: str | None
    dialogue: str | None
    activity: ClientActivity


@click.group("client", cls=Group)
def command() -> None:
    """Look at the RADIUS clients of the configuration."""


@command.command("list")
@json_option()
@click.pass_obj
def list_clients(chosen: Chosen, as_json: bool) -> None:
    """Show when each client was last heard, what of it was dropped, and why.

    The last line counts those who are no client.
    """
    rows = rows_of(settings_of(chosen))
    if as_json:
        output.as_json([_json(row) for row in rows])
        return
    output.table(HEAD, map(_columns, rows), right=("DROPS",))


def rows_of(settings: Settings) -> list[Row]:
    """The clients in the order of the file, and the row of the others."""
    found = {activity.shortname: activity for activity in read_clients(f"{settings.database}.shared")}
    rows = [
        Row(client["shortname"], client["ipaddr"], client["dialogue"], _activity(found, client["shortname"]))
        for client in effective(settings)["clients"]
    ]
    return [*rows, Row(None, None, None, _activity(found, ""))]


def _activity(found: dict[str, ClientActivity], name: str) -> ClientActivity:
    return found.get(name, ClientActivity(name))


def _columns(row: Row) -> tuple[object, ...]:
    seen = row.activity
    drops = (seen.drops, output.when(seen.last_drop), seen.reason)
    return row.name or OTHERS, row.address, row.dialogue, output.when(seen.last_seen), *drops


def _json(row: Row) -> dict[str, object]:
    seen = row.activity
    return {
        "shortname": row.name,
        "ipaddr": row.address,
        "dialogue": row.dialogue,
        "last_seen": output.iso(seen.last_seen),
        "drops": seen.drops,
        "last_drop": output.iso(seen.last_drop),
        "last_drop_reason": seen.reason or None,
    }
