"""`radius-mfa demo`: a first login before your eyes, its mail and what follows, on this machine and without a trace."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import click

from radius_mfa.cli import output, throwaway
from radius_mfa.cli.root import Command
from radius_mfa.cli.throwaway import NAME, PASSWORD, Place, Server
from radius_mfa.cli.walkthrough import WIDTH, Walkthrough
from radius_mfa.errors import OperationFailed
from radius_mfa.radius.client import LoginClient


@click.command(cls=Command)
@click.option("--once", is_flag=True, help="End after the walk-through.")
def command(once: bool) -> None:
    """Show a first login and its mail: server, user, mailbox and client, made for this and removed at the end.

    After the walk-through the server goes on, for you to try by hand, until Ctrl-C. The status is 0 only if every step
    was as said.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    with throwaway.place() as place, throwaway.serving(place.config) as server:
        output.say(f"A RADIUS server on {server.host}:{server.port}, with one user, in a throw-away place.")
        with LoginClient(server.host, server.port, place.secret) as client:
            walk = Walkthrough(client, place)
            if not walk.run():
                raise OperationFailed(
                    "not every step was as it should be", "the steps marked wrong say what came instead"
                )
        output.say()
        output.say("Every step was as it should be.", bold=True)
        if once:
            return
        try:
            _go_on(place, server, walk.recovery_codes[1])
        except KeyboardInterrupt:
            output.say("\nStopped, and everything removed.")


def _go_on(place: Place, server: Server, recovery_code: str) -> None:
    """Say how to try it by hand, and show what the server logs until Ctrl-C."""
    where, secret = f"{server.host}:{server.port}", place.secret.decode("ascii")
    lines = [
        "",
        "The server goes on until Ctrl-C. Try it from another terminal:",
        "",
        *_folded(_program(), "test", NAME, PASSWORD, where, "0", secret),
        *_folded("radtest", NAME, PASSWORD, where, "0", secret),
        "",
        "The code is the one of the app that scanned the picture, or a recovery code",
        f"such as {recovery_code}. Every mail is a file in",
        "",
        f"  {place.mailbox}",
        "",
        "What was decided, and why:",
        "",
        *_folded(_program(), "--config", str(place.config), "audit"),
        "",
    ]
    for line in lines:
        output.say(line)
    sys.stdout.flush()
    for line in server.log:
        output.say(output.plain(line.rstrip()), dim=True)
    raise OperationFailed("the server has ended by itself")


def _folded(*words: str) -> list[str]:
    """A command line to copy, folded for the shell where it would be wider than the terminal."""
    lines = ["  "]
    for word in words:
        if len(lines[-1]) + len(word) > WIDTH - len(" \\"):
            lines[-1] += "\\"
            lines.append("    ")
        lines[-1] += f"{word} "
    return [line.rstrip() for line in lines]


def _program() -> str:
    """The command as it can be typed here: by its name if the shell finds it, else by the path it was started with."""
    name = Path(sys.argv[0]).name
    found = shutil.which(name)
    return name if found and Path(found).samefile(sys.argv[0]) else sys.argv[0]


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)
