"""Rows of a damaged file are failures of the store, not faults of the rules."""

from __future__ import annotations

import pytest

from radius_mfa.errors import StoreFailed
from radius_mfa.store.rows import history_of


@pytest.mark.parametrize("column", range(5))
def test_a_history_of_another_type_is_damage(column: int) -> None:
    """Octets where a number belongs, or a number where the digests belong, are found when the row is read."""
    row: list[object] = [0, 0, 0.0, 0.0, b""]
    row[column] = 7 if column == 4 else b"\0\1"
    with pytest.raises(StoreFailed):
        history_of(row)
