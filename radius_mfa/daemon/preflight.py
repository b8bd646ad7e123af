"""What a process has to be able to do before it takes a request."""

from __future__ import annotations

from pathlib import Path

from radius_mfa.audit import AuditFile
from radius_mfa.errors import AuditLost, ConfigurationError


def try_audit(file: Path) -> None:
    """Open the audit as every decision will. Raises ConfigurationError."""
    try:
        audit = AuditFile(str(file))
        audit.write([])
        audit.close()
    except AuditLost as lost:
        raise ConfigurationError(lost.message, lost.hint) from lost
