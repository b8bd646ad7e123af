"""The audit is rotated under a server that is told nothing."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from radius_mfa.audit import AuditFile
from radius_mfa.ports import AuditRecord
from tests.conftest import ROOT
from tests.service.host import Host

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.needs("logrotate", package="logrotate"),
    pytest.mark.needs("systemd-tmpfiles", package="systemd"),
    pytest.mark.timeout(600),
]


def test_no_line_is_lost_when_the_audit_is_rotated(bare: Host) -> None:
    """Each line is in one file, the newest in the one that the path names, which is the server's."""
    (bare.root / "etc/radius-mfa.logrotate").write_text((ROOT / "systemd/logrotate").read_text())
    folder = bare.root / "var/log/radius-mfa"
    folder.chmod(0o770)  # a group that may write is refused, unless the rotation is done as the server's user
    audit = AuditFile(str(folder / "audit.jsonl"))
    for turn in range(3):
        audit.write([AuditRecord(turn, f"turn {turn}")])
        bare.run("/usr/sbin/logrotate", "--force", "--state", "/var/lib/logrotate", "/etc/radius-mfa.logrotate")
    audit.write([AuditRecord(3, "turn 3")])
    lines = [gzip.decompress((folder / f"audit.jsonl.{number}.gz").read_bytes()) for number in (3, 2)]
    lines += [(folder / name).read_bytes() for name in ("audit.jsonl.1", "audit.jsonl")]
    assert [1] * 4 == [len(line.splitlines()) for line in lines]
    assert [f'"event":"turn {turn}"'.encode() in line for turn, line in enumerate(lines)] == [True] * 4
    status = (folder / "audit.jsonl").stat()
    assert (0o640, bare.uid) == (status.st_mode & 0o777, status.st_uid)
    assert 4 == len(list(Path(folder).iterdir()))
