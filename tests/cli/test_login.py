"""`radius-mfa test` and the commands that look at logins, against a server that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_mfa.cli import throwaway
from tests.cli.script import enrolled, play


@pytest.fixture
def facts() -> Iterator[dict[str, str]]:
    """A running server, as shell variables."""
    with throwaway.place() as place, throwaway.serving(place.config) as server:
        yield {
            "SERVER": f"{server.host}:{server.port}",
            "SECRET": place.secret.decode(),
            "PASSWORD": throwaway.PASSWORD,
            "KEY": enrolled(place.config, throwaway.NAME),
            "RECOVERY": place.make_recovery_codes()[0],
            "CONFIG": str(place.config),
        }


@pytest.mark.needs("oathtool", package="oathtool")
def test_logins_are_shown_and_end_with_their_status(facts: dict[str, str], tmp_path: Path) -> None:
    """Accept 0, Reject 1, a challenge left unanswered 3, no answer 4; audit and client list tell of them."""
    play(Path(__file__).parent / "login.txt", tmp_path, facts)
