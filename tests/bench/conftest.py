"""The daemons of tests/daemon, for figures, and what the benchmarks build on the spot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.load import build
from tests.daemon.conftest import start

__all__ = ["radload", "start"]


@pytest.fixture(scope="session")
def radload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The load generator."""
    return build(tmp_path_factory.mktemp("radload"))
