"""The State: opaque, bound, and unforgeable (DESIGN 4; THREATS 19, 20, 21, 22 as far as the wire goes)."""

from __future__ import annotations

import base64
import hmac
import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.auth.model import INVALID_STATE, Challenge, OpenedState, Stage
from radius_mfa.radius.state import LENGTH, States
from tests.wire.packets import NOW, SOURCE, STATES, counting_random

CHALLENGE = Challenge(Stage.CODE, "Code: ", 41, 3, 120.0)
DAY = 86_400
MIDNIGHT = NOW // DAY * DAY + DAY


def seal(challenge: Challenge = CHALLENGE, at: float = NOW) -> bytes:
    """A State for the client pbx at SOURCE."""
    return STATES.seal(challenge, client="pbx", source=SOURCE, at=at)


def reopen(raw: bytes, *, at: float = NOW, client: str = "pbx", source: str = SOURCE) -> OpenedState:
    """What the same process makes of it."""
    return STATES.open(raw, client=client, source=source, at=at)


@given(
    st.sampled_from([Stage.CODE, Stage.ENROLMENT, Stage.DECOY]),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.integers(1, 600),
    st.just(b"") | st.binary(min_size=2, max_size=2),
)
def test_what_is_sealed_opens(stage: Stage, account: int, epoch: int, lifetime: int, tag: bytes) -> None:
    """All that a challenge says comes back, and the nonce of 12 octets beside it; no tag is not a tag of zeros."""
    raw = seal(Challenge(stage, "Code: ", account, epoch, lifetime, tag=tag))
    opened = reopen(raw)
    assert OpenedState(stage, account, epoch, int(NOW) + lifetime, opened.nonce, tag) == opened
    assert 12 == len(opened.nonce)


def test_every_state_looks_alike() -> None:
    """Every State has the same length and is printable ASCII without a character that forms or links would change."""
    for account, tag in ((0, b""), (1, b""), (2**63 - 1, b""), (0, b"\0\0"), (1, b"ab")):
        raw = seal(Challenge(Stage.DECOY, "x", account, account, 600.0, tag=tag))
        assert LENGTH == len(raw)
        assert raw.replace(b"-", b"").replace(b"_", b"").isalnum()


def test_every_flipped_bit() -> None:
    """A State with one flipped bit does not open; none of them raises."""
    raw = seal()
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        assert INVALID_STATE is reopen(bytes(changed)), bit


def test_every_other_octet() -> None:
    """A State is written in one way only: any other octet at any place, and it does not open."""
    raw = seal()
    for place in range(len(raw)):
        for octet in set(range(256)) - {raw[place]}:
            assert INVALID_STATE is reopen(raw[:place] + bytes((octet,)) + raw[place + 1 :])


@pytest.mark.parametrize("length", [*range(LENGTH), LENGTH + 1, LENGTH + 4, 128, 253])
def test_every_other_length(length: int) -> None:
    """A State that was cut or extended does not open."""
    raw = seal()
    assert INVALID_STATE is reopen((raw * 4)[:length])


def test_another_place() -> None:
    """A State opens for the client and the address it was given to, and for no other."""
    raw = seal()
    assert INVALID_STATE is reopen(raw, client="pbx2")
    assert INVALID_STATE is reopen(raw, client="")
    assert INVALID_STATE is reopen(raw, source="192.0.2.11")
    assert INVALID_STATE is reopen(raw, source="")


@pytest.mark.parametrize("body", [bytes(25), bytes(28)], ids=["as-it-was", "as-it-is"])
def test_another_version(body: bytes) -> None:
    """A State of the version before does not open, not even in the length of today's."""
    key = hmac.digest(b"k" * 32, b"radius-mfa state %d" % (NOW // DAY), "sha256")
    place = b"pbx\0" + SOURCE.encode()
    sealed = {
        version: base64.urlsafe_b64encode(version + bytes(12) + AESGCM(key).encrypt(bytes(12), body, version + place))
        for version in (b"\1", b"\2")
    }
    assert INVALID_STATE is reopen(sealed[b"\1"])
    assert (len(body) == 28) == (len(sealed[b"\2"]) == LENGTH)


def test_another_key() -> None:
    """A State of another installation does not open."""
    other = States(b"x" * 32, counting_random).seal(CHALLENGE, client="pbx", source=SOURCE, at=NOW)
    assert INVALID_STATE is reopen(other)


def test_another_process() -> None:
    """A State opens at every worker and after a restart: the key is all that is needed."""
    assert 41 == States(b"k" * 32, counting_random).open(seal(), client="pbx", source=SOURCE, at=NOW).account_id


@pytest.mark.parametrize(
    ("sealed", "opened", "opens"),
    [
        (MIDNIGHT - 1, MIDNIGHT + 1, True),
        (MIDNIGHT, MIDNIGHT + DAY, True),
        (MIDNIGHT - 1, MIDNIGHT + DAY, False),
        (MIDNIGHT + 1, MIDNIGHT - 1, False),
    ],
)
def test_keys_of_days(sealed: float, opened: float, opens: bool) -> None:
    """A State opens under today's key and yesterday's, not under one that is older or to come."""
    assert opens == (reopen(seal(at=sealed), at=opened) is not INVALID_STATE)


def test_expiry_is_told_not_judged() -> None:
    """An expired State opens and says when it ended: the rules need to tell it from a forged one."""
    assert int(NOW) + 120 == reopen(seal(), at=NOW + 121).expires


def forgeries(count: int, seed: int = 20) -> int:
    """How many of `count` guesses open: half random octets, half a real State with its end guessed."""
    chance = random.Random(seed)
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    raw = seal()
    opened = 0
    for guess in range(count):
        guessed = bytes(chance.choices(letters, k=LENGTH if guess % 2 else 22))
        forged = guessed if guess % 2 else raw[:-22] + guessed
        opened += reopen(forged) is not INVALID_STATE
    return opened


def test_guesses() -> None:
    """None of 20,000 forged States opens."""
    assert 0 == forgeries(20_000)


@pytest.mark.fuzz
def test_a_million_guesses() -> None:
    """None of 1,000,000 forged States opens."""
    assert 0 == forgeries(1_000_000)
