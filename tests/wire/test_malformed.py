"""Each rule of the strict walk drops what breaks it, by its own reason, and nothing else (DESIGN 4; THREATS 17, 80)."""

from __future__ import annotations

import pytest

from radius_mfa.radius.drops import Drop
from tests.wire.packets import STRICT, Vector, dropped, vectors

MALFORMED = list(vectors("malformed.txt"))


@pytest.mark.parametrize("vector", MALFORMED, ids=lambda vector: vector.name)
def test_the_named_outcome(vector: Vector) -> None:
    """A datagram of the vectors is read, or dropped for the reason that the vectors name."""
    assert vector.outcome == (dropped(vector.datagram) or "ok")


def test_every_rule_of_the_walk_has_a_vector() -> None:
    """The vectors show every reason that a datagram alone can give."""
    elsewhere = {
        Drop.UNKNOWN_CLIENT, Drop.PROXY_STATE_UNSIGNED, Drop.VENDOR_UNSIGNED, Drop.DUPLICATE_CONFLICT,
        Drop.DUPLICATE_IN_WORK, Drop.BUSY, Drop.DEADLINE, Drop.PASSWORDS_UNAVAILABLE, Drop.STORE_BUSY,
        Drop.STORE_FAILED, Drop.AUDIT_LOST, Drop.INTERNAL,
    }  # fmt: skip
    assert set(Drop) - elsewhere == {Drop(vector.outcome) for vector in MALFORMED if vector.outcome != "ok"}


def test_an_empty_datagram() -> None:
    """No octet at all is too short."""
    assert Drop.SHORT == dropped(b"")


@pytest.mark.parametrize("reason", Drop)
def test_a_hint_names_the_client(reason: Drop) -> None:
    """The hint of a drop reason is one plain line, with the client in place."""
    hint = reason.hint(STRICT.shortname)
    assert "{" not in hint
    assert "\n" not in hint
    if "secret" in hint or "require_message_authenticator" in hint:
        assert "pbx" in hint
