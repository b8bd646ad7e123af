"""Reads the stack of a PAM service, to find our own hook in it before PAM does: it would ask this server again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from radius_mfa.errors import Unavailable

HOOK = "pam_radius_mfa.so"
DIRECTORIES = (Path("/etc/pam.d"), Path("/usr/lib/pam.d"), Path("/usr/etc/pam.d"))
"""Where libpam looks for a stack; the first file it can open counts."""
OTHER = "other"
"""The stack that stands in for whatever a service has no lines of."""

_INCLUDES = {"include", "substack", "@include"}


def check_stack(service: str, directories: Sequence[Path] = DIRECTORIES) -> None:
    """Raise Unavailable if the stack of this service cannot be read whole, or the hook is somewhere in it.

    It is read as a row of words, not as lines and fields: that finds too much rather than too little.
    """
    waiting, seen, checks = [service.lower()], set[str](), False  # libpam takes the name in lower case
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        file, words = _read(name, service, directories)
        if any(_is_hook(word) for word in words):
            raise Unavailable(
                f"the stack of the PAM service {service} has {HOOK} in it ({file}), which would ask this server again",
                "take it out there, or name another service in passwords.backends",
            )
        checks = checks or any(word.lower().removeprefix("-") == "auth" for word in words)
        waiting.extend(_included(words))
        if not waiting and not checks:
            waiting.append(OTHER)


def _read(name: str, service: str, directories: Sequence[Path]) -> tuple[Path, list[str]]:
    places = [Path(name)] if name.startswith("/") else [directory / name for directory in directories]
    file = next((place for place in places if place.exists()), None)
    if file is None:
        hint = f"install a stack for it, or name another service in passwords.backends; looked for {places[0]}"
        raise Unavailable(f"the PAM service {service} has no stack {name}", hint)
    try:
        return file, _words(file.read_text("utf-8", "surrogateescape"))
    except OSError as error:
        raise Unavailable(f"cannot read {file}, of the PAM service {service}: {error.strerror}") from error


def _words(text: str) -> list[str]:
    lines = (line.partition("#")[0].rstrip().removesuffix("\\") for line in text.splitlines())
    return [word for line in lines for word in line.split()]


def _included(words: Sequence[str]) -> Iterator[str]:
    for word, after in pairwise(words):
        if word.lower() in _INCLUDES:
            yield after


def _is_hook(word: str) -> bool:
    path = Path(word)
    return path.name == HOOK or (path.is_absolute() and path.resolve().name == HOOK)
