"""The shipped configuration, its examples and its schema."""

import json
import re
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
import yaml

from radius_mfa.radius.attributes import problems
from radius_mfa.settings import effective, json_schema, load_text, no_effect, template, warnings

CONFIG = Path(__file__).parents[2] / "config"
EXAMPLES = sorted(path.name for path in (CONFIG / "examples").glob("*.yaml"))
FILE = Path("/etc/radius-mfa/radius-mfa.yaml")


def uncommented(text: str) -> str:
    """Every setting in effect: a # that no blank follows begins a setting."""
    return re.sub(r"^( *)#(?=[^ #\n])|^#(?=  [a-z]+:)", r"\1", text, flags=re.MULTILINE)


def in_yaml_1_2(text: str) -> object:
    """The file as an editor's language server reads it: numbers, true and false are resolved."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {}
    Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("[0-9]+$"), list("0123456789"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(true|false)$"), list("tf"))
    loaded: object = yaml.load(text, Loader)  # noqa: S506  a SafeLoader
    return loaded


def test_the_shipped_file_warns_only_of_the_missing_mail() -> None:
    """Which mail server there is only the admin knows; nothing the file sets is without effect."""
    settings = load_text(template.shipped(), FILE)

    (warning,) = warnings(settings)
    assert warning.startswith("mfa.not_enrolled: ")
    assert [] == no_effect(settings)


def test_every_setting_of_the_shipped_file_loads() -> None:
    """With every # before a setting removed the file is still right."""
    settings = load_text(uncommented(template.shipped()), FILE, problems)

    assert settings.mail is not None
    assert settings.portal is not None
    assert "sudo" in settings.pam.services


def test_the_shipped_file_shows_the_defaults() -> None:
    """A setting that is not marked as an example shows the value it has without it."""
    required = "issuer: x\nlisten: {radius: ['127.0.0.1:1']}\nstore: sqlite:////x\nmaster_key: {file: x}\n"
    bare = effective(load_text(required + "clients: [{shortname: x, ipaddr: 127.0.0.1, secret: {file: x}}]", FILE))

    lines = template.shipped().splitlines()
    examples = {line for before, line in pairwise(lines) if before.endswith("Example:")}
    shown = effective(load_text(uncommented("\n".join(line for line in lines if line not in examples)), FILE))

    for name in ("user", "workers", "accounts", "radius", "passwords", "mfa", "enrollment", "audit", "log"):
        assert bare[name] == shown[name], name
    for key in set(bare["clients"][0]) - {"shortname", "secret"}:
        assert bare["clients"][0][key] == shown["clients"][0][key], key


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_loads(name: str) -> None:
    """Every example is right, and warns of nothing but what it says itself."""
    settings = load_text(template.shipped(f"examples/{name}"), FILE, problems)

    assert [] == no_effect(settings)
    assert all("Message-Authenticator" in line for line in warnings(settings))


def test_a_rendered_file_has_its_places_and_secret(tmp_path: Path) -> None:
    """`init` gets the reference file with paths, secret, issuer and addresses of its own."""
    secret = 'a"b\\c $1 \\1 #:{}'
    text = template.render(template.places_beside(tmp_path), secret, issuer="Ä: no", listen=["127.0.0.1:0"])
    settings = load_text(text.replace("Ä: no", "Ä no"), tmp_path / "radius-mfa.yaml")

    assert secret.encode() == settings.clients[0].secret.read()
    assert tmp_path / "radius-mfa.db" == settings.database
    assert tmp_path / "master.key" == settings.master_key.file
    assert tmp_path / "audit.jsonl" == settings.audit.file
    assert [("127.0.0.1", 0)] == list(settings.listen.radius)
    assert "Ä no" == settings.issuer


def test_a_system_file_has_the_shipped_places() -> None:
    """Under /etc/radius-mfa nothing but the secret differs from the reference."""
    shipped = effective(load_text(template.shipped(), FILE))
    rendered = effective(load_text(template.render(template.system_places(), "geheimgeheimgeheim"), FILE))

    del shipped["clients"][0]["secret"], rendered["clients"][0]["secret"]
    assert shipped == rendered


def test_the_schema_takes_the_shipped_files() -> None:
    """An editor finds no mistake in the reference, in none of its settings, and in no example."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    validator = jsonschema.Draft202012Validator(json_schema())

    texts = [template.shipped(), uncommented(template.shipped())]
    texts += [template.shipped(f"examples/{name}") for name in EXAMPLES]

    assert [] == [error.message for text in texts for error in validator.iter_errors(in_yaml_1_2(text))]


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    """A misspelt key and a duration without unit are red in the editor too."""
    validator = jsonschema.Draft202012Validator(json_schema())
    for right, wrong in [("issuer:", "isuer:"), ("state_lifetime: 120s", "state_lifetime: 120")]:
        assert not validator.is_valid(in_yaml_1_2(template.shipped().replace(right, wrong)))


def test_the_schema_is_json_and_explains_every_key() -> None:
    """Every property has a description; the defaults are spelled as in the file."""
    schema = json.loads(json.dumps(json_schema()))
    sections = [schema, *schema["$defs"].values()]
    keys = {name: key for section in sections for name, key in section["properties"].items()}
    bare = [name for name, key in keys.items() if "description" not in key and "$ref" not in key]

    assert [] == bare
    assert all(section["description"] for section in schema["$defs"].values())
    assert "7d" == schema["$defs"]["TrustedDevices"]["properties"]["lifetime"]["default"]
