"""One installation for all that only look at it, and hosts to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import find
from tests.service.host import Host, make_host
from tests.service.installation import Installation


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """What `make install` makes, with a umask that lets nobody else read."""
    if find("/usr/lib/python3*/ensurepip") is None:
        pytest.skip("python has no venv module: install python3-venv")
    root = tmp_path_factory.mktemp("installed")
    root.chmod(0o755)
    installation = Installation(root)
    done = installation.make("install")
    assert done.returncode == 0, done.stdout + done.stderr
    return installation


@pytest.fixture
def bare(installed: Installation, tmp_path: Path) -> Host:
    """A host on which everything is installed and nothing is set up."""
    root = tmp_path / "host"
    root.mkdir()
    for directory in (tmp_path, *list(tmp_path.parents)[:2]):
        directory.chmod(0o755)  # pytest closes them to others, and the program runs as another user
    return make_host(root, installed)
