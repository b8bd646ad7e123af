"""`radius-mfa device`: trusted devices of an account."""

from __future__ import annotations

import click

from radius_mfa.cli import output, session
from radius_mfa.cli.root import Chosen, Group, json_option
from radius_mfa.store import devices
from radius_mfa.store.devices import DeviceRow

HEAD = ("ID", "KIND", "CLIENT", "LABEL", "MADE", "LAST USED", "EXPIRES")
ROW = click.IntRange(1, 2**63 - 1)


@click.group("device", cls=Group)
def command() -> None:
    """Show, name and end trusted devices."""


@command.command("list")
@click.argument("name")
@json_option()
@click.pass_obj
def list_devices(chosen: Chosen, name: str, as_json: bool) -> None:
    """Show the devices from which NAME logs in without a code."""
    with session.account(chosen, name) as (database, name):
        rows = devices.all_devices(database, name)
    if as_json:
        output.as_json([_json(row) for row in rows])
        return
    output.table(HEAD, map(_columns, rows), right=("ID",))


@command.command()
@click.argument("name")
@click.argument("number", metavar="ID", type=ROW)
@click.argument("label")
@click.pass_obj
def rename(chosen: Chosen, name: str, number: int, label: str) -> None:
    """Call the device ID of NAME by another LABEL; '' takes the label away."""
    with session.account(chosen, name) as (database, name):
        devices.rename(database, name, number, label)
    output.say(f"{name}: device {number} renamed")


@command.command()
@click.argument("name")
@click.argument("number", metavar="[ID]", type=ROW, required=False)
@click.pass_obj
def revoke(chosen: Chosen, name: str, number: int | None) -> None:
    """Ask for a code again on the device ID of NAME, or on all of them."""
    with session.account(chosen, name) as (database, name):
        if number is None:
            said = f"{output.count(devices.revoke_all(database, name), 'device')} revoked"
        else:
            devices.revoke(database, name, number)
            said = f"device {number} revoked"
    output.say(f"{name}: {said}")


def _columns(row: DeviceRow) -> tuple[object, ...]:
    times = (row.created, row.last_used, row.expires)
    return row.id, row.kind, row.client, row.label, *map(output.when, times)


def _json(row: DeviceRow) -> dict[str, object]:
    return {
        "id": row.id,
        "kind": row.kind,
        "client": row.client,
        "label": row.label,
        "made": output.iso(row.created),
        "last_used": output.iso(row.last_used),
        "expires": output.iso(row.expires),
    }
