"""`radius-mfa pam-check`: the process that checks passwords of this host."""

from __future__ import annotations

import logging
import pwd

import click

from radius_mfa import log as logs
from radius_mfa.backends.pam_check import PamCheck
from radius_mfa.backends.pam_stack import check_stack
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Command
from radius_mfa.clock import SystemClock
from radius_mfa.errors import ConfigurationError, Unavailable
from radius_mfa.local_socket import listen
from radius_mfa.settings import Settings

log = logging.getLogger(__name__)


@click.command(cls=Command)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Check passwords of this host for the server, through PAM, until SIGTERM.

    It listens on passwords.helper, and answers root and the user that the server runs as. The service manager starts
    it with that socket; without one it makes the socket itself. The log goes to standard error.
    """
    settings = settings_of(ctx.ensure_object(Chosen))
    logs.configure(settings.log.format, settings.log.level)
    owner = _uid(settings.user)
    with listen(settings.passwords.helper, owner) as listener:
        _try_stacks(settings)
        PamCheck(listener, {0, owner}, SystemClock()).run()


def _uid(user: str) -> int:
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        hint = f"make it with: useradd --system {user}, or set another user"
        raise ConfigurationError(f"user: there is no user {user} on this host", hint) from None


def _try_stacks(settings: Settings) -> None:
    """Say at start what every check would say. It can be mended while this process runs."""
    for backend in settings.passwords.backends:
        if backend.type == "pam":
            try:
                check_stack(backend.service)
            except Unavailable as fault:
                log.error("%s; hint: %s", fault.message, fault.hint)
