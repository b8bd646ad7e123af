"""`radius-mfa mail queue` and `mail retry`: what has not arrived yet, why, and another try."""

from __future__ import annotations

import click

from radius_mfa.cli import output, session
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen, Command, json_option
from radius_mfa.store.queue import QueuedMail
from radius_mfa.store.queue import queue as queued
from radius_mfa.store.queue import retry as let_go

HEAD = ("NUMBER", "ACCOUNT", "TO", "KIND", "STATE", "MADE", "TRIES", "NEXT", "SAID")


@click.command(cls=Command)
@json_option()
@click.pass_obj
def queue(chosen: Chosen, as_json: bool) -> None:
    """Show what became of each mail.

    Here are those that wait, have failed or expired, and for a day those that were sent. SAID is what the mail server
    said last.
    """
    with session.opened(settings_of(chosen)) as database:
        mails = queued(database)
    if as_json:
        output.as_json([_json(mail) for mail in mails])
        return
    output.table(HEAD, map(_columns, mails), right=("NUMBER", "TRIES"))


@click.command(cls=Command)
@click.argument("number", metavar="[ID]", type=click.IntRange(1), required=False)
@click.pass_obj
def retry(chosen: Chosen, number: int | None) -> None:
    """Try mail again now.

    ID is the NUMBER of a mail in the queue; without it, all that wait or have failed are tried.
    """
    with session.opened(settings_of(chosen)) as database:
        due = let_go(database, number)
    output.say(f"{output.count(due, 'mail')} due now")


def _columns(mail: QueuedMail) -> tuple[object, ...]:
    made, due = output.when(mail.created), output.when(_due(mail))
    return mail.id, mail.account, mail.recipient, mail.kind, mail.state, made, mail.attempts, due, mail.said


def _due(mail: QueuedMail) -> float | None:
    """When it is tried next, if it is."""
    return mail.not_before if mail.state == "waiting" else None


def _json(mail: QueuedMail) -> dict[str, object]:
    return {
        "number": mail.id,
        "account": mail.account,
        "to": mail.recipient,
        "kind": mail.kind,
        "state": mail.state,
        "made": output.iso(mail.created),
        "tries": mail.attempts,
        "next": output.iso(_due(mail)),
        "expires": output.iso(mail.expires),
        "said": mail.said,
    }
