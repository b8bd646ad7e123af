"""What may not be in the tree, and the rules about who imports whom."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.qa.tree import ROOT, tracked

# Paths of a developer's machine, registry hosts, keys. Split so that this file does not find itself.
FORBIDDEN = re.compile(
    r"(/wor"
    + r"k/|/roo"
    + r"t/\.|/hom"
    + r"e/[a-z]|registry\.npm"
    + r"js|\"resolv"
    + r"ed\":|BEGIN [A-Z ]*PRIVATE KE"
    + r"Y)"
)
IMPORT_LINTER = str(Path(sys.executable).parent / "lint-imports")


def test_no_file_names_a_machine_or_holds_a_key() -> None:
    """What is published works anywhere and gives nothing away."""
    found = {path: FORBIDDEN.findall((ROOT / path).read_bytes().decode("utf-8", "replace")) for path in tracked()}
    assert {} == {str(path): texts for path, texts in found.items() if texts}


def test_a_layer_imports_only_what_stands_below_it() -> None:
    """The import rules of setup.cfg hold."""
    done = subprocess.run([IMPORT_LINTER, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("auth/model.py", "import time"),
        ("auth/flow.py", "from radius_mfa.store import schema"),
        ("store/accounts.py", "import pyrad.packet"),
        ("ports.py", "from radius_mfa import service"),
        ("elsewhere.py", "import click"),
    ],
)
def test_an_import_that_goes_up_is_found(place: str, line: str, tmp_path: Path) -> None:
    """The import rules have teeth: each breach, in a small house of the same shape, ends the check."""
    house = tmp_path / "radius_mfa"
    for module in ("__init__", "errors", "ports", "service", "auth/__init__", "auth/model", "store/__init__",
                   "store/schema"):  # fmt: skip
        (house / module).parent.mkdir(parents=True, exist_ok=True)
        (house / f"{module}.py").touch()
    command = [IMPORT_LINTER, "--no-logo", "--no-cache", "--config", str(ROOT / "setup.cfg")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    sound = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert sound.returncode == 0, sound.stdout
    (house / place).write_text(line + "\n")
    broken = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert broken.returncode == 1, broken.stdout
