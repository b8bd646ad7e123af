"""`radius-mfa user`: make accounts, look at them, change and end them."""

from __future__ import annotations

from typing import Any

import click

from radius_mfa.auth.model import Mfa
from radius_mfa.auth.tries import account_key
from radius_mfa.backends.local import hash_password
from radius_mfa.cli import ask, output, session
from radius_mfa.cli.configuration import new_name, settings_of
from radius_mfa.cli.root import Chosen, Group, json_option
from radius_mfa.cli.user_file import import_file
from radius_mfa.errors import OperationFailed, UsageError
from radius_mfa.mail.address import is_address
from radius_mfa.settings import Settings
from radius_mfa.settings.factors import Lockout
from radius_mfa.store import accounts
from radius_mfa.store.account_row import AccountRow
from radius_mfa.store.accounts import Changes, NewAccount
from radius_mfa.store.tries import AccountTries, tries_of

MFA = click.Choice([value.value for value in Mfa])
LANGUAGES = click.Choice(["en"])
GROUP_HELP = "A group of the account; once for each."
NO_ADDRESS = "(none)"
"""Stands where an address is missing: its owner cannot enrol, which a dash among dashes would hide."""
HEAD = ("NAME", "EMAIL", "GROUPS", "MFA", "TOKEN", "CODES", "STATE")


@click.group("user", cls=Group)
def command() -> None:
    """Make, change and end accounts."""


@command.command()
@click.argument("name")
@click.option("--email", required=True, metavar="ADDRESS", help="Where mail to the account goes.")
@click.option("--group", "groups", multiple=True, metavar="GROUP", help=GROUP_HELP)
@click.option("--mfa", type=MFA, default="inherit", show_default=True, help="Whether it owes a code.")
@click.option("--language", type=LANGUAGES, help="Of the texts for it.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")
@click.pass_obj
def add(
    chosen: Chosen, name: str, email: str, groups: tuple[str, ...], mfa: str, language: str | None, password_stdin: bool
) -> None:
    """Make the account NAME; its password is asked for twice."""
    settings = settings_of(chosen)
    new_name(name, settings)
    mail = address(email)
    with session.opened(settings) as database:
        if accounts.existing(database, [name]):
            raise OperationFailed(f"there is an account {name} already", f"change it with: radius-mfa user set {name}")
        hashed = hash_password(ask.new_password(password_stdin, name))
        accounts.add(database, NewAccount(name, mail, frozenset(groups), language, Mfa(mfa), hashed))
    output.say(f"{name}: added")


@command.command("set")
@click.argument("name")
@click.option("--email", metavar="ADDRESS", help="Where mail to the account goes; '' for nowhere.")
@click.option("--group", "groups", multiple=True, metavar="GROUP", help=f"{GROUP_HELP} Replaces all; '' for none.")
@click.option("--mfa", type=MFA, help="Whether it owes a code.")
@click.option("--language", type=LANGUAGES, help="Of the texts for it.")
@click.pass_obj
def change(
    chosen: Chosen, name: str, email: str | None, groups: tuple[str, ...], mfa: str | None, language: str | None
) -> None:
    """Change what is given of the account NAME. Logins that are under way start anew."""
    given = Changes(
        address(email) if email else email,
        frozenset(group for group in groups if group) if groups else None,
        language,
        Mfa(mfa) if mfa else None,
    )
    if given == Changes():
        raise UsageError("nothing to change is given", "radius-mfa user set --help")
    mails = settings_of(chosen).mail is not None
    with session.account(chosen, name) as (database, name):
        before = accounts.get(database, name).mail
        after = accounts.change(database, name, given, mails=mails).mail
    output.say(f"{name}: changed{_told(before, after) if mails else ''}")


@command.command("list")
@json_option()
@click.pass_obj
def list_accounts(chosen: Chosen, as_json: bool) -> None:
    """Show all accounts."""
    settings = settings_of(chosen)
    with session.opened(settings) as database:
        found = accounts.all_accounts(database)
        now = database.clock.now()
    lockout = settings.mfa.lockout
    if as_json:
        output.as_json([_json(row, lockout, now) for row in found])
        return
    output.table(HEAD, (_columns(row, lockout, now) for row in found), right=("CODES",))


@command.command()
@click.argument("name")
@json_option()
@click.pass_obj
def show(chosen: Chosen, name: str, as_json: bool) -> None:
    """Show the account NAME."""
    settings = settings_of(chosen)
    with session.account(chosen, name) as (database, name):
        row = accounts.get(database, name)
        now = database.clock.now()
    lockout, tries = settings.mfa.lockout, _tries(settings, row, now)
    if as_json:
        passwords = {"in_window": tries.wrong, "throttled_until": output.iso(tries.until)}
        output.as_json(_json(row, lockout, now) | {"wrong_passwords": passwords})
        return
    shown = dict(zip(map(str.lower, HEAD), _columns(row, lockout, now), strict=True))
    wrong = {
        "wrong codes": f"{row.failures} in a row, {row.window_failures} in the window",
        "wrong passwords": _wrong_passwords(tries),
    }
    more = {"language": row.language, "password": "set" if row.has_password else None}
    output.fields(shown | wrong | more | {"created": output.when(row.created), "changed": output.when(row.changed)})


@command.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")
@click.pass_obj
def password(chosen: Chosen, name: str, password_stdin: bool) -> None:
    """Set a new password for NAME, asked for twice."""
    with session.account(chosen, name) as (database, name):
        accounts.get(database, name)
        accounts.set_password_hash(database, name, hash_password(ask.new_password(password_stdin, name)))
    output.say(f"{name}: password changed")


@command.command()
@click.argument("name")
@click.pass_obj
def disable(chosen: Chosen, name: str) -> None:
    """Refuse every login of NAME until it is enabled again."""
    with session.account(chosen, name) as (database, name):
        accounts.disable(database, name)
    output.say(f"{name}: disabled")


@command.command()
@click.argument("name")
@click.pass_obj
def enable(chosen: Chosen, name: str) -> None:
    """Let NAME log in again."""
    with session.account(chosen, name) as (database, name):
        accounts.enable(database, name)
    output.say(f"{name}: enabled")


@command.command()
@click.argument("name")
@click.pass_obj
def unlock(chosen: Chosen, name: str) -> None:
    """Forget the wrong codes and passwords of NAME, and the lock they led to."""
    with session.account(chosen, name) as (database, name):
        accounts.unlock(database, name)
    output.say(f"{name}: unlocked")


@command.command()
@click.argument("name")
@click.pass_obj
def delete(chosen: Chosen, name: str) -> None:
    """End the account NAME with its authenticators and codes."""
    with session.account(chosen, name) as (database, name):
        accounts.delete(database, name)
    output.say(f"{name}: deleted")


command.add_command(import_file)


def address(text: str) -> str:
    """A mail address as it is stored. Raises OperationFailed."""
    if not is_address(text):
        raise OperationFailed(f"{text!r} is not one plain mail address", "such as alice@example.com")
    return text


def _tries(settings: Settings, row: AccountRow, at: float) -> AccountTries:
    """What the server has counted of wrong passwords of this account. Raises OSError."""
    from radius_mfa.daemon.rules import try_limits  # brings the wire: no other command here pays for it

    return tries_of(f"{settings.database}.shared", account_key(row.name, row.epoch), at, try_limits(settings))


def _wrong_passwords(tries: AccountTries) -> str:
    counted = f"{tries.wrong} in this window"
    return (
        f"{counted}; until {output.when(tries.until)} only places it is known from may try" if tries.until else counted
    )


def _told(before: str | None, after: str | None) -> str:
    """What to say of the notices about another address, if it is another one."""
    both = [which for which, address in (("old", before), ("new", after)) if address]
    return f", a mail to the {' and the '.join(both)} address is queued" if before != after else ""


def _state(row: AccountRow, lockout: Lockout, now: float) -> str:
    if row.disabled:
        return "disabled"
    why = _lock(row, lockout, now)
    return f"locked until {output.when(row.locked_until)} ({why})" if why else "enabled"


def _lock(row: AccountRow, lockout: Lockout, now: float) -> str | None:
    """Why the account is locked now. So many in a window lock until it is over, longer than those in a row mostly do.

    While it is locked nothing is counted, so that its counts still are those that locked it.
    """
    if row.locked_until <= now:
        return None
    if row.window_failures >= lockout.per_window:
        return f"{row.window_failures} wrong codes in a window"
    return f"{row.failures} wrong codes in a row"


def _token(row: AccountRow) -> str:
    counts = {"active": row.active_tokens, "pending": row.pending_tokens, "disabled": row.disabled_tokens}
    return ", ".join(f"{number} {status}" if number > 1 else status for status, number in counts.items() if number)


def _columns(row: AccountRow, lockout: Lockout, now: float) -> tuple[object, ...]:
    groups = "(unreadable)" if row.groups is None else " ".join(sorted(row.groups))
    return row.name, row.mail or NO_ADDRESS, groups, row.mfa, _token(row), row.recovery_left, _state(row, lockout, now)


def _json(row: AccountRow, lockout: Lockout, now: float) -> dict[str, Any]:
    return {
        "name": row.name,
        "email": row.mail,
        "groups": row.groups,
        "language": row.language,
        "mfa": row.mfa,
        "backend": row.backend,
        "password": row.has_password,
        "disabled": row.disabled,
        "locked_until": output.iso(row.locked_until),
        "locked_for": _lock(row, lockout, now),
        "wrong_codes": {"in_a_row": row.failures, "in_window": row.window_failures},
        "tokens": {"active": row.active_tokens, "pending": row.pending_tokens, "disabled": row.disabled_tokens},
        "recovery_codes": row.recovery_left,
        "devices": row.devices,
        "created": output.iso(row.created),
        "changed": output.iso(row.changed),
    }
