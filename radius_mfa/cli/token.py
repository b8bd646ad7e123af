"""`radius-mfa token`: authenticators of an account, from the QR code to the end."""

from __future__ import annotations

import base64

import click
import pyotp

from radius_mfa.auth.model import Algorithm, TokenKind
from radius_mfa.auth.notices import Content
from radius_mfa.cli import messages, output, qr, session, token_codes
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Group, json_option, only_one
from radius_mfa.cli.token_import import import_file
from radius_mfa.mail import otpauth
from radius_mfa.settings import Settings
from radius_mfa.settings.scalars import duration_text
from radius_mfa.store import accounts, tokens
from radius_mfa.store.database import Database
from radius_mfa.store.mailing import SECRET_SIZE
from radius_mfa.store.tokens import NewToken, TokenRow

KEY_CHARACTERS = SECRET_SIZE * 8 // 5
"""Base32 characters of a new secret."""
HEAD = ("ID", "KIND", "STATUS", "DIGITS", "PERIOD", "DRIFT", "MADE", "EXPIRES")


@click.group("token", cls=Group)
def command() -> None:
    """Enrol, confirm, show and end authenticators."""


@command.command()
@click.argument("name")
@click.option("--uri", is_flag=True, help="Print the otpauth:// address alone.")
@click.option("--qr", "picture", is_flag=True, help="Print the QR code alone.")
@click.option("--mail", is_flag=True, help="Show nothing: send it to its owner, with the steps.")
@click.pass_obj
def enroll(chosen: Chosen, name: str, uri: bool, picture: bool, mail: bool) -> None:
    """Make a pending authenticator for NAME and show it, this once.

    It becomes active with its first code: at a login, or with `token confirm`. One that was pending before ends.
    """
    only = only_one(uri=uri, qr=picture, mail=mail)
    settings = settings_of(chosen)
    key = pyotp.random_base32(KEY_CHARACTERS)
    if only == "mail":
        _invite(chosen, name, key, settings)
        return
    with session.account(chosen, name) as (database, name):
        shown = uri_of(key, name, settings)
        _make(database, name, key, settings)
    if only == "uri":
        click.echo(shown)
    elif only == "qr":
        _draw(shown)
    else:
        _present(name, key, shown, duration_text(settings.enrollment.expires))


@command.command("list")
@click.argument("name")
@json_option()
@click.pass_obj
def list_tokens(chosen: Chosen, name: str, as_json: bool) -> None:
    """Show the authenticators of NAME, without their secrets."""
    with session.account(chosen, name) as (database, name):
        rows = tokens.all_tokens(database, name)
        now = database.clock.now()
    if as_json:
        output.as_json([_json(row) for row in rows])
        return
    labels = [row.label for row in rows]
    head = (*HEAD, "LABEL") if any(labels) else HEAD
    lines = ((*_columns(row, now), row.label)[: len(head)] for row in rows)
    output.table(head, lines, right=("ID", "DIGITS", "PERIOD", "DRIFT"))


@command.command()
@click.argument("name")
@click.argument("code")
@click.pass_obj
def confirm(chosen: Chosen, name: str, code: str) -> None:
    """Make the pending authenticator of NAME active with CODE, the one it shows now."""
    settings = settings_of(chosen)
    with session.account(chosen, name) as (database, name):
        pending = tokens.pending(database, name)
        found = token_codes.first_step(pending, code, database.clock.now(), settings)
        mails = settings.mail is not None
        tokens.confirm(database, name, pending.id, step=found.step, drift=found.drift, mails=mails)
        told = _told(database, name, settings)
    output.say(f"{name}: the authenticator is active{told}")


@command.command()
@click.argument("name")
@click.argument("first", metavar="CODE")
@click.argument("second", metavar="CODE")
@click.pass_obj
def resync(chosen: Chosen, name: str, first: str, second: str) -> None:
    """Find where an authenticator of NAME stands, by two codes that it shows one after the other."""
    with session.account(chosen, name) as (database, name):
        found = token_codes.place(tokens.active(database, name), (first, second), database.clock.now())
        tokens.resync(database, name, found.token.id, step=found.step, drift=found.drift)
    hotp = found.token.kind is TokenKind.HOTP
    where = f"counter {found.step}" if hotp else f"{_drift(found.drift, found.token.period)} off"
    output.say(f"{name}: authenticator {found.token.id} is in step again, {where}")


@command.command()
@click.argument("name")
@click.argument("token_id", metavar="[ID]", type=int, required=False)
@click.pass_obj
def disable(chosen: Chosen, name: str, token_id: int | None) -> None:
    """Refuse the codes of NAME, or of one authenticator, until they are enabled again. Trusted devices end."""
    with session.account(chosen, name) as (database, name):
        output.say(f"{name}: {output.count(tokens.disable(database, name, token_id), 'authenticator')} disabled")


@command.command()
@click.argument("name")
@click.argument("token_id", metavar="[ID]", type=int, required=False)
@click.pass_obj
def enable(chosen: Chosen, name: str, token_id: int | None) -> None:
    """Take the codes of NAME, or of one authenticator, again. Trusted devices end."""
    with session.account(chosen, name) as (database, name):
        output.say(f"{name}: {output.count(tokens.enable(database, name, token_id), 'authenticator')} enabled")


@command.command()
@click.argument("name")
@click.pass_obj
def reset(chosen: Chosen, name: str) -> None:
    """End every authenticator, recovery code and trusted device of NAME, and forget its wrong codes."""
    settings = settings_of(chosen)
    with session.account(chosen, name) as (database, name):
        ended = tokens.reset(database, name, mails=settings.mail is not None)
        told = _told(database, name, settings)
    parts = {"authenticator": ended.tokens, "recovery code": ended.recovery_codes, "device": ended.devices}
    output.say(f"{name}: {', '.join(output.count(number, thing) for thing, number in parts.items())} ended{told}")


command.add_command(import_file)


def new_token(key: str, settings: Settings) -> NewToken:
    """A TOTP token of this base32 key, as mfa.totp says."""
    totp = settings.mfa.totp
    return NewToken(
        base64.b32decode(key), digits=totp.digits, algorithm=Algorithm(totp.algorithm), period=int(totp.period)
    )


def uri_of(key: str, name: str, settings: Settings) -> str:
    """The otpauth:// address that an authenticator app takes. Raises OperationFailed for a name no app can show."""
    totp = settings.mfa.totp
    return otpauth.uri(
        key, name, settings.issuer, digits=totp.digits, period=int(totp.period), algorithm=totp.algorithm
    )


def _make(database: Database, name: str, key: str, settings: Settings, content: Content | None = None) -> None:
    expires = database.clock.now() + settings.enrollment.expires
    tokens.enroll(database, name, new_token(key, settings), expires=expires, content=content)


def _invite(chosen: Chosen, name: str, key: str, settings: Settings) -> None:
    from radius_mfa.daemon.mail import section  # brings templates and SMTP: no other command here pays for them
    from radius_mfa.daemon.rules import enrolment

    section(settings)  # without one the invitation would wait for ever
    with session.account(chosen, name) as (database, name):
        _make(database, name, key, settings, enrolment(settings).content)
        to = accounts.get(database, name).mail
    lifetime = duration_text(settings.enrollment.expires)
    output.say(f"{name}: an invitation to {to} is queued. It waits {lifetime} for the first code.")


def _told(database: Database, name: str, settings: Settings) -> str:
    """What to say of the notice that goes to the owner, if one does."""
    mailed = settings.mail is not None and accounts.get(database, name).mail is not None
    return ", a mail to its owner is queued" if mailed else ""


def _present(name: str, key: str, uri: str, lifetime: str) -> None:
    output.say(f"{name}: scan this with an authenticator app. It waits {lifetime} for its first code.")
    output.say()
    _draw(uri)
    output.say()
    output.say(f"Or type the key  {otpauth.grouped(key)}")
    output.say(f"Or open          {uri}")
    output.say()
    output.say(f"The first login with a code makes it active, or: radius-mfa token confirm {name} CODE")


def _draw(uri: str) -> None:
    for line in qr.draw(uri, messages.output_colours()):
        output.say(line)


def _columns(row: TokenRow, now: float) -> tuple[object, ...]:
    expired = row.expires is not None and row.expires <= now
    status = "expired" if expired else row.status
    period, drift = f"{row.period}s", _drift(row.drift, row.period)
    times = output.when(row.created), output.when(row.expires)
    return row.id, row.kind, status, row.digits, period, drift, *times


def _drift(steps: int, period: int) -> str:
    return f"{steps * period:+}s" if steps else "0s"


def _json(row: TokenRow) -> dict[str, object]:
    return {
        "id": row.id,
        "kind": row.kind,
        "status": row.status,
        "digits": row.digits,
        "algorithm": row.algorithm,
        "period": row.period,
        "drift": row.drift * row.period,
        "label": row.label or None,
        "made": output.iso(row.created),
        "expires": output.iso(row.expires),
    }
