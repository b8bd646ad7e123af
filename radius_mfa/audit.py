"""The audit file: one JSON object a line and a decision, in place before the reply leaves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

# ASCII only: no control character, line separator or half surrogate of a request can end a line or confuse a terminal.
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path

from radius_mfa.errors import AuditLost
from radius_mfa.ports import AuditRecord


def line(record: AuditRecord) -> bytes:
    """One record as it stands in the file, with its newline. Every key is always there; the time is ISO 8601, UTC."""
    second, micro = divmod(round(record.time * 1_000_000), 1_000_000)
    return (
        f'{{"time":"{_second(second)}.{micro // 1000:03}+00:00"'
        f',"event":{quoted(record.event)}'
        f',"account":{quoted(record.account)}'
        f',"client":{quoted(record.client)}'
        f',"source":{quoted(record.source)}'
        f',"calling_station":{quoted(record.calling_station)}'
        f',"transport":{quoted(record.transport)}'
        f',"result":{quoted(record.result)}'
        f',"reason":{quoted(record.reason)}'
        f',"method":{quoted(record.method)}'
        f',"duration_ms":{record.duration_ms}'
        f',"request_id":{quoted(record.request_id)}'
        f',"actor":{quoted(record.actor)}}}\n'
    ).encode("ascii")


@lru_cache(maxsize=2)
def _second(since_epoch: int) -> str:
    return datetime.fromtimestamp(since_epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class AuditFile:
    """ports.Audit over a file that many processes append to and that may be rotated under them (mode 0640).

    The file is opened at the first write, and again whenever its path names another file.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._file: int | None = None
        self._identity = (0, 0)

    def write(self, records: Sequence[AuditRecord]) -> None:
        """Append all records in one write. Raises AuditLost when not every octet got there."""
        data = b"".join(map(line, records))
        try:
            file, size = self._current()
            if size and os.pread(file, 1, size - 1) != b"\n":
                data = b"\n" + data  # somebody's write came up short: what is whole must not hang on to the stump
            written = os.write(file, data)
        except OSError as error:
            raise self._lost(error.strerror or "write failed") from error
        if written != len(data):
            raise self._lost("short write")

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _current(self) -> tuple[int, int]:
        """The descriptor of the file that the path names now, and its size."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            status = None
        if self._file is None or status is None or (status.st_dev, status.st_ino) != self._identity:
            self.close()
            self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o640)
            status = os.fstat(self._file)
            self._identity = (status.st_dev, status.st_ino)
        return self._file, status.st_size

    def _lost(self, cause: str) -> AuditLost:
        return AuditLost(
            f"audit line not written to {self._path}: {cause}", "free space there or name another audit.file"
        )
