"""Every script in scripts/ does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.cli.script import play

NEEDS = {"oathtool": pytest.mark.needs("oathtool", package="oathtool"), "chown": pytest.mark.needs_root}


def param(script: Path) -> ParameterSet:
    """A script, with marks for what its commands cannot do without."""
    text = script.read_text()
    return pytest.param(script, id=script.stem, marks=[mark for word, mark in NEEDS.items() if word in text])


SCRIPTS = [param(script) for script in sorted((Path(__file__).parent / "scripts").glob("*.txt"))]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_runs_as_written(script: Path, tmp_path: Path) -> None:
    """Output, messages and exit status of every command are those of the script."""
    play(script, tmp_path)
