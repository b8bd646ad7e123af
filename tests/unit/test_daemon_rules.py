"""The configuration as the rules see it: trusted devices and lockout arrive as they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from radius_mfa.auth.model import DeviceKind
from radius_mfa.auth.policy import Rules, TrustRules
from radius_mfa.auth.throttle import Lockout
from radius_mfa.daemon.rules import client_policy, rules
from radius_mfa.settings import Settings, load_text

MINIMAL = """issuer: Example
listen: {radius: ["127.0.0.1:1812"]}
store: sqlite:////var/lib/radius-mfa/radius-mfa.db
master_key: {file: /etc/radius-mfa/master.key}
clients: [{shortname: pbx, ipaddr: 192.0.2.10, secret: geheimgeheimgeheim, trusted_devices: KIND}]
"""


def settings(more: str = "", kind: str = "off") -> Settings:
    """A configuration with these further keys."""
    return load_text(MINIMAL.replace("KIND", kind) + more, Path("/etc/radius-mfa/radius-mfa.yaml"))


def test_what_is_written_arrives() -> None:
    """Every key of mfa.trusted_devices and mfa.lockout has its place in the rules, in seconds."""
    read = rules(
        settings(
            "mfa:\n  trusted_devices: {lifetime: 3d, max: 4}\n"
            "  lockout: {after: 6, for: 7m, per_window: 8, window: 9h, disable_after: 50}\n"
        )
    )
    assert TrustRules(3 * 86_400, 4) == read.trust
    assert Lockout(6, 420, 8, 9 * 3600, 50) == read.lockout


def test_defaults_are_those_of_the_rules() -> None:
    """A file that says nothing of them gives what the rules have by themselves."""
    read = rules(settings())
    assert (Rules().trust, Rules().lockout) == (read.trust, read.lockout)


@pytest.mark.parametrize(
    ("kind", "trusted"),
    [("off", None), ("token", DeviceKind.TOKEN), ("calling-station", DeviceKind.CALLING_STATION)],
)
def test_what_a_client_may_trust(kind: str, trusted: DeviceKind | None) -> None:
    """Nothing unless the client says so."""
    assert trusted is client_policy(settings(kind=kind).clients[0]).trusted_devices
