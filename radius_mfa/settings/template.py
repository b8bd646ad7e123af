"""The reference configuration as a file to begin with: what `init` and `demo` write."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

_SHIPPED = "radius-mfa.yaml"


@dataclass(frozen=True)
class Places:
    """Where an installation keeps its files; all absolute."""

    store: Path
    master_key: Path
    audit: Path


def system_places() -> Places:
    """The places of an installation under /etc/radius-mfa."""
    store, audit = Path("/var/lib/radius-mfa/radius-mfa.db"), Path("/var/log/radius-mfa/audit.jsonl")
    return Places(store, Path("/etc/radius-mfa/master.key"), audit)


def places_beside(directory: Path) -> Places:
    """Everything in one directory."""
    base = directory.absolute()
    return Places(base / "radius-mfa.db", base / "master.key", base / "audit.jsonl")


def shipped(name: str = _SHIPPED) -> str:
    """The text of a file of config/, such as `examples/sbc-append.yaml`."""
    file = resources.files("radius_mfa")
    for part in ("config", *name.split("/")):
        file = file / part
    return file.read_text(encoding="utf-8")


def render(
    places: Places,
    secret: str,
    *,
    issuer: str | None = None,
    listen: Sequence[str] = (),
) -> str:
    """The reference file with these places and `secret` as the shared secret of the client on 127.0.0.1.

    It holds the secret as text: write it with mode 0600. `issuer` and `listen` replace the shipped values.
    """
    text = _replaced(shipped(), "store", _quoted(f"sqlite:///{places.store}"))
    text = _replaced(text, "master_key", f"{{file: {_quoted(str(places.master_key))}}}")
    text = _replaced(text, "    secret", _quoted(secret))
    text = _replaced(text, "audit", f"{{file: {_quoted(str(places.audit))}}}")
    if listen:
        text = _replaced(text, "  radius", f"[{', '.join(map(_quoted, listen))}]")
    return _replaced(text, "issuer", _quoted(issuer)) if issuer else text


def _replaced(text: str, key: str, value: str) -> str:
    """`text` with another value at the one line that sets `key` (given with its indentation)."""
    line = re.compile(rf"^{re.escape(key)}: \S.*$", re.MULTILINE)
    return line.sub(lambda _: f"{key}: {value}", text, count=1)


def _quoted(value: str) -> str:
    """A YAML double-quoted scalar; JSON's is one."""
    return json.dumps(value, ensure_ascii=False)
