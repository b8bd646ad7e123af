"""The host is built once; its stacks and sockets are a test's own, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.pam.door import Door
from tests.pam.host import Host, build


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """The hook, built by its Makefile. Not under pytest's own directory, which other users cannot enter."""
    with TemporaryDirectory(prefix="radius-mfa-") as folder:
        yield build(Path(folder))


@pytest.fixture
def door(host: Host) -> Iterator[Door]:
    """A door that is yet to be started. Its directory is one that other users can enter."""
    host.stack(host.hook())
    with TemporaryDirectory(prefix="radius-mfa-") as folder:
        made = Door(host, Path(folder))
        try:
            yield made
        finally:
            made.close()
