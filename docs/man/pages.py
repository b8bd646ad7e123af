"""Write the manual pages radius-mfa.8 and radius-mfa.yaml.5 from the commands, the docs and what the program says.

Usage: python docs/man/pages.py DOCS DIRECTORY
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from radius_mfa import __version__
from radius_mfa.cli.root import COMMANDS

FILES = {
    "/etc/radius-mfa/radius-mfa.yaml": "the configuration",
    "/etc/radius-mfa/master.key": "opens the secrets in the database",
    "/var/lib/radius-mfa": "the database",
    "/var/log/radius-mfa/audit.jsonl": "one line for every decision",
    "/run/radius-mfa/pam.sock": "socket of the PAM module",
    "/usr/share/doc/radius-mfa/examples": "the configuration with every key, examples, drop-ins for the units",
}


def program(docs: Path) -> str:
    """radius-mfa.8."""
    return "\n".join(
        [
            *head("radius-mfa", 8, "a RADIUS server that asks for a second factor"),
            ".SH SYNOPSIS",
            ".B radius-mfa",
            r"[\fB\-\-config\fR \fIFILE\fR] \fICOMMAND\fR [\fIARGUMENT\fR]...",
            ".SH DESCRIPTION",
            "The server checks a password, then a code from an authenticator app or a one-time recovery code, and",
            "answers Accept or Reject. The unit radius-mfa.service runs",
            r"\fBradius\-mfa serve\fR; the other commands look after it. Each says what it takes with \fB\-\-help\fR.",
            ".SH COMMANDS",
            *entries(COMMANDS.items()),
            ".SH OPTIONS",
            *entries({"--config FILE": "the configuration"}.items()),
            ".SH ENVIRONMENT",
            *entries({"RADIUS_MFA_CONFIG": "the configuration, where no --config is given"}.items()),
            ".SH EXIT STATUS",
            *entries((status, text) for status, text in rows(docs / "commands.md", 2) if status.isdecimal()),
            ".SH SIGNALS",
            *entries({"SIGHUP": "read the configuration again", "SIGTERM": "end"}.items()),
            ".SH FILES",
            *entries(FILES.items()),
            ".SH SEE ALSO",
            r".BR radius\-mfa.yaml (5),",
            r".BR systemctl (1)",
            "",
        ]
    )


def configuration(docs: Path) -> str:
    """radius-mfa.yaml.5: every key, as docs/configuration.md has it."""
    return "\n".join(
        [
            *head("radius-mfa.yaml", 5, "the configuration of radius-mfa"),
            ".SH DESCRIPTION",
            "One YAML file. Relative paths start at its directory. Durations are a number and s, m, h or d; sizes a",
            "number and KiB or MiB. Secrets are a text, {file: PATH} or {credential: NAME}.",
            r"\fBradius\-mfa config check\fR names every mistake with its place. A key is followed by its default, or",
            "by the word required.",
            ".SH KEYS",
            *entries((f"{key} ({default})", text) for key, default, text in rows(docs / "configuration.md", 3)),
            ".SH SEE ALSO",
            r".BR radius\-mfa (8)",
            "",
        ]
    )


def head(name: str, section: int, summary: str) -> list[str]:
    """Title and name of a page."""
    return [
        f'.TH {name.upper()} {section} "" "radius-mfa {__version__}"',
        ".SH NAME",
        rf"{escaped(name)} \- {escaped(summary)}",
    ]


def entries(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A list of words and what they mean."""
    for word, text in pairs:
        yield from (".TP", rf"\fB{escaped(word)}\fR", escaped(text))


def rows(document: Path, columns: int) -> Iterator[tuple[str, ...]]:
    """The rows of the tables with so many columns, without their heads and without marks."""
    for line in document.read_text(encoding="utf-8").splitlines():
        cells = [plain(cell) for cell in re.split(r"(?<!\\) \| ", line.removeprefix("| ").removesuffix(" |"))]
        if line.startswith("| ") and len(cells) == columns and cells[0] not in {"key", "status"}:
            yield tuple(cells)


def plain(text: str) -> str:
    """Markdown without its marks."""
    return re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", text).replace("`", "").replace(r"\|", "|")


def escaped(text: str) -> str:
    """Text that roff leaves as it is."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    (target / "radius-mfa.8").write_text(program(source), encoding="utf-8")
    (target / "radius-mfa.yaml.5").write_text(configuration(source), encoding="utf-8")
