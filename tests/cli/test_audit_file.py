"""Reading the audit file backwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from radius_mfa import audit_trail


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1000])
def test_lines_come_from_the_last_to_the_first(block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the blocks end, no line is lost or cut."""
    monkeypatch.setattr(audit_trail, "BLOCK", block)
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"first\n\nthird line\nlast\n")
    with path.open("rb") as file:
        assert [b"", b"last", b"third line", b"", b"first"] == list(audit_trail.backwards(file))


def test_a_compressed_or_foreign_file_is_not_read(tmp_path: Path) -> None:
    """Only what logrotate has renamed and not yet compressed stands beside the file."""
    for name in (
        "audit.jsonl",
        "audit.jsonl.1",
        "audit.jsonl-20260301",
        "audit.jsonl.2.gz",
        "audit.jsonl.bak",
        "other.1",
    ):
        (tmp_path / name).touch()
    found = {path.name for path in audit_trail.rotated(tmp_path / "audit.jsonl")}
    assert {"audit.jsonl", "audit.jsonl.1", "audit.jsonl-20260301"} == found


@pytest.mark.parametrize("most", range(25))
def test_lines_are_read_no_further_back_than_allowed(most: int, tmp_path: Path) -> None:
    """Only whole ones, which show where they begin."""
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"first\nsecond\nlast\n")
    with path.open("rb") as file:
        read = [line for line in audit_trail.backwards(file, most) if line]
    assert [line for line, size in ((b"last", 6), (b"second", 13), (b"first", 18)) if most >= size] == read
