"""The command `radius-mfa`. `main` is the only place that turns an error into a message and an exit status."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import click

from radius_mfa.cli import messages
from radius_mfa.cli.root import root
from radius_mfa.errors import RadiusMfaError

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; its exit status. Whatever goes wrong becomes `error:` and `hint:`, never a trace."""
    try:
        status = root.main(argv, prog_name="radius-mfa", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the last net, and it reports
        return _failed(error)
    return status if isinstance(status, int) else 0


def _failed(error: BaseException) -> int:
    match error:
        case SystemExit():
            return error.code if isinstance(error.code, int) else 1
        case KeyboardInterrupt() | click.Abort():
            return INTERRUPTED
        case BrokenPipeError():
            _close_output()
            return 1
        case RadiusMfaError():
            return messages.report(error)
        case click.ClickException():
            return messages.report_usage(error)
        case OSError():
            if error.filename is None:
                _close_output()  # it may be the output itself that could not be written
            return messages.report_system(error)
    return messages.report_unexpected(error)


def _close_output() -> None:
    """What is still buffered goes nowhere, without a word at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
