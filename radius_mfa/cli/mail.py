"""`radius-mfa mail`: what users get, whether it leaves, and what is on its way."""

from __future__ import annotations

import secrets
import sys
from dataclasses import replace

import click

from radius_mfa.auth.notices import KINDS, Facts, Invitation, Test
from radius_mfa.cli import output
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.mail_queue import queue, retry
from radius_mfa.cli.root import Chosen, Group, only_one
from radius_mfa.clock import SystemClock
from radius_mfa.daemon.mail import delivery, letterhead, section, wording
from radius_mfa.daemon.rules import enrolment
from radius_mfa.mail import message
from radius_mfa.mail.letterhead import plain
from radius_mfa.mail.samples import AT, SAMPLES
from radius_mfa.settings import Settings, read_secrets
from radius_mfa.settings.doors import FileTransport, Transport
from radius_mfa.store.files import become_owner

READER = "alice@example.com"
"""Whom a preview is written to."""
_COLOURS = {"C": "cyan", "-": "yellow"}


@click.group("mail", cls=Group)
def command() -> None:
    """Look at mail to users, try it, and see what became of it."""


@command.command()
@click.argument("name", metavar="NAME", type=click.Choice(list(KINDS)))
@click.option("--html", is_flag=True, help="The HTML, with the picture in it: for a browser.")
@click.option("--text", is_flag=True, help="Subject and text. [default]")
@click.option("--eml", is_flag=True, help="The whole message, for a mail program.")
@click.pass_obj
def preview(chosen: Chosen, name: str, html: bool, text: bool, eml: bool) -> None:
    """Show what a user would get.

    The facts are invented; nothing is sent and nothing changed. NAME is a mail: invitation, activated, reset,
    address-changed, code-used, new-device, changed or test.
    """
    part = only_one(html=html, text=text, eml=eml)
    settings = settings_of(chosen)
    facts = sample(name, settings)
    if part == "eml":
        sys.stdout.buffer.write(_letter(facts, READER, AT, settings, own=name).content)
        return
    shown = message.preview(facts, letterhead(settings), wording(settings))
    if part == "html":
        click.echo(_harmless(shown.html), nl=False)
        return
    sender = letterhead(settings).address
    for line in (f"From: {sender}", f"To: {READER}", f"Subject: {shown.subject}", ""):
        click.echo(_harmless(line))
    click.echo(_harmless(shown.text), nl=False)


@command.command()
@click.argument("address")
@click.pass_obj
def test(chosen: Chosen, address: str) -> None:
    """Send a test mail to ADDRESS now.

    The conversation with the mail server is shown as it goes, without password and mail. The status is 1 when the mail
    did not leave.
    """
    settings = settings_of(chosen)
    now, own = SystemClock().now(), secrets.token_hex(16)
    sending = delivery(settings, read_secrets(settings), _overheard)
    letter = _letter(Test(at=now), address, now, settings, own=own)
    become_owner(settings.database.parent)  # where the server cannot write, a test must not either
    sending.deliver(letter)
    output.say(f"ok: {_arrival(section(settings).transport, own)}", fg="green")


command.add_command(queue)
command.add_command(retry)


def sample(kind: str, settings: Settings) -> Facts:
    """A mail of this kind with invented facts; an invitation is as this installation sends them."""
    own = enrolment(settings)
    samples = (one for one in SAMPLES if one.kind == kind)
    facts = next(one for one in samples if not isinstance(one, Invitation) or one.mode == own.content)
    if not isinstance(facts, Invitation):
        return facts
    return replace(
        facts,
        ends=AT + own.expires,
        digits=own.digits,
        period=own.period,
        algorithm=own.algorithm.value,
    )


def _letter(facts: Facts, to: str, date: float, settings: Settings, *, own: str) -> message.Letter:
    head = letterhead(settings)
    unique = message.message_id(own, head.address.addr_spec)
    return message.compose(facts, to=to, message_id=unique, date=date, letterhead=head, wording=wording(settings))


def _arrival(transport: Transport, own: str) -> str:
    if isinstance(transport, FileTransport):
        return f"written to {transport.directory / own}.eml"
    return f"{transport.host}:{transport.port} has taken the mail"


def _overheard(line: str) -> None:
    output.say(line, fg=_COLOURS.get(line[:1]))


def _harmless(text: str) -> str:
    """The text as it is but for what could steer a terminal: templates may hold anything."""
    return plain(text, keep="\n\t")
