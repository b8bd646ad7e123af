"""What /proc knows of a server as a whole: the process that was started and all its children."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """Octets of one process: its share of what it has mapped, and what is its own alone."""

    proportional: int
    private: int


def tree(pid: int) -> list[int]:
    """The process and its descendants, those that are still there."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(one for child in children for one in tree(child))]


def cpu(pid: int) -> float:
    """Seconds of CPU, user and system, that the tree has used; children that have ended count with their parent."""
    return sum(map(_times, tree(pid)))


def memory(pid: int) -> Memory:
    """What /proc/PID/smaps_rollup says; a process that hides its memory shows it to root alone."""
    sizes: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, value = line.split()[:2]
        sizes[key] = int(value) * 1024
    return Memory(sizes["Pss:"], sizes["Private_Clean:"] + sizes["Private_Dirty:"])


def total_memory(pid: int) -> int:
    """Octets of the whole tree, what its processes share counted once."""
    return sum(memory(one).proportional for one in tree(pid))


def _times(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICKS  # utime, stime, cutime, cstime: see proc(5)
