"""The documents have every command, option, status and key of the audit, and what they show is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from radius_mfa.cli.root import COMMANDS, root
from radius_mfa.errors import RadiusMfaError
from radius_mfa.ports import AuditRecord
from radius_mfa.radius.attributes import problems
from radius_mfa.radius.client import NoAnswer
from radius_mfa.settings import load_text
from tests.qa.tree import ROOT

DOCS = {path.name: path.read_text(encoding="utf-8") for path in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]}
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", DOCS["commands.md"], re.MULTILINE | re.DOTALL))
EVERYWHERE = {"--help", "--config", "--json"}
YAML = [
    pytest.param(block, id=f"{name}-{number}")
    for name, text in DOCS.items()
    for number, block in enumerate(re.findall(r"^```yaml\n(clients:\n.*?)^```", text, re.MULTILINE | re.DOTALL))
]
PREAMBLE = """issuer: Example
listen: {radius: ["127.0.0.1:1812"]}
store: sqlite:////var/lib/radius-mfa/radius-mfa.db
master_key: {file: /etc/radius-mfa/master.key}
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its words: `user add`."""
    for name in COMMANDS:
        command = root.get_command(click.Context(root), name)
        assert command is not None
        inner = command.commands if isinstance(command, click.Group) else {}
        yield from ((f"{name} {word}", one) for word, one in inner.items())
        if not inner:
            yield name, command


@pytest.mark.parametrize(("words", "command"), list(commands()))
def test_a_command_is_documented_with_its_options(words: str, command: click.Command) -> None:
    """Its section names it as it is typed, and every option it takes."""
    section = SECTIONS[words.split(maxsplit=1)[0]]
    assert words in section or words in SECTIONS
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    assert [] == [option for option in sorted(options - EVERYWHERE) if option not in section]


def test_no_other_command_is_documented() -> None:
    """A section for each command, in the order of the help."""
    assert list(COMMANDS) == list(SECTIONS)


def test_every_status_is_documented() -> None:
    """The statuses of the exception tree, and those of a login and an interrupt."""
    found = {int(status) for status in re.findall(r"^\| ([0-9]+) \|", DOCS["commands.md"], re.MULTILINE)}
    known = {error.exit_code for error in everything_under(RadiusMfaError)}
    assert known | {0, 3, 130, NoAnswer.exit_code} == found


def everything_under(error: type[RadiusMfaError]) -> set[type[RadiusMfaError]]:
    """The class and all that come from it."""
    return {error}.union(*map(everything_under, error.__subclasses__()))


def test_every_key_of_the_audit_is_documented() -> None:
    """One row a key, in the order of the line."""
    rows = re.findall(r"^\| `([a-z_]+)` \|", DOCS["audit.md"], re.MULTILINE)
    assert [field.name for field in fields(AuditRecord)] == rows


@pytest.mark.parametrize("block", YAML)
def test_the_clients_that_are_shown_load(block: str) -> None:
    """Whoever copies an example gets a configuration that starts."""
    assert load_text(PREAMBLE + block, Path("/etc/radius-mfa/radius-mfa.yaml"), problems).clients


@pytest.mark.parametrize("name", DOCS)
def test_a_link_leads_somewhere(name: str) -> None:
    """Every relative link names a file that is there."""
    base = ROOT if name == "README.md" else ROOT / "docs"
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", DOCS[name])
    assert [] == [link for link in links if not (base / link).exists()]
