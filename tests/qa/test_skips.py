"""A test that cannot run says which package is missing, and fails where nothing may be skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

STORY = """
import pytest

@pytest.mark.needs("no-such-command", package="no-such-package")
def test_something():
    pass

@pytest.mark.needs("sh", package="dash")
def test_something_else():
    pass
"""


def outcome(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest of its own over one story, with the conftest.py of this project."""
    (folder / "test_story.py").write_text(STORY)
    (folder / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    needs: x\n    needs_root: x\n")
    clean = {name: value for name, value in os.environ.items() if name != "RADIUS_MFA_CI"}
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", "-p", "no:cov"]
    return subprocess.run(command, cwd=folder, env=clean | environment, capture_output=True, text=True)


def test_a_skip_names_the_package(tmp_path: Path) -> None:
    """What is missing is skipped with a hint; what is there runs."""
    done = outcome(tmp_path)
    assert "no-such-command is missing: install no-such-package" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout
    assert done.returncode == 0


def test_nothing_is_skipped_in_ci(tmp_path: Path) -> None:
    """With RADIUS_MFA_CI set the same run fails."""
    done = outcome(tmp_path, RADIUS_MFA_CI="1")
    assert "1 passed, 1 error" in done.stdout
    assert "no-such-package" in done.stdout
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
