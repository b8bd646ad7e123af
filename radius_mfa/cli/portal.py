"""`radius-mfa portal`: the web pages of users and the API of admins, in the foreground."""

from __future__ import annotations

import click

from radius_mfa.cli.root import Chosen, Command


@click.command(cls=Command)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Serve the portal until SIGTERM, beside `radius-mfa serve`.

    The log goes to standard error. The status is 78 when configuration, keys or database are not fit to start with.
    """
    from radius_mfa.daemon.portal import run

    run(ctx.ensure_object(Chosen).config)
