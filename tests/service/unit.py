"""A unit file as settings."""

from __future__ import annotations

from pathlib import Path


def read(path: Path) -> dict[str, list[str]]:
    """Every setting with its words, in order. An empty value forgets what came before, as with systemd.

    Of a setting that takes one word the last counts.
    """
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(("#", "[")) or "=" not in line:
            continue
        key, value = line.split("=", 1)
        words = value.split()
        if words and words[0].startswith("~"):  # what is taken away keeps its mark, word by word
            words = [words[0], *(f"~{word}" for word in words[1:])]
        found[key] = found.get(key, []) + words if words else []
    return found
