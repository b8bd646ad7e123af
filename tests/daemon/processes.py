"""What /proc knows of a process."""

from __future__ import annotations

import os
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descriptors(pid: int) -> list[str]:
    """What the open descriptors of a process are."""
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(fd.readlink()))
        except OSError:
            continue
    return found


def is_udp(pid: int, descriptor: str) -> bool:
    """Whether a descriptor is one of the UDP sockets of the process's network."""
    inode = descriptor.removeprefix("socket:[").removesuffix("]")
    tables = (Path(f"/proc/{pid}/net/{name}").read_text() for name in ("udp", "udp6"))
    return descriptor.startswith("socket:") and any(f" {inode} " in table for table in tables)


def rss(pid: int) -> int:
    """Resident memory of a process in octets."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def private(pid: int) -> int:
    """Memory in octets that a process shares with no other."""
    fields = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return sum(int(value) for name, value, *_ in fields if name.startswith("Private_")) * 1024


def cpu(pid: int) -> float:
    """Seconds that all threads of a process have computed."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
