"""Running daemons, one a test unless the test starts more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.server import Server

APPEND = "- {shortname: test, ipaddr: 127.0.0.1, secret: SECRET, dialogue: append}"
UNSIGNED = "- {shortname: test, ipaddr: 127.0.0.1, secret: SECRET, require_message_authenticator: no}"

Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts daemons (the keywords are those of Server) and stops them."""
    started: list[Server] = []

    def one(**keywords: Any) -> Server:  # noqa: ANN401 - as Server has them
        server = Server(tmp_path / f"server{len(started)}", **keywords)
        started.append(server)
        server.start()
        return server

    yield one
    for server in started:
        status = server.stop()
        assert status in {0, None}, server.log()
        assert "Traceback" not in server.log(), server.log()


@pytest.fixture
def server(start: Start) -> Server:
    """A daemon with one client, 127.0.0.1, in dialogue `challenge`; a Reject does not wait."""
    return start()


@pytest.fixture
def challenge_server(server: Server) -> Server:
    """The same, by the name that says what matters to a program of others."""
    return server


@pytest.fixture
def append_server(start: Start) -> Server:
    """A daemon whose client sends password and code in one field."""
    return start(clients=APPEND)


@pytest.fixture
def unsigned_server(start: Start) -> Server:
    """A daemon whose client sends no Message-Authenticator."""
    return start(clients=UNSIGNED)
