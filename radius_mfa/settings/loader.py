"""Reads radius-mfa.yaml. All its mistakes are reported at once, in the order of the file, each with line and column."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from radius_mfa.errors import AccessDenied, SettingsError
from radius_mfa.settings import mistakes
from radius_mfa.settings.checks import CheckReply, check
from radius_mfa.settings.document import Document, Loc, Mark, Problem, mark_of, parse
from radius_mfa.settings.model import Settings

MAX_OCTETS = 1 << 20


def load(path: Path, check_reply: CheckReply | None = None) -> Settings:
    """The settings in the file at `path`; secrets are not read (see read_secrets).

    `check_reply` judges the RADIUS attributes of every `reply`. Raises SettingsError with one line
    `FILE:LINE:COL: key: what` for each mistake, and AccessDenied when this user may not read the file.
    """
    return load_text(_read(path), path, check_reply)


def load_text(text: str, path: Path, check_reply: CheckReply | None = None) -> Settings:
    """As load, for text that stands, or will stand, in the file at `path`."""
    document = parse(text)
    problems: list[Problem] = []
    settings = None
    if document.data is not None:
        try:
            settings = Settings.model_validate(document.data, context={"file": path.absolute()})
        except ValidationError as error:
            problems += mistakes.explain(error, document)
        for loc, message in check(document.data, check_reply):
            problems.append(Problem(loc, document.key_mark(loc), message))
    problems += document.problems
    if problems or settings is None:
        # Raised here, outside the except: a ValidationError holds what was written, secrets included, and must not
        # travel on as the cause of another error.
        raise SettingsError(_lines(problems, path, document))
    return settings


def _lines(problems: list[Problem], path: Path, document: Document) -> list[str]:
    """One line each in the order of the file; of two about one value, the first that was found."""
    first: dict[tuple[Mark, Loc], Problem] = {}
    for problem in problems:
        first.setdefault((problem.mark, problem.loc), problem)
    lines = []
    for problem in sorted(first.values(), key=lambda problem: problem.mark):
        key = mistakes.path(problem.loc, document)
        about = f"{key}: {problem.text}" if key else problem.text
        lines.append(f"{path}:{problem.mark.line}:{problem.mark.column}: {about}")
    return lines


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except FileNotFoundError:
        raise SettingsError([f"{path}: no such file (radius-mfa init writes one)"]) from None
    except PermissionError:
        raise AccessDenied(
            f"{path}: cannot be read by this user", f"run it as root, or as the owner of {path}"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise SettingsError([f"{path}: {reason.lower()}"]) from None
    if len(octets) > MAX_OCTETS:
        raise SettingsError([f"{path}: larger than 1 MiB"])
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = octets[: error.start].decode("utf-8-sig")
        mark = mark_of(before, len(before))
        raise SettingsError([f"{path}:{mark.line}:{mark.column}: not UTF-8 text (save the file as UTF-8)"]) from None
