"""Sealed data opens under its key and in its place, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.errors import Unsealed
from radius_mfa.store.sealing import Seal

KEY = bytes(range(32))


def sealed(plain: bytes = b"secret", row: int | str = 7) -> bytes:
    return Seal(KEY).seal(plain, table="token", column="secret", row=row)


@given(st.binary(max_size=200))
def test_what_was_sealed_opens(plain: bytes) -> None:
    """Any octets come back in their place, and the sealed form is 29 octets longer."""
    value = sealed(plain)
    assert plain == Seal(KEY).open(value, table="token", column="secret", row=7)
    assert len(plain) + 29 == len(value)


def test_no_two_seals_are_equal() -> None:
    """The same secret sealed twice is two values."""
    assert sealed() != sealed()


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [("token", "secret", 8), ("token", "secret", 77), ("token", "reply", 7), ("device", "secret", 7)],
)
def test_another_place_does_not_open(table: str, column: str, row: int) -> None:
    """A value moved to another row, column or table is refused."""
    with pytest.raises(Unsealed, match=f"{table}.{column} of row {row} does not open under its key"):
        Seal(KEY).open(sealed(), table=table, column=column, row=row)


def test_another_key_does_not_open() -> None:
    """A value sealed under another key is refused."""
    with pytest.raises(Unsealed):
        Seal(bytes(32)).open(sealed(), table="token", column="secret", row=7)


def test_no_octet_can_be_changed() -> None:
    """Each flipped bit, each missing end and each octet more is refused."""
    value = sealed()
    changed = [
        bytes([*value[:at], value[at] ^ 1 << bit, *value[at + 1 :]]) for at in range(len(value)) for bit in range(8)
    ]
    for wrong in [*changed, *(value[:end] for end in range(len(value))), value + b"\0"]:
        with pytest.raises(Unsealed):
            Seal(KEY).open(wrong, table="token", column="secret", row=7)


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(33)])
def test_a_key_has_32_octets(key: bytes) -> None:
    """No other length is taken, not even one AES knows."""
    with pytest.raises(ValueError, match="32 octets"):
        Seal(key)


def test_a_seal_does_not_show_its_key() -> None:
    """Neither str nor repr has the key."""
    assert KEY.hex() not in repr(Seal(KEY)) + str(Seal(KEY))
    assert not hasattr(Seal(KEY), "__dict__")
