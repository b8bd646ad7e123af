"""Octets behind a salt (RFC 2868 section 3.5): as FreeRADIUS and pyrad hide them, and whatever comes in their place."""

from __future__ import annotations

from hypothesis import assume, example, given
from hypothesis import strategies as st
from pyrad.packet import AuthPacket

from radius_mfa.radius.attributes import DICTIONARY
from radius_mfa.radius.secret import SharedSecret
from tests.wire.packets import AUTHENTICATOR, SECRET, hidden_salted, vectors

PLAIN = st.binary(max_size=239)
SALT = st.binary(min_size=2, max_size=2)
OURS = SharedSecret(SECRET)


def theirs() -> AuthPacket:
    """A packet of pyrad under the same secret and Request Authenticator."""
    return AuthPacket(secret=SECRET, authenticator=AUTHENTICATOR, dict=DICTIONARY)


def test_freeradius() -> None:
    """What FreeRADIUS has hidden is read, and the same octets come out of ours under the same salt."""
    found = list(vectors("salted.txt"))
    assert len(found) == 9
    for vector in found:
        plain, hidden = bytes.fromhex(vector.outcome), vector.datagram
        assert plain == OURS.reveal_salted(hidden, AUTHENTICATOR)
        assert hidden == OURS.hide_salted(plain, AUTHENTICATOR, hidden[:2])
        assert hidden == hidden_salted(plain, salt=hidden[:2])


@given(PLAIN)
def test_pyrad(plain: bytes) -> None:
    """pyrad reads what we hide, and we read what pyrad hides."""
    assert plain == OURS.reveal_salted(theirs().SaltCrypt(plain), AUTHENTICATOR)
    assert plain == theirs().SaltDecrypt(OURS.hide_salted(plain, AUTHENTICATOR, b"\0\0"))


@given(PLAIN, SALT)
def test_the_top_bit_of_the_salt(plain: bytes, salt: bytes) -> None:
    """The salt is the one that is given, with its top bit set; then come whole blocks, and no more than are needed."""
    hidden = OURS.hide_salted(plain, AUTHENTICATOR, salt)
    assert bytes((salt[0] | 0x80, salt[1])) == hidden[:2]
    assert 2 + (len(plain) // 16 + 1) * 16 == len(hidden)


@given(PLAIN, st.binary(min_size=1, max_size=30), st.binary(min_size=16, max_size=16))
def test_another_secret_or_request(plain: bytes, secret: bytes, authenticator: bytes) -> None:
    """Under another secret, another request or another salt it is not what was hidden."""
    assume(secret != SECRET and authenticator != AUTHENTICATOR and len(plain) >= 8)
    hidden = OURS.hide_salted(plain, AUTHENTICATOR, b"\x80\1")
    assert plain != SharedSecret(secret).reveal_salted(hidden, AUTHENTICATOR)
    assert plain != OURS.reveal_salted(hidden, authenticator)
    assert plain != OURS.reveal_salted(b"\x80\2" + hidden[2:], AUTHENTICATOR)


@given(st.binary(max_size=253))
@example(b"")
@example(b"\x80")
@example(b"\x80\0")
def test_any_octets(value: bytes) -> None:
    """Whatever comes is read as octets that fit, never an error."""
    assert len(OURS.reveal_salted(value, AUTHENTICATOR)) < max(1, len(value) - 2)


@given(PLAIN, st.integers(1, 15))
def test_parts_of_blocks(plain: bytes, cut: int) -> None:
    """A value that does not end with a whole block is none."""
    hidden = OURS.hide_salted(plain, AUTHENTICATOR, b"\0\0")
    assert b"" == OURS.reveal_salted(hidden[:-cut], AUTHENTICATOR)
    assert b"" == OURS.reveal_salted(hidden + bytes(cut), AUTHENTICATOR)


@given(st.integers(1, 14), st.integers(0, 255))
def test_a_length_that_overruns(blocks: int, length: int) -> None:
    """A length beyond the octets that came makes it none; every shorter one is taken at its word."""
    clear = bytes((length,)) + bytes(16 * blocks - 1)
    value = hidden_salted(clear, salt=b"\x80\0", whole=True)
    assert bytes(length if length < 16 * blocks else 0) == OURS.reveal_salted(value, AUTHENTICATOR)
