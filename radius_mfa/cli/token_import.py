"""`radius-mfa token import`: authenticators that users have already, from the files of other programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BufferedReader

import click

from radius_mfa.auth.model import TokenKind
from radius_mfa.cli import messages, output, session, token_files
from radius_mfa.cli.configuration import canonical, settings_of
from radius_mfa.cli.root import Chosen, Command
from radius_mfa.cli.token_files.entry import Entry, shown
from radius_mfa.errors import OperationFailed, UsageError
from radius_mfa.settings import Settings
from radius_mfa.store.token_import import Finding, InUse, look_at, take_over

GOOD_BITS = 128
"""RFC 4226 section 4, requirement R6: no secret is shorter."""
HEAD = ("LINE", "ACCOUNT", "KIND", "DIGITS", "MOVES", "ALGORITHM", "BITS", "CODES", "LABEL", "IMPORT")
KINDS = "one otpauth URI a line, .google_authenticator, users files of FreeRADIUS or oath, CSV with name,secret"


@click.command("import", cls=Command)
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Show what would be imported and change nothing.")
@click.option("--account", metavar="NAME", help="Whose .google_authenticator it is: that file has no name in it.")
@click.pass_obj
def import_file(chosen: Chosen, file: BufferedReader, dry_run: bool, account: str | None) -> None:
    """Make the authenticators of a file active, all of them or none.

    FILE has one otpauth:// address a line, or is a .google_authenticator, a users file of FreeRADIUS (TOTP-Secret), of
    pam_oath or mod_authn_otp, or CSV with the header
    name,secret[,type,digits,period,algorithm,counter,label]. Accounts have to be there. What was imported before is
    left as it is. A dash for FILE is standard input.
    """
    settings = settings_of(chosen)
    entries = _named(read(file), account, settings)
    rows = [entry.row for entry in entries]
    with session.opened(settings) as database:
        findings = look_at(database, rows)
        _refuse(file.name, entries, findings)
        fresh = [row for row, finding in zip(rows, findings, strict=True) if not finding.there]
        if dry_run:
            _show(entries, findings)
        else:
            take_over(database, fresh)
    _tell(fresh, there=len(rows) - len(fresh), dry_run=dry_run)


def read(file: BufferedReader) -> list[Entry]:
    """The tokens of the file. Prints FILE:LINE: for each mistake and raises OperationFailed. Quotes nothing of it."""
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OperationFailed(f"{file.name}: not UTF-8", "save the file as UTF-8") from None
    found = token_files.read(text)
    _stop(file.name, found.mistakes, hint="" if found.entries else f"kinds of files: {KINDS}")
    return found.entries


def _named(entries: list[Entry], account: str | None, settings: Settings) -> list[Entry]:
    """The tokens under the names of accounts that they are to have here. Raises UsageError."""
    if account is None and not all(entry.row.account for entry in entries):
        raise UsageError("a .google_authenticator has no name in it", "say whose it is with: --account NAME")
    if account is not None and any(entry.row.account for entry in entries):
        raise UsageError("--account goes with a .google_authenticator, and this file has names in it")
    names = [entry.row.account or account or "" for entry in entries]
    return [
        replace(entry, row=replace(entry.row, account=canonical(name, settings) or name))
        for entry, name in zip(entries, names, strict=True)
    ]


def _refuse(name: str, entries: Sequence[Entry], findings: Sequence[Finding]) -> None:
    """Name every token that cannot be imported, and stop if there is one."""
    refused = [
        (entry.line, f"{shown(entry.row.account)}: {finding.refused}")
        for entry, finding in zip(entries, findings, strict=True)
        if finding.refused
    ]
    _stop(name, refused)


def _stop(name: str, mistakes: Sequence[tuple[int, str]], hint: str = "") -> None:
    for line, text in mistakes:
        click.echo(f"{name}:{line}: {output.plain(text)}", err=True)
    if mistakes:
        raise OperationFailed(f"{output.count(len(mistakes), 'mistake')} in {name}, nothing was changed", hint)


def _show(entries: Sequence[Entry], findings: Sequence[Finding]) -> None:
    lines = (_columns(entry, finding) for entry, finding in zip(entries, findings, strict=True))
    output.table(HEAD, lines, right=("LINE", "DIGITS", "BITS", "CODES"))


def _columns(entry: Entry, finding: Finding) -> tuple[object, ...]:
    new = entry.row.token
    moves = f"counter {new.last_step + 1}" if new.kind is TokenKind.HOTP else f"{new.period}s"
    codes, there = len(entry.row.scratch_codes), "there already" if finding.there else "yes"
    bits = len(new.secret) * 8
    return entry.line, entry.row.account, new.kind, new.digits, moves, new.algorithm, bits, codes, new.label, there


def _tell(fresh: Sequence[InUse], *, there: int, dry_run: bool) -> None:
    """What was done or would be, and what to do about what is weaker than ours."""
    verb = "would be imported" if dry_run else "imported"
    skipped = f", {there} there already" if there else ""
    output.say(f"{output.count(len(fresh), 'authenticator')} {verb}{skipped}")
    for row in fresh:
        if row.scratch_codes:
            kept = output.count(len(row.scratch_codes), "scratch code")
            messages.warning(
                f"{row.account}: {kept} of 8 digits, weaker than recovery codes",
                f"replace them with: radius-mfa codes generate {row.account}",
            )
    weak = [row.account for row in fresh if len(row.token.secret) * 8 < GOOD_BITS]
    if weak:
        few = output.count(len(weak), "secret")
        messages.warning(
            f"{few} with fewer than {GOOD_BITS} bits, such as that of {weak[0]}",
            f"replace them when you can, with: radius-mfa token enroll {weak[0]}",
        )
