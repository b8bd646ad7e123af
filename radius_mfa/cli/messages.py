"""How the command line says what went wrong.

To standard error, `error: ...` and then `hint: ...`, lower case and without a full stop; a warning is `warning: ...`.
Standard output carries what was asked for and nothing else.
"""

from __future__ import annotations

import os
import sys
import traceback

import click

from radius_mfa.errors import AccessDenied, RadiusMfaError, SettingsError, where

TRACE = "RADIUS_MFA_TRACE"
"""Set in the environment, it shows where an unexpected error came from."""


def error(message: str, hint: str = "") -> None:
    """One `error:` line for each line of the message, then the hint if there is one."""
    for line in message.splitlines():
        _say("error", line)
    if hint:
        _say("hint", hint)


def warning(message: str, hint: str = "") -> None:
    """Something to know about that stops nothing."""
    _say("warning", message)
    if hint:
        _say("hint", hint)


def report(failure: RadiusMfaError) -> int:
    """Say what one of our own errors means; its exit status. Places in a settings file come as an editor takes them."""
    if isinstance(failure, SettingsError) and failure.problems:
        click.echo("\n".join(map(printable, failure.problems)), err=True)
        count = len(failure.problems)
        error(f"the configuration has {'a mistake' if count == 1 else f'{count} mistakes'}", failure.hint)
    else:
        error(failure.message, failure.hint)
    return failure.exit_code


def report_usage(failure: click.ClickException) -> int:
    """Say what is wrong with the command line, and which help tells more; its exit status."""
    if isinstance(failure, click.exceptions.NoArgsIsHelpError):
        click.echo(failure.format_message(), err=True)
        return failure.exit_code
    context = failure.ctx if isinstance(failure, click.UsageError) else None
    error(_plain(failure.format_message()), f"{context.command_path} --help" if context else "")
    return failure.exit_code


def report_system(failure: OSError) -> int:
    """Say what the operating system refused; the exit status."""
    cause = (failure.strerror or type(failure).__name__).lower()
    place = f"{os.fsdecode(failure.filename)}: " if isinstance(failure.filename, str | bytes) else ""
    if isinstance(failure, PermissionError):
        error(place + cause, "run it as root or as the owner of that file")
        return AccessDenied.exit_code
    error(place + cause)
    return 1


def report_unexpected(failure: BaseException) -> int:
    """Say that the program is at fault: type and place, never the text, which may quote a secret."""
    if os.environ.get(TRACE):
        traceback.print_exception(failure)
    error(f"fault of the program: {where(failure)}", f"{TRACE}=1 in the environment shows the whole trace")
    return 1


def _say(kind: str, text: str) -> None:
    click.echo(f"{click.style(f'{kind}:', bold=True)} {printable(text)}", err=True, color=colours(sys.stderr))


def printable(text: str) -> str:
    r"""The text on one line that cannot steer a terminal: what cannot be printed becomes \n, \x1b, \u2028."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def colours(stream: object) -> bool:
    """Whether to colour what goes to this stream: a terminal, and the user does not mind (https://no-color.org)."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def output_colours() -> bool:
    """Whether to colour standard output."""
    return colours(sys.stdout)


def _plain(message: str) -> str:
    """A message of click in our form: lower case at the start, no full stop at the end, one line."""
    text = " ".join(message.split()).rstrip(".")
    return text[:1].lower() + text[1:]
