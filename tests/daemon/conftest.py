"""Running daemons, one a test unless the test starts more."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.server import Server

APPEND = "- {shortname: test, ipaddr: 127.0.0.1, secret: SECRET, dialogue: append}"
UNSIGNED = "- {shortname: test, ipaddr: 127.0.0.1, secret: SECRET, require_message_authenticator: no}"

Start = Callable[..., Server]


@contextlib.contextmanager
def daemons(directory: Path) -> Iterator[Start]:
    """A function that starts daemons; in the end they are stopped, and have to have gone in peace."""
    started: list[Server] = []

    def one(**keywords: Any) -> Server:  # noqa: ANN401 - as Server has them
        server = Server(directory / f"server{len(started)}", **keywords)
        started.append(server)
        server.start()
        return server

    yield one
    for server in started:
        status = server.close()
        assert status in {0, None}, server.log()
        assert "Traceback" not in server.log(), server.log()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts daemons for one test; the keywords are those of Server."""
    with daemons(tmp_path) as one:
        yield one


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A daemon that many tests share, each with users of its own."""
    with daemons(tmp_path_factory.mktemp("common")) as one:
        yield one()


@pytest.fixture
def server(start: Start) -> Server:
    """A daemon with one client, 127.0.0.1, in dialogue `challenge`; a Reject does not wait."""
    return start()


@pytest.fixture(scope="session")
def challenge_server(common: Server) -> Server:
    """The shared one, by the name that says what matters to a program of others."""
    return common


@pytest.fixture(scope="session")
def append_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A daemon that many tests share, whose client sends password and code in one field."""
    with daemons(tmp_path_factory.mktemp("append")) as one:
        yield one(clients=APPEND)


@pytest.fixture(scope="session")
def unsigned_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A daemon that many tests share, whose client sends no Message-Authenticator."""
    with daemons(tmp_path_factory.mktemp("unsigned")) as one:
        yield one(clients=UNSIGNED)
