"""The audit file: whole lines or none, whatever is in them and whatever happens to the file."""

from __future__ import annotations

import json
import os
import resource
import stat
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa import audit
from radius_mfa.audit import AuditFile
from radius_mfa.errors import AuditLost
from radius_mfa.ports import AuditRecord

HOSTILE = ["a\rb\nc", "\x1b]0;owned\x07", "x\u2028y\u2029z\u0085", '"},{"a":"', "\\", "\udcff\udc80", "\x00", "n" * 253]


def record(account: str = "alice") -> AuditRecord:
    return AuditRecord(time=1_700_000_000.1234, event="login", account=account, client="pbx", result="accept")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def file(path: Path) -> Iterator[AuditFile]:
    opened = AuditFile(str(path))
    yield opened
    opened.close()


def accounts(path: Path) -> list[str]:
    return [json.loads(line)["account"] for line in path.read_text("ascii").splitlines() if line]


def test_a_record_has_fixed_keys_in_a_fixed_order() -> None:
    """Every line has every key, and its time is ISO 8601 in UTC with milliseconds."""
    line = json.loads(audit.line(record()))
    assert list(asdict(record())) == list(line)
    assert line["time"] == "2023-11-14T22:13:20.123+00:00"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_one_line_and_comes_back_equal(file: AuditFile, path: Path, text: str) -> None:
    """No octet of a request can end a line or start another (THREATS 100)."""
    file.write([AuditRecord(time=0, event="login", account=text, calling_station=text)])
    assert path.read_bytes().isascii()
    assert path.read_bytes().count(b"\n") == 1
    line = json.loads(path.read_bytes())
    assert (text, text) == (line["account"], line["calling_station"])


@given(st.text())
def test_any_text_comes_back_equal(text: str) -> None:
    """A line is printable ASCII with one newline, and parses back to what was written."""
    line = audit.line(record(text))
    assert line[:-1].decode("ascii").isprintable()
    assert json.loads(line)["account"] == text


def test_the_file_is_not_for_everybody(file: AuditFile, path: Path) -> None:
    """The file is made with mode 0640."""
    previous = os.umask(0)
    try:
        file.write([record()])
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_rotated_file_is_left_alone(file: AuditFile, path: Path) -> None:
    """After a rotation the next line is in the new file."""
    file.write([record("before")])
    path.rename(path.with_suffix(".1"))
    file.write([record("between")])
    path.rename(path.with_suffix(".2"))
    path.touch()
    file.write([record("after")])
    assert ["before"] == accounts(path.with_suffix(".1"))
    assert ["between"] == accounts(path.with_suffix(".2"))
    assert ["after"] == accounts(path)


def test_two_writers_share_a_file(file: AuditFile, path: Path) -> None:
    """What several processes append stands line by line."""
    other = AuditFile(str(path))
    for _ in range(10):
        file.write([record("one"), record("one")])
        other.write([record("two")])
    other.close()
    assert ["one", "one", "two"] * 10 == accounts(path)


def test_a_short_write_is_a_lost_audit_and_spoils_no_later_line(file: AuditFile, path: Path) -> None:
    """A line that was cut short raises, and the next one, from whichever process, stands on a line of its own."""
    file.write([record("whole")])
    size = path.stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))
    try:
        with pytest.raises(AuditLost, match="short write"):
            file.write([record("cut")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.stat().st_size == size + 10
    other = AuditFile(str(path))
    other.write([record("next")])
    other.close()
    lines = path.read_text().splitlines()
    assert len(lines) == 3
    assert ["whole", "next"] == [json.loads(lines[0])["account"], json.loads(lines[2])["account"]]


def test_a_missing_directory_is_a_lost_audit_until_it_is_back(tmp_path: Path) -> None:
    """Without a place to write the audit is lost, with a hint; it works again as soon as the place is there."""
    path = tmp_path / "log" / "audit.jsonl"
    file = AuditFile(str(path))
    with pytest.raises(AuditLost, match="No such file or directory") as lost:
        file.write([record()])
    assert "audit.file" in lost.value.hint
    path.parent.mkdir()
    file.write([record()])
    file.close()
    assert ["alice"] == accounts(path)


def test_a_full_disk_is_a_lost_audit() -> None:
    """ENOSPC raises AuditLost with the system's word for it."""
    with pytest.raises(AuditLost, match="No space left on device"):
        AuditFile("/dev/full").write([record()])
