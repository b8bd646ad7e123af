"""Every script in scripts/ does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.script import play

OATHTOOL = pytest.mark.needs("oathtool", package="oathtool")
SCRIPTS = [
    pytest.param(script, id=script.stem, marks=OATHTOOL if "oathtool" in script.read_text() else ())
    for script in sorted((Path(__file__).parent / "scripts").glob("*.txt"))
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_runs_as_written(script: Path, tmp_path: Path) -> None:
    """Output, messages and exit status of every command are those of the script."""
    play(script, tmp_path)
