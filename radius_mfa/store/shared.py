"""`DB.shared`: what every process of the daemon may see without asking the database.

The file is mapped. Its head: magic, layout version, number of workers, of rows and of tables, length of the names, a
random key of this start; then the clients' names as JSON, then one row a worker and client, then one table of slots a
process that checks passwords (store/tries.py). A row has one writer, and so has a table, but for the moment after a
reload. The last row of each worker, named "", stands for senders that are no client.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

_MAGIC = b"rmfa-shm"
_VERSION = 2
_HEAD = struct.Struct("=8sIIIII32s")
_ROW = struct.Struct("=ddQ40s")  # last seen, last drop, drops, why
_SEEN = struct.Struct("=d")  # what a row begins with
SLOT = struct.Struct("=16sddII")  # key, and what auth.tries.Bucket has
SLOTS = 32768
"""Slots of a table, which has 1.25 MiB with them."""
_TABLE = SLOTS * SLOT.size
_ALIGNMENT = 64  # octets, so that a slot's numbers are seldom seen half written


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


def create(path: str, workers: int, tables: int, clients: Sequence[str], key: bytes) -> None:
    """Make the file (0600) for these clients, in the order of their index, and put it in place of an older one.

    `tables`: processes that check passwords. `key` (32 octets) is random and the same from one start to the next stop.
    What an older file of this layout knows of these clients is carried over, and its tables if it is of this start.
    One of this start that would be made anew as it is stays: after a reload the old children go on counting there for a
    moment, and a try that they give back has to be given back. Raises OSError.
    """
    names = json.dumps(clients).encode("ascii")
    head = _HEAD.pack(_MAGIC, _VERSION, workers, len(clients) + 1, tables, len(names), key) + names
    if _begins_with(path, head):
        return
    activities, slots = _remains(path, tables, key)
    known = {activity.shortname: activity for activity in activities}
    kept = [_packed(known.get(name, ClientActivity(name))) for name in (*clients, "")]
    rows = b"".join(kept) + bytes(_ROW.size * len(kept) * (workers - 1))
    filled = head + rows
    fresh = Path(f"{path}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            # All of it is written: a hole in a mapped file on a full disk kills whoever touches it.
            file.write(filled.ljust(_aligned(len(filled)), b"\0") + (slots or bytes(_TABLE * tables)))
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _begins_with(path: str, head: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(head)) == head
    except OSError:
        return False


def _remains(path: str, tables: int, key: bytes) -> tuple[list[ClientActivity], bytes]:
    """What is carried over of an older file; one that another user has left behind is replaced unread."""
    try:
        found = mapped(path, mmap.ACCESS_READ)
    except OSError:
        return [], b""
    if found is None:
        return [], b""
    data, layout = found
    with data:
        carried = data[layout.table(0) :] if (layout.key, layout.tables) == (key, tables) else b""
        return _merged(data, layout), carried


def read_clients(path: str) -> list[ClientActivity]:
    """One entry a client, in the order of the configuration, then the one of strangers; empty if there is no file.

    Raises OSError when the file may not be read.
    """
    found = mapped(path, mmap.ACCESS_READ)
    if found is None:
        return []
    data, layout = found
    with data:
        return _merged(data, layout)


class ClientCounters:
    """The rows of one worker, which alone writes them. `client` is its index; -1 stands for senders that are none.

    `workers`: how many have rows.
    """

    def __init__(self, path: str, worker: int) -> None:
        self._map, layout = own(path)
        if worker >= layout.workers:
            self._map.close()
            raise ValueError(f"{path} has no rows for worker {worker}")
        self.workers = layout.workers
        self._first = layout.row(worker, 0)
        self._rows = layout.rows

    def seen(self, client: int, at: float) -> None:
        _SEEN.pack_into(self._map, self._first + client % self._rows * _ROW.size, at)

    def dropped(self, client: int, at: float, reason: str) -> None:
        offset = self._offset(client)
        seen, _, drops, _ = _ROW.unpack_from(self._map, offset)
        _ROW.pack_into(self._map, offset, seen, at, drops + 1, reason.encode("ascii"))

    def close(self) -> None:
        self._map.close()

    def _offset(self, client: int) -> int:
        return self._first + (client % self._rows) * _ROW.size


@dataclass(frozen=True, slots=True)
class Layout:
    """What the head of the file says, and what follows from it: where everything is, in octets."""

    workers: int
    rows: int
    tables: int
    names: tuple[str, ...]
    start: int
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, data: mmap.mmap) -> Layout | None:
        """What the head says, or None if this is not our layout in full."""
        if len(data) < _HEAD.size:
            return None
        magic, version, workers, rows, tables, length, key = _HEAD.unpack_from(data)
        if (magic, version) != (_MAGIC, _VERSION):
            return None
        start = _HEAD.size + length
        layout = cls(workers, rows, tables, (), start, key)
        if len(data) != layout.table(tables):
            return None
        return replace(layout, names=tuple(json.loads(data[_HEAD.size : start])))

    def row(self, worker: int, client: int) -> int:
        return self.start + (worker * self.rows + client) * _ROW.size

    def table(self, process: int) -> int:
        return _aligned(self.row(self.workers, 0)) + process * _TABLE


def mapped(path: str, access: int) -> tuple[mmap.mmap, Layout] | None:
    """The file, to be closed, and its layout; None when there is none, or it is not of this version.

    `access` is mmap.ACCESS_READ or mmap.ACCESS_WRITE. Raises OSError.
    """
    try:
        with open(path, "rb" if access == mmap.ACCESS_READ else "r+b") as file:
            if not os.fstat(file.fileno()).st_size:
                return None
            data = mmap.mmap(file.fileno(), 0, access=access)
    except FileNotFoundError:
        return None
    layout = Layout.of(data)
    if layout is None:
        data.close()
        return None
    return data, layout


def own(path: str) -> tuple[mmap.mmap, Layout]:
    """The file, to be written. Raises ValueError when it was not made for this daemon, OSError."""
    found = mapped(path, mmap.ACCESS_WRITE)
    if found is None:
        raise ValueError(f"{path} was not made for this daemon")
    return found


def _merged(data: mmap.mmap, layout: Layout) -> list[ClientActivity]:
    merged = [ClientActivity(name) for name in (*layout.names, "")]
    for worker in range(layout.workers):
        for index, name in enumerate((*layout.names, "")):
            seen, drop, drops, why = _ROW.unpack_from(data, layout.row(worker, index))
            merged[index] = merged[index].merged(ClientActivity(name, seen, drop, drops, _text(why)))
    return merged


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


def _packed(activity: ClientActivity) -> bytes:
    return _ROW.pack(activity.last_seen, activity.last_drop, activity.drops, activity.reason.encode("ascii"))


def _text(padded: bytes) -> str:
    return padded.rstrip(b"\0").decode("ascii", "replace")
