"""`radius-mfa demo`: what it shows is true, and nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from radius_mfa.cli import mailbox, throwaway
from radius_mfa.cli.walkthrough import Walkthrough
from radius_mfa.errors import OperationFailed
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
    """Challenge, mail and Accept, the same bytes again, and each code only once."""
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


def test_a_step_that_is_not_as_said_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a recovery code is refused that should do, the walk-through says so and is no success."""
    monkeypatch.setattr(throwaway.Place, "make_recovery_codes", lambda _: ["AAAA-AAAA-AAAA-AAAA"])
    with (
        throwaway.place() as place,
        throwaway.serving(place.config) as server,
        LoginClient(server.host, server.port, place.secret) as client,
    ):
        assert not Walkthrough(client, place).run()
    said = capsys.readouterr().out
    assert "wrong: Access-Challenge, then Access-Reject; it should be Access-Challenge, then Access-Accept" in said
    assert said.count("wrong:") == 1


def test_the_demo_fits_a_terminal(tmp_path: Path) -> None:
    """No line is wider than 80 columns, folded links and prompts included."""
    demo = start(tmp_path, "--once")
    lines = demo.communicate(timeout=60)[0].splitlines()
    assert any(line.startswith("   │ Subject: ") for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_mail_that_does_not_come_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo waits for its mail, not for ever."""
    monkeypatch.setattr(mailbox, "PATIENCE", 0.0)
    with pytest.raises(OperationFailed, match="0 of 1 mails came"):
        mailbox.wait_for(tmp_path, 1)
