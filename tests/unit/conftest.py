"""Laws are tried on the same examples each time, and none fails because a machine was slow."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", deadline=None, derandomize=True)
settings.load_profile("unit")
