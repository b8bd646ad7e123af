"""`DB.shared`: what every process of the daemon may see without asking the database.

The file is mapped. Its head: magic, layout version, number of workers, number of rows, length of the names, a random
key of this start; then the clients' names as JSON, then one row a worker and client. A row has one writer. The last
row of each worker, named "", stands for senders that are no client.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"rmfa-shm"
_VERSION = 1
_HEAD = struct.Struct("=8sIIII32s")
_ROW = struct.Struct("=ddQ40s")  # last seen, last drop, drops, why


@dataclass(frozen=True, slots=True)
class ClientActivity:
    """What all workers have seen of one client. Times are seconds since the epoch, 0 for never.

    `shortname` is empty for senders that are no client; `reason` says why the last drop was dropped.
    """

    shortname: str
    last_seen: float = 0.0
    last_drop: float = 0.0
    drops: int = 0
    reason: str = ""

    def merged(self, other: ClientActivity) -> ClientActivity:
        latest = self if self.last_drop >= other.last_drop else other
        seen = max(self.last_seen, other.last_seen)
        return ClientActivity(self.shortname, seen, latest.last_drop, self.drops + other.drops, latest.reason)


def create(path: str, workers: int, clients: Sequence[str], key: bytes) -> None:
    """Make the file (0600) for these clients, in the order of their index, and put it in place of an older one.

    `key` (32 octets) is random and the same from one start to the next stop. What an older file of this layout knows
    of these clients is carried over. Raises OSError.
    """
    names = json.dumps(clients).encode("ascii")
    head = _HEAD.pack(_MAGIC, _VERSION, workers, len(clients) + 1, len(names), key)
    known = {activity.shortname: activity for activity in _read_if_possible(path)}
    kept = [_packed(known.get(name, ClientActivity(name))) for name in (*clients, "")]
    rows = b"".join(kept) + bytes(_ROW.size * len(kept) * (workers - 1))
    fresh = Path(f"{path}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(head + names + rows)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _read_if_possible(path: str) -> list[ClientActivity]:
    """What an older file knows; one that another user has left behind is replaced unread."""
    try:
        return read_clients(path)
    except OSError:
        return []


def read_clients(path: str) -> list[ClientActivity]:
    """One entry a client, in the order of the configuration, then the one of strangers; empty if there is no file.

    Raises OSError when the file may not be read.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return []
    layout = _Layout.of(data)
    if layout is None:
        return []
    merged = [ClientActivity(name) for name in (*layout.names, "")]
    for worker in range(layout.workers):
        for index, name in enumerate((*layout.names, "")):
            seen, drop, drops, why = _ROW.unpack_from(data, layout.offset(worker, index))
            merged[index] = merged[index].merged(ClientActivity(name, seen, drop, drops, _text(why)))
    return merged


class ClientCounters:
    """The rows of one worker, which alone writes them. `client` is its index; -1 stands for senders that are none."""

    def __init__(self, path: str, worker: int) -> None:
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        layout = _Layout.of(self._map)
        if layout is None or worker >= layout.workers:
            raise ValueError(f"{path} was not made for this daemon")
        self._first = layout.offset(worker, 0)
        self._rows = layout.rows

    def seen(self, client: int, at: float) -> None:
        struct.pack_into("=d", self._map, self._offset(client), at)

    def dropped(self, client: int, at: float, reason: str) -> None:
        offset = self._offset(client)
        seen, _, drops, _ = _ROW.unpack_from(self._map, offset)
        _ROW.pack_into(self._map, offset, seen, at, drops + 1, reason.encode("ascii"))

    def close(self) -> None:
        self._map.close()

    def _offset(self, client: int) -> int:
        return self._first + (client % self._rows) * _ROW.size


@dataclass(frozen=True, slots=True)
class _Layout:
    workers: int
    rows: int
    names: tuple[str, ...]
    start: int

    @classmethod
    def of(cls, data: bytes | mmap.mmap) -> _Layout | None:
        """What the head says, or None if this is not our layout in full."""
        if len(data) < _HEAD.size:
            return None
        magic, version, workers, rows, length, _ = _HEAD.unpack_from(data)
        start = _HEAD.size + length
        if (magic, version) != (_MAGIC, _VERSION) or len(data) != start + workers * rows * _ROW.size:
            return None
        return cls(workers, rows, tuple(json.loads(data[_HEAD.size : start])), start)

    def offset(self, worker: int, client: int) -> int:
        return self.start + (worker * self.rows + client) * _ROW.size


def _packed(activity: ClientActivity) -> bytes:
    return _ROW.pack(activity.last_seen, activity.last_drop, activity.drops, activity.reason.encode("ascii"))


def _text(padded: bytes) -> str:
    return padded.rstrip(b"\0").decode("ascii", "replace")
