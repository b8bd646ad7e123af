"""The daemons of tests/daemon, for figures."""

from __future__ import annotations

from tests.daemon.conftest import start

__all__ = ["start"]
