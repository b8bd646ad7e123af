"""The root of the command line: which commands there are, and in which file each one lives."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from radius_mfa import __version__
from radius_mfa.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

DEFAULT_CONFIG = Path("/etc/radius-mfa/radius-mfa.yaml")

COMMANDS = {
    "init": "make key, database and configuration",
    "serve": "answer RADIUS requests",
    "portal": "the web pages where users look after their second factor",
    "demo": "a whole login on this machine, in a throw-away place",
    "config": "check and show the configuration",
    "key": "make and change the master key",
    "db": "look after the database",
    "user": "accounts",
    "client": "RADIUS clients",
    "token": "authenticators of an account",
    "codes": "recovery codes of an account",
    "device": "trusted devices of an account",
    "mail": "mail to users",
    "api-token": "tokens of the admin API",
    "test": "log in as a RADIUS client does",
    "explain": "what a login would come to, and why",
    "audit": "what was decided, and why",
    "pam-check": "check passwords of this host for the server",
    "completion": "print what makes a shell complete this command",
}
"""Every command with its summary; `NAME` is `command` in the module of that name beside this one."""


@dataclass
class Chosen:
    """What the global options chose: every command gets it as its context object."""

    config: Path = DEFAULT_CONFIG


class Command(click.Command):
    """A command that takes the global options too, behind its name."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), _CONFIG]


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type


class Root(Group):
    """Loads the module of a command when that command is asked for: `--help` pays for none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = _load(f"radius_mfa.cli.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)  # noqa: S101 - ours, and tests load every one
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=COMMANDS[name]) for name in COMMANDS if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def _load(name: str) -> ModuleType:
    """A module with all it needs. Modules stay: to look for garbage among them takes a third of a short command."""
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


def config_option(envvar: str | None = None) -> click.Option:
    """The global `--config`, which every command takes before and behind its name."""

    def choose(ctx: click.Context, _option: click.Parameter, value: Path | None) -> None:
        if value is not None:
            ctx.ensure_object(Chosen).config = value

    return click.Option(
        ["--config"],
        type=click.Path(path_type=Path),
        metavar="FILE",
        envvar=envvar,
        callback=choose,
        expose_value=False,
        help=f"The configuration, also as RADIUS_MFA_CONFIG. [default: {DEFAULT_CONFIG}]",
    )


_CONFIG = config_option()


def json_option() -> Callable[[Any], Any]:
    """The `--json` of a command that reads."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def only_one(**flags: bool) -> str | None:
    """The flag that was given, if one was. Raises UsageError where there are several."""
    given = [name for name, is_given in flags.items() if is_given]
    if len(given) > 1:
        raise UsageError(f"--{given[0]} and --{given[1]} do not go together", "give one of them")
    return given[0] if given else None


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def root(ctx: click.Context) -> None:
    """A RADIUS server that asks for a second factor."""
    ctx.ensure_object(Chosen)


root.params.append(config_option("RADIUS_MFA_CONFIG"))
