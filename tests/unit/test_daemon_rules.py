"""The configuration as the rules see it: trusted devices and lockout as they are written, and shares of memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from radius_mfa.auth.model import DeviceKind
from radius_mfa.auth.policy import Rules, TrustRules
from radius_mfa.auth.throttle import Lockout
from radius_mfa.daemon.rounds import _hash_slots, beyond_memory
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


@pytest.mark.parametrize("size", [32, 256, 4096])
@pytest.mark.parametrize("processes", [1, 2, 3, 5, 13, 14, 64, 300])
def test_all_processes_together_keep_to_the_memory_of_hashes(size: int, processes: int) -> None:
    """Each gets its share of hash_memory, and one hash at least: where that is more than all, the start says so."""
    read = settings(f"passwords: {{hash_memory: {size}MiB}}\n")
    threads, _ = _hash_slots(read, processes, 1.5, most=8)
    together = processes * threads * 19
    assert 1 <= threads <= 8
    assert threads == 8 or together + processes * 19 > size
    if processes * 19 <= size:
        assert together <= size
        assert [] == list(beyond_memory(read, processes))
    else:
        assert 1 == threads
        (warning,) = beyond_memory(read, processes)
        assert f"{processes} processes check passwords, and with one at a time take {processes * 19} MiB" in warning
