"""`radius-mfa api-token`: what lets the pages of a PBX use the admin API."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import click

from radius_mfa.cli import output, session
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Group, json_option
from radius_mfa.errors import UsageError
from radius_mfa.settings.scalars import duration_text, seconds
from radius_mfa.store import api_tokens
from radius_mfa.store.api_tokens import ApiToken, Scope

HEAD = ("NAME", "SCOPES", "MADE", "EXPIRES")


@click.group("api-token", cls=Group)
def command() -> None:
    """Make, show and end tokens of the admin API."""


@command.command()
@click.argument("name")
@click.option(
    "--scope", "given", multiple=True, required=True, metavar="SCOPE,...", help="What it may do; at least one."
)
@click.option("--expires", metavar="TIME", help=f"How long it lives. [default: {duration_text(api_tokens.LIFETIME)}]")
@click.pass_obj
def create(chosen: Chosen, name: str, given: tuple[str, ...], expires: str | None) -> None:
    """Make a token called NAME and show it, this once.

    NAME stands in the audit where something was changed with it. Scopes are users:read, users:write, mfa, codes:read,
    codes:write, devices:read and devices:write.
    """
    scopes = {_scope(word.strip()) for words in given for word in words.split(",")}
    lifetime = api_tokens.LIFETIME if expires is None else _lifetime(expires)
    with session.opened(settings_of(chosen)) as database:
        token = api_tokens.make(database, name, scopes, lifetime)
    output.say(f"{name}: {_list(scopes)}, for {duration_text(lifetime)}. It is shown this once.\n")
    output.say(f"  {token}")


@command.command("list")
@json_option()
@click.pass_obj
def list_tokens(chosen: Chosen, as_json: bool) -> None:
    """Show all tokens, without what one could use them by."""
    with session.opened(settings_of(chosen)) as database:
        rows = api_tokens.all_tokens(database)
        now = database.clock.now()
    if as_json:
        output.as_json([_json(row, now) for row in rows])
        return
    output.table(HEAD, (_columns(row, now) for row in rows))


@command.command()
@click.argument("name")
@click.pass_obj
def revoke(chosen: Chosen, name: str) -> None:
    """End the token NAME, from the next request on."""
    with session.opened(settings_of(chosen)) as database:
        api_tokens.revoke(database, name)
    output.say(f"{name}: revoked")


def _scope(word: str) -> Scope:
    if word in set(Scope):
        return Scope(word)
    near = get_close_matches(word.lower(), list(Scope), 1)
    raise UsageError(f"{word!r} is no scope", f"did you mean {near[0]}?" if near else f"use {_list(Scope)}")


def _lifetime(text: str) -> float:
    try:
        lifetime = seconds(text)
    except ValueError:
        lifetime = 0.0
    if not 0 < lifetime <= api_tokens.MOST:
        most = duration_text(api_tokens.MOST)
        raise UsageError(f"{text!r} is no time to live", f"such as 30d or 365d, at most {most}")
    return lifetime


def _list(scopes: Iterable[Scope]) -> str:
    """In the order of the enumeration."""
    given = set(scopes)
    return ", ".join(scope for scope in Scope if scope in given)


def _columns(row: ApiToken, now: float) -> tuple[object, ...]:
    expired = " (expired)" if row.expires <= now else ""
    return row.name, _list(row.scopes), output.when(row.created), f"{output.when(row.expires)}{expired}"


def _json(row: ApiToken, now: float) -> dict[str, object]:
    return {
        "name": row.name,
        "scopes": row.scopes,
        "made": output.iso(row.created),
        "expires": output.iso(row.expires),
        "expired": row.expires <= now,
    }
