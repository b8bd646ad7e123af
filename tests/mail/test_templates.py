"""The admin's own templates: what they may do, and how their mistakes are told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from radius_mfa.errors import ConfigurationError
from radius_mfa.mail.check import check_templates
from radius_mfa.mail.samples import KEY, SAMPLES
from radius_mfa.mail.wording import BUILT_IN, Wording
from tests.mail.reading import letter, parts

INVITATION = SAMPLES[0]


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_our_own_templates_are_sound(tmp_path: Path) -> None:
    """A copy of the built-in ones, from which admins start, has neither mistakes nor warnings."""
    shutil.copytree(BUILT_IN, tmp_path / "own")
    findings = check_templates(tmp_path / "own")
    assert ([], []) == (findings.mistakes, findings.warnings)


def test_one_template_of_the_admin_takes_the_place_of_ours(tmp_path: Path) -> None:
    """Override is by file: the text changes, HTML and subject stay."""
    write(tmp_path, "en/invitation.txt", "Hello {{ account }}, your key: {{ key }}\n")
    found = parts(letter(INVITATION, wording=Wording(tmp_path)).content)
    assert found["text/plain"].decode().splitlines() == [
        "Hello alice, your key: A2B3 C4D5 E6F7 G2H3 I4J5 K6L7 M2N3 O4P5"
    ]
    assert b"Set up your code app" in found["text/html"]
    assert check_templates(tmp_path).mistakes == []


def test_a_template_can_include_another_of_the_admin(tmp_path: Path) -> None:
    """A part that is no mail of ours is said, not refused."""
    write(tmp_path, "en/test.txt", "{% include 'en/signature.txt' %}")
    path = write(tmp_path, "en/signature.txt", "-- {{ issuer }}")
    findings = check_templates(tmp_path)
    assert [] == findings.mistakes
    assert [f"{path}: no mail has a template of this name"] == findings.warnings


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("en/invitation.txt", "Hi\n{{ key }}\n{{ acount }}\n", ":3: unknown variable acount (did you mean account?)"),
        ("en/invitation.html", "{{ secret_of_the_house }}", ":1: unknown variable secret_of_the_house"),
        ("en/activated.txt", "\n\n{{ key }}", ":3: unknown variable key"),
        ("en/footer.txt", "{{ hlep }}", ":1: unknown variable hlep (did you mean help?)"),
        ("en/invitation.subject", "Key for {{ account }}", ":1: unknown variable account"),
        ("en/invitation.txt", "a\n{% if qr %}\nb\n", ":3: Unexpected end of template"),
        (
            "en/invitation.txt",
            "a\n{{ account.first_name }} {{ key }}",
            ":2: 'str object' has no attribute 'first_name'",
        ),
        ("en/invitation.txt", "{{ key }}\n{{ ''.__class__.__mro__ }}", ":2: access to attribute '__class__' of 'str'"),
        ("en/invitation.txt", "{{ key }}\n{{ 1 // 0 }}", ":2: "),
        ("en/footer.txt", "a\n{{ key }}", ":2: 'key' is undefined"),
        ("en/test.html", "{% extends 'layuot.html' %}", ":1: no template layuot.html"),
        ("en/test.txt", "{{ range(1000000000) | list }}", ":1: Range too big"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(name: str, text: str, said: str, tmp_path: Path) -> None:
    """Unknown variables, broken syntax, and what goes wrong when the mail is made."""
    path = write(tmp_path, name, text)
    mistakes = check_templates(tmp_path).mistakes
    assert len(mistakes) == 1
    assert mistakes[0].startswith(f"{path}{said}"), mistakes[0]


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    """Templates are UTF-8."""
    (tmp_path / "layout.html").write_bytes(b"\xff\xfe")
    assert check_templates(tmp_path).mistakes == [
        f"{tmp_path}/layout.html: cannot be read as UTF-8 (UnicodeDecodeError)"
    ]


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    """mail.templates with a typo does not silently mean the built-in ones."""
    assert check_templates(tmp_path / "none").mistakes == [f"{tmp_path}/none: no such directory"]


@pytest.mark.parametrize("text", ["Scan the QR code.\n", "{% if qr %}{{ uri }}{% else %}{{ key }}{% endif %}"])
def test_a_text_version_without_the_key_is_warned_of(text: str, tmp_path: Path) -> None:
    """Who sees no picture could not enrol; the link alone is no key."""
    path = write(tmp_path, "en/invitation.txt", text)
    findings = check_templates(tmp_path)
    assert [] == findings.mistakes
    assert [f"{path}: the text version lacks the key: who cannot see the picture cannot enrol"] == findings.warnings


def test_a_name_close_to_a_template_is_warned_of(tmp_path: Path) -> None:
    """A misspelt file would never be used."""
    path = write(tmp_path, "en/invitaton.txt", "{{ issuer }}")
    assert check_templates(tmp_path).warnings == [
        f"{path}: no mail has a template of this name (did you mean en/invitation.txt?)"
    ]


@pytest.mark.parametrize("text", ["{{ key.nope }}", "{{ {}[key] }}", "{% include key %}"])
def test_a_mail_that_cannot_be_rendered_does_not_quote_the_key(text: str, tmp_path: Path) -> None:
    """What a template says when it fails may hold anything; the error names file and kind alone."""
    write(tmp_path, "en/invitation.txt", text)
    with pytest.raises(ConfigurationError) as caught:
        letter(INVITATION, wording=Wording(tmp_path))
    said = caught.value.message + caught.value.hint + repr(caught.value.__cause__)
    assert "en/invitation.txt" in said
    assert KEY[:4] not in said


def test_a_subject_knows_the_issuer_and_nothing_else(tmp_path: Path) -> None:
    """Even where nobody has checked the templates, a user's text does not come into a header."""
    write(tmp_path, "en/invitation.subject", "For {{ account }}")
    with pytest.raises(ConfigurationError, match=r"en/invitation\.subject"):
        letter(INVITATION, wording=Wording(tmp_path))


def test_a_template_cannot_reach_out_of_its_directory(tmp_path: Path) -> None:
    """No path leads up."""
    write(tmp_path, "secret", "master key")
    write(tmp_path, "own/en/test.txt", "{% include '../secret' %}")
    assert "secret" in check_templates(tmp_path / "own").mistakes[0]
    assert "master" not in check_templates(tmp_path / "own").mistakes[0]
