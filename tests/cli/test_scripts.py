"""Every script in scripts/ does what it says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

import radius_mfa
from tests.cli.script import play

NEEDS = {"oathtool": pytest.mark.needs("oathtool", package="oathtool"), "chown": pytest.mark.needs_root}


def param(script: Path) -> ParameterSet:
    """A script, with marks for what its commands cannot do without."""
    text = script.read_text()
    return pytest.param(script, id=script.stem, marks=[mark for word, mark in NEEDS.items() if word in text])


@pytest.fixture
def readable() -> Iterator[None]:
    """The program can be read by every user, as an installed one is, wherever this checkout lies."""
    place = Path(radius_mfa.__file__).resolve()
    closed = {
        path: path.stat().st_mode for path in place.parents if not path.stat().st_mode & 0o001 and os.geteuid() == 0
    }
    for path, mode in closed.items():
        path.chmod(mode | 0o001)
    yield
    for path, mode in closed.items():
        path.chmod(mode)


SCRIPTS = [param(script) for script in sorted((Path(__file__).parent / "scripts").glob("*.txt"))]


@pytest.mark.usefixtures("readable")
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_runs_as_written(script: Path, tmp_path: Path) -> None:
    """Output, messages and exit status of every command are those of the script."""
    play(script, tmp_path)
