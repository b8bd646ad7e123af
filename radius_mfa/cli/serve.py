"""`radius-mfa serve`: the daemon, in the foreground."""

from __future__ import annotations

import click

from radius_mfa.cli.root import Chosen, Command
from radius_mfa.daemon import serve


@click.command(cls=Command)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Answer RADIUS requests until SIGTERM; SIGHUP reads the configuration again.

    The log goes to standard error. The status is 78 when configuration, keys or database are not fit to start with:
    nothing is made or changed here.
    """
    ctx.exit(serve(ctx.ensure_object(Chosen).config))
