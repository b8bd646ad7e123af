"""The host is built once; its stacks and sockets are a test's own, one after the other."""

from __future__ import annotations

import pytest

from tests.pam.host import Host, build


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """The hook, built by its Makefile."""
    folder = tmp_path_factory.mktemp("pam")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)  # what runs as another user has to reach it
    return build(folder)
