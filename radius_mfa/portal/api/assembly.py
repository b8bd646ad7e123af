"""The API put together."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.routing import Mount

from radius_mfa.auth.policy import Rules
from radius_mfa.portal.api.codes import CodeOperations
from radius_mfa.portal.api.devices import DeviceOperations
from radius_mfa.portal.api.gate import Gate
from radius_mfa.portal.api.health import HealthOperation
from radius_mfa.portal.api.openapi import Described
from radius_mfa.portal.api.users import UserOperations
from radius_mfa.portal.desk import Desk
from radius_mfa.ports import Clock, Random


def api(desk: Desk, clock: Clock, random: Random, rules: Rules, codes: int, store: Path, audit: Path) -> Mount:
    """All that is under /api. `codes`: how many a set of recovery codes has; `store` and `audit` are its files."""
    operations = [
        *UserOperations(desk, clock, rules).operations(),
        *CodeOperations(desk, clock, random, codes).operations(),
        *DeviceOperations(desk, clock).operations(),
        *HealthOperation(desk, clock, store, audit).operations(),
    ]
    mount = Mount("/api", Gate(desk, rules.names, Described(operations).all))
    mount.path_regex = re.compile(r"/api/(?P<path>.*)")  # Starlette's finds no path with a line end in it
    return mount
