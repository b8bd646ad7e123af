"""The admin's own templates, looked at before the first mail needs them."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from jinja2 import TemplateNotFound, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from radius_mfa.auth.notices import Facts
from radius_mfa.mail import otpauth
from radius_mfa.mail.samples import KEY, LETTERHEAD, LINK, SAMPLES
from radius_mfa.mail.wording import BUILT_IN, LANGUAGES, environment, variables

_OF_MESSAGE = {"subject", "picture", "size"}
_NAMES = {str(path.relative_to(BUILT_IN)) for path in BUILT_IN.rglob("*.*")}


@dataclass(frozen=True, slots=True)
class Findings:
    """Lines `FILE:LINE: what`. Mistakes keep the program from starting; warnings are only said."""

    mistakes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check_templates(directory: Path) -> Findings:
    """Compile every template of this directory, look for unknown variables, render each mail with invented facts."""
    findings = Findings()
    if not directory.is_dir():
        findings.mistakes.append(f"{directory}: no such directory")
        return findings
    sandbox = environment(directory)
    for path in sorted(path for path in directory.rglob("*") if path.is_file() and not path.name.startswith(".")):
        name = str(path.relative_to(directory))
        findings.mistakes.extend(_compile(sandbox, path, name))
        findings.warnings.extend(_stranger(path, name))
    if not findings.mistakes:
        findings.mistakes.extend(_renderings(sandbox, directory))
    if not findings.mistakes:
        findings.warnings.extend(_without_key(sandbox, directory))
    return findings


def _compile(sandbox: ImmutableSandboxedEnvironment, path: Path, name: str) -> Iterator[str]:
    try:
        tree = sandbox.parse(path.read_text(encoding="utf-8"), name, str(path))
    except TemplateSyntaxError as error:
        yield f"{path}:{error.lineno}: {error.message}"
        return
    except (OSError, UnicodeDecodeError) as error:
        yield f"{path}: cannot be read as UTF-8 ({type(error).__name__})"
        return
    known = _known(name)
    for unknown in sorted(meta.find_undeclared_variables(tree) - known):
        near = difflib.get_close_matches(unknown, known, 1)
        line = min(one.lineno for one in tree.find_all(nodes.Name) if one.name == unknown)
        yield f"{path}:{line}: unknown variable {unknown}{f' (did you mean {near[0]}?)' if near else ''}"


def _known(name: str) -> set[str]:
    """The variables a template may use; one that others include may use those of every mail."""
    if name.endswith(".subject"):
        return {"issuer"}
    stem = Path(name).stem
    samples = [one for one in SAMPLES if one.template == stem] or SAMPLES
    return _OF_MESSAGE.union(*(variables(one, LETTERHEAD, LETTERHEAD.language) for one in samples))


def _stranger(path: Path, name: str) -> Iterator[str]:
    if name not in _NAMES:
        near = difflib.get_close_matches(name, _NAMES, 1, 0.85)
        yield f"{path}: no mail has a template of this name{f' (did you mean {near[0]}?)' if near else ''}"


def _renderings(sandbox: ImmutableSandboxedEnvironment, directory: Path) -> Iterator[str]:
    """What goes wrong when each mail is made, with and without what an installation may leave out."""
    found: dict[str, None] = {}
    for sample in SAMPLES:
        for letterhead in (LETTERHEAD, replace(LETTERHEAD, help="", portal="")):
            values = variables(sample, letterhead, letterhead.language) | dict.fromkeys(_OF_MESSAGE, "")
            for part in ("subject", "txt", "html"):
                found.update(dict.fromkeys(_render(sandbox, directory, f"{sample.template}.{part}", values)))
    yield from found


def _render(
    sandbox: ImmutableSandboxedEnvironment, directory: Path, name: str, values: dict[str, object]
) -> Iterator[str]:
    for language in LANGUAGES:
        try:
            sandbox.get_template(f"{language}/{name}").render(values)
        except Exception as error:  # noqa: BLE001 - whatever a template raises is what the admin wants to hear
            frames = [
                one for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(str(directory))
            ]
            place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else f"{directory}/{language}/{name}"
            said = f"no template {error.name}" if isinstance(error, TemplateNotFound) else str(error)
            yield f"{place}: {said or type(error).__name__}"


def _without_key(sandbox: ImmutableSandboxedEnvironment, directory: Path) -> Iterator[str]:
    for language in LANGUAGES:
        path = directory / language / "invitation.txt"
        texts = (_text(sandbox, sample, language) for sample in SAMPLES if sample.template == "invitation")
        if path.exists() and not all(otpauth.grouped(KEY) in text or KEY in text.split() for text in texts):
            yield f"{path}: the text version lacks the key: who cannot see the picture cannot enrol"
        path = directory / language / "link.txt"
        texts = (_text(sandbox, sample, language) for sample in SAMPLES if sample.template == "link")
        if path.exists() and not all(f"{LETTERHEAD.portal}/enroll/{LINK}" in text for text in texts):
            yield f"{path}: the text version lacks the link ({{{{ portal }}}}/enroll/{{{{ link }}}}): nobody can enrol"


def _text(sandbox: ImmutableSandboxedEnvironment, sample: Facts, language: str) -> str:
    values = variables(sample, LETTERHEAD, language) | dict.fromkeys(_OF_MESSAGE, "")
    return sandbox.get_template(f"{language}/{sample.template}.txt").render(values)
