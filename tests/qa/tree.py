"""The files of the project: everything in its folder but what tools make."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MADE = {"build", "dist", "htmlcov", "node_modules", "__pycache__"}


@cache
def tracked(*folders: str) -> tuple[Path, ...]:
    """Every file under these folders or everywhere, relative to the root; links are followed by nobody."""
    found: list[Path] = []
    for folder in folders or (".",):
        for place, inner, names in os.walk(ROOT / folder):
            inner[:] = [name for name in inner if name not in MADE and is_source(Path(place, name))]
            found += [Path(place, name).relative_to(ROOT) for name in names if is_source(Path(place, name))]
    return tuple(sorted(found))


def is_source(path: Path) -> bool:
    hidden = path.name.startswith(".") and path.name not in {".ci", ".gitignore"}
    return not hidden and not path.is_symlink() and path.suffix not in {".pyc", ".egg-info", ".so", ".o"}
