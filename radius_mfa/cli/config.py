"""`radius-mfa config`: what the configuration says, and whether it is right."""

from __future__ import annotations

import click
import yaml

from radius_mfa.cli import messages, output
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Group, json_option
from radius_mfa.daemon.mail import check_mail
from radius_mfa.settings import effective, json_schema, no_effect, read_secrets, warnings


@click.group("config", cls=Group)
def command() -> None:
    """Check and show the configuration."""


@command.command()
@json_option()
@click.pass_obj
def check(chosen: Chosen, as_json: bool) -> None:
    """Say every mistake, then what weakens logins, then what has no effect in this version.

    That goes for the mail templates too.

    The status is 78 when there is a mistake, and 0 when there is none.
    """
    settings = settings_of(chosen)
    secrets = read_secrets(settings)
    weak = [*warnings(settings, secrets), *(check_mail(settings, secrets) if settings.mail else [])]
    idle = no_effect(settings)
    if as_json:
        output.as_json({"file": chosen.config, "warnings": weak, "no_effect": idle})
        return
    for line in [*weak, *idle]:
        messages.warning(line)
    click.echo(f"{chosen.config} is right: {output.count(len(settings.clients), 'client')}")


@command.command()
@json_option()
@click.pass_obj
def show(chosen: Chosen, as_json: bool) -> None:
    """Print every value in effect, defaults included. Secrets are masked."""
    values = effective(settings_of(chosen))
    if as_json:
        output.as_json(values)
    else:
        click.echo(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100), nl=False)


@command.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    output.as_json(json_schema())
