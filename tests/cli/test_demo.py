"""`radius-mfa demo`: what it shows is true, and nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from radius_mfa.cli import throwaway
from radius_mfa.cli.walkthrough import Walkthrough
from radius_mfa.radius.client import LoginClient
from tests.cli.script import play, surroundings


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """The demo as a process group of its own, with its throw-away place under `tmp_path`."""
    return subprocess.Popen(
        ["radius-mfa", "demo", *arguments],
        env={**surroundings(), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until_it_goes_on(demo: subprocess.Popen[str]) -> list[str]:
    """What the demo prints until it waits for a person."""
    assert demo.stdout is not None
    lines = []
    for line in demo.stdout:
        lines.append(line.rstrip())
        if lines[-1].endswith("audit"):
            return lines
    raise AssertionError(demo.communicate())


def test_the_demo_shows_every_step(tmp_path: Path) -> None:
    """Challenge and Accept, the same bytes again, and each code only once."""
    play(Path(__file__).parent / "demo.txt", tmp_path, {"TMPDIR": str(tmp_path)})


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_demo_that_is_ended_leaves_nothing(number: signal.Signals, status: int, tmp_path: Path) -> None:
    """Ctrl-C, a TERM and a closed terminal stop the server and remove its place."""
    demo = start(tmp_path)
    lines = until_it_goes_on(demo)
    assert any(line.startswith("  radius-mfa test alice") for line in lines)
    assert any(line.startswith("  radtest alice") for line in lines)
    assert len(list(tmp_path.iterdir())) == 1
    os.kill(demo.pid, number)
    _, errors = demo.communicate(timeout=30)
    assert (status, "") == (demo.returncode, errors)
    assert [] == list(tmp_path.iterdir())
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.pid, 0)


def test_a_step_that_is_not_as_said_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Where a recovery code is refused that should do, the walk-through says so and is no success."""
    with throwaway.place() as place, throwaway.serving(place.config) as server:
        wrong = replace(place, recovery_codes=("AAAA-AAAA-AAAA-AAAA",))
        with LoginClient(server.host, server.port, place.secret) as client:
            assert not Walkthrough(client, wrong).run()
    said = capsys.readouterr().out
    assert "wrong: Access-Challenge, then Access-Reject; it should be Access-Challenge, then Access-Accept" in said
    assert said.count("wrong:") == 1
