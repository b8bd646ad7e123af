"""`radius-mfa token`: authenticators of an account, from the QR code to the end."""

from __future__ import annotations

import base64
from typing import Literal

import click
import pyotp

from radius_mfa.auth import credential, otp
from radius_mfa.auth.model import Algorithm, Token
from radius_mfa.cli import messages, output, qr, session
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Group, json_option, only_one
from radius_mfa.errors import OperationFailed, UsageError
from radius_mfa.mail import otpauth
from radius_mfa.settings import Settings
from radius_mfa.settings.scalars import duration_text
from radius_mfa.store import accounts, tokens
from radius_mfa.store.database import Database
from radius_mfa.store.mailing import SECRET_SIZE
from radius_mfa.store.tokens import NewToken, TokenRow

KEY_CHARACTERS = SECRET_SIZE * 8 // 5
"""Base32 characters of a new secret."""
HEAD = ("KIND", "STATUS", "DIGITS", "PERIOD", "DRIFT", "MADE", "EXPIRES")


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
    output.table(HEAD, (_columns(row, now) for row in rows), right=("DIGITS", "PERIOD", "DRIFT"))


@command.command()
@click.argument("name")
@click.argument("code")
@click.pass_obj
def confirm(chosen: Chosen, name: str, code: str) -> None:
    """Make the pending authenticator of NAME active with CODE, the one it shows now."""
    settings = settings_of(chosen)
    with session.account(chosen, name) as (database, name):
        pending = tokens.pending(database, name)
        found = _match(pending, code, database.clock.now(), settings)
        mails = settings.mail is not None
        tokens.confirm(database, name, pending.id, step=found.step, drift=found.drift, mails=mails)
        told = _told(database, name, settings)
    output.say(f"{name}: the authenticator is active{told}")


@command.command()
@click.argument("name")
@click.pass_obj
def disable(chosen: Chosen, name: str) -> None:
    """Refuse the codes of NAME until they are enabled again."""
    with session.account(chosen, name) as (database, name):
        output.say(f"{name}: {output.count(tokens.disable(database, name), 'authenticator')} disabled")


@command.command()
@click.argument("name")
@click.pass_obj
def enable(chosen: Chosen, name: str) -> None:
    """Take the codes of NAME again."""
    with session.account(chosen, name) as (database, name):
        output.say(f"{name}: {output.count(tokens.enable(database, name), 'authenticator')} enabled")


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


def _make(
    database: Database, name: str, key: str, settings: Settings, content: Literal["qr", "key"] | None = None
) -> None:
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


def _match(token: Token, code: str, now: float, settings: Settings) -> otp.Match:
    """The step that gives the code. Raises UsageError and OperationFailed."""
    digits = credential.otp_code(code.encode("utf-8", "surrogateescape").replace(b" ", b""), token.digits)
    if digits is None:
        raise UsageError(f"a code of this authenticator has {token.digits} digits")
    found = otp.match([token], digits, now, settings.mfa.totp.window, settings.mfa.hotp.look_ahead)
    if found is not None and found.step > token.last_step:
        return found
    if otp.find_skew([token], digits, now).skew is otp.Skew.SKEWED:
        raise OperationFailed("the code belongs to another time", "set the clocks of the phone and of this host")
    raise OperationFailed("the code is wrong", "take the one that the app shows now")


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
    drift = f"{row.drift * row.period:+}s" if row.drift else "0s"
    status = "expired" if expired else row.status
    return row.kind, status, row.digits, f"{row.period}s", drift, output.when(row.created), output.when(row.expires)


def _json(row: TokenRow) -> dict[str, object]:
    return {
        "kind": row.kind,
        "status": row.status,
        "digits": row.digits,
        "algorithm": row.algorithm,
        "period": row.period,
        "drift": row.drift * row.period,
        "made": output.iso(row.created),
        "expires": output.iso(row.expires),
    }
