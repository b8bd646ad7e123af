"""`radius-mfa completion SHELL`: what makes a shell complete this command."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from radius_mfa.cli.root import Command, root


@click.command(cls=Command)
@click.argument("shell", metavar="SHELL", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what makes SHELL (bash, zsh, fish) complete this command.

    For this session: source <(radius-mfa completion bash)
    """
    completion = get_completion_class(shell)
    assert completion is not None  # noqa: S101 - the choice lists what click has
    click.echo(completion(root, {}, "radius-mfa", "_RADIUS_MFA_COMPLETE").source())
