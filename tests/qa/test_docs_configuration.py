"""Every key stands in the docs, with its default, and in the reference configuration."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml

from radius_mfa.settings import json_schema, template
from radius_mfa.settings.scalars import seconds
from tests.qa.tree import ROOT

SCHEMA = json_schema()
DOCS = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([^`]+)` \| `?(.*?)`? \| .+ \|$", DOCS, re.MULTILINE))
REPLY = {"clients[].reply[].groups", "clients[].reply[].attributes"}
CONDITIONAL = {"mfa.required.groups"}  # required once its section is written
SECRETS = ("master_key.", "clients[].secret.", "mail.transport.password.")


class Key(NamedTuple):
    """A key of the schema; a section is explained by the keys below it."""

    schema: dict[str, Any]
    required: bool
    section: bool


def keys(schema: dict[str, Any], path: str) -> Iterator[tuple[str, Key]]:
    """Every key below a schema with its path."""
    for place, part in parts(schema, path):
        for name, inner in part.get("properties", {}).items():
            inner_path = f"{place}.{name}".lstrip(".")
            below = list(keys(inner, inner_path))
            yield from below
            yield inner_path, Key(inner, name in part.get("required", []), bool(below))


def parts(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schema itself and what it is made of, each with the path its keys have."""
    yield path, schema
    if "$ref" in schema:
        yield from parts(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]], path)
    for choice in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        yield from parts(choice, path)
    if isinstance(schema.get("items"), dict):
        yield from parts(schema["items"], f"{path}[]")
    for named in schema.get("patternProperties", {}).values():
        yield from parts(named, f"{path}.NAME")


KEYS = {path: key for path, key in keys(SCHEMA, "") if not path.startswith(SECRETS)}


def spelled(default: object) -> str:
    return {True: "yes", False: "no"}.get(default, str(default)) if isinstance(default, bool) else str(default)


def in_seconds(text: str) -> float | str:
    try:
        return seconds(text)
    except ValueError:
        return text


def test_the_keys_are_found() -> None:
    """The walk over the schema reaches the deepest keys."""
    assert {"issuer", "mfa.lockout.for", "mail.transport.tls", "pam.services.NAME.password"} | REPLY <= set(KEYS)


@pytest.mark.parametrize("path", sorted(KEYS))
def test_the_docs_name_a_key_with_its_default(path: str) -> None:
    """docs/configuration.md has a row for it, and the default there is the model's."""
    schema, required, section = KEYS[path]

    assert section or path in ROWS
    if "default" in schema and schema["default"] not in ([], {}):
        assert in_seconds(spelled(schema["default"])) == in_seconds(ROWS[path])
    if required and not section and path not in CONDITIONAL:
        assert "required" == ROWS[path]


def test_the_docs_name_no_other_key() -> None:
    """A key that is gone is gone from the docs."""
    assert set() == set(ROWS) - set(KEYS) - {"secret: {file: PATH}", "secret: some text", "secret: {credential: NAME}"}


def test_the_reference_has_every_key() -> None:
    """config/radius-mfa.yaml shows each key, in effect or behind a #."""
    text = template.shipped()
    names = {path.rsplit(".", 1)[-1] for path in KEYS} - {"NAME"}

    assert set() == {name for name in names if not re.search(rf"^(?: *#? *)(?:.*[ {{])?{name}:", text, re.MULTILINE)}
    assert isinstance(yaml.safe_load(text), dict)
