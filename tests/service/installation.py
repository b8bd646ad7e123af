"""`make install` into a directory, as a packager runs it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PYTHON = "/usr/bin/python3"
"""Debian's: one in a home directory is refused, and services could not see it."""


def make(*arguments: str | Path, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
    """Run make in the tree; what an outer make has set stays outside."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    command = ["make", "-s", "--no-print-directory", f"PYTHON={PYTHON}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=clean, umask=umask, capture_output=True, text=True)


@dataclass(frozen=True)
class Installation:
    """A directory that stands for `/`, and what was installed there."""

    root: Path

    def make(self, target: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return make(target, f"DESTDIR={self.root}", *arguments, umask=0o077)

    def names(self, *, without: str = "opt/radius-mfa/") -> list[str]:
        """Every file and link, but those below `without`."""
        found = [path for path in self.root.rglob("*") if path.is_symlink() or not path.is_dir()]
        return sorted(name for path in found if not (name := str(path.relative_to(self.root))).startswith(without))
