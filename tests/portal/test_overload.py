"""Whatever becomes of the portal, logins over RADIUS go on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.daemon.conftest import APPEND
from tests.daemon.server import User, wait_for
from tests.portal.site import Site, sites

LOGINS = 40


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Site]:
    """A site of its own, whose RADIUS client sends password and code in one."""
    with sites(tmp_path) as made:
        made.append(Site(tmp_path / "site", clients=APPEND))
        made[0].start()
        yield made[0]


def logins(site: Site, users: list[User]) -> list[str]:
    """What becomes of one login of each."""
    client = site.server.client()
    return [client.ask(client.request(user.name, user.password + user.code())).result for user in users]


@pytest.mark.timeout(300)
def test_a_crowd_before_the_portal_keeps_nobody_from_radius(crowded: Site) -> None:
    """500 connections, 100 of them with wrong passwords all the time: every login over RADIUS is accepted.

    And the portal is still there: it refuses, or says that it is too much, and lets the next one in when they are gone.
    """
    users = [crowded.user() for _ in range(LOGINS)]
    command = [sys.executable, "-m", "tests.portal.flood", str(crowded.port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as crowd:
        assert crowd.stdout is not None
        assert "here\n" == crowd.stdout.readline()
        assert ["accept"] * LOGINS == logins(crowded, users)
        assert crowd.poll() is None
        refused, told_to_wait = map(int, crowd.communicate()[0].split())
    assert 0 == crowd.returncode
    assert refused > 0
    print(f"sign-ins refused meanwhile: {refused}, told to come back: {told_to_wait}")
    with crowded.browser() as browser:
        assert "/" == browser.sign_in(crowded.user()).url.path
    assert len(crowded.log().splitlines()) < 10


def test_the_portal_down_keeps_nobody_from_radius(crowded: Site) -> None:
    """Killed in the middle of a sign-in, or not there: logins over RADIUS and the daemon's log are as ever."""
    before, after = crowded.user(), crowded.user()
    with crowded.browser() as browser:
        browser.submit("/login", name=before.name, password=before.password)
    assert crowded.process is not None
    crowded.process.kill()
    crowded.process.wait(20)
    crowded.process = None
    assert ["accept", "accept"] == logins(crowded, [before, after])
    assert "error" not in crowded.server.log()
    crowded.start_portal()
    with crowded.browser() as browser:
        assert "/" == browser.sign_in(after, after.code(1)).url.path


def test_a_daemon_that_comes_back_is_found(crowded: Site) -> None:
    """A restart of the daemon puts another table in its place: the portal goes on with that."""
    with crowded.browser() as browser:
        assert "/" == browser.sign_in(crowded.user()).url.path
    crowded.server.restart()
    with crowded.browser() as browser:
        assert "/" == browser.sign_in(crowded.user()).url.path
    crowded.server.reload()
    with crowded.browser() as browser:
        assert "/" == browser.sign_in(crowded.user()).url.path
    wait_for(lambda: "not available" not in crowded.log(), "silence")
