"""One of each mail with invented facts: for checking templates, for previews and for tests."""

from __future__ import annotations

from radius_mfa.auth.notices import (
    Activated,
    AddressChanged,
    Change,
    Changed,
    CodeUsed,
    Facts,
    Invitation,
    NewDevice,
    Reset,
    Test,
)
from radius_mfa.mail.letterhead import Letterhead

KEY = "A2B3C4D5E6F7G2H3I4J5K6L7M2N3O4P5"
LINK = "AAAAAAAAAAdZ3Qe0aC5m0nq8m1jXb7rQ2hTQ9eX2n0Yc4Vb6sKf1Zg"
AT = 1_800_000_000.0
"""15 January 2027, 08:00 UTC."""
_LATER = AT + 86400.0
LETTERHEAD = Letterhead(
    "Example PBX", "PBX <pbx@example.com>", "Call the help desk: 4711", portal="https://pbx.example.com"
)

SAMPLES: tuple[Facts, ...] = (
    Invitation(account="alice", key=KEY, ends=_LATER, mode="qr"),
    Invitation(account="alice", key=KEY, ends=_LATER, mode="key"),
    Activated(account="alice", at=AT, client="pbx", address="192.0.2.7"),
    Reset(account="alice", at=AT),
    AddressChanged(account="alice", at=AT, old="a***@example.com", new="a***@example.net"),
    CodeUsed(account="alice", at=AT, client="pbx", address="2001:db8::7", left=2, low=True),
    CodeUsed(account="alice", at=AT, left=0, low=True),
    NewDevice(account="alice", at=AT, client="pbx", address="192.0.2.7", until=_LATER, device="laptop"),
    Invitation(account="alice", key="", ends=_LATER, mode="link", link=LINK),
    *(
        Changed(account="alice", at=AT, client="portal", address="192.0.2.7", what=what, device="laptop")
        for what in (Change.DEVICE_REVOKED, Change.NOT_ME)
    ),
    Test(at=AT),
)
