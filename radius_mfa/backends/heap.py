"""Memory that hashes have taken: malloc keeps it for the next one, 19 MiB a thread, until it is told to let go."""

from __future__ import annotations

import contextlib
import ctypes

_LIBC = ctypes.CDLL(None)
_M_ARENA_MAX = -8  # malloc.h


def share() -> None:
    """Let all threads of this process have one heap: glibc gives nothing back of the others."""
    with contextlib.suppress(AttributeError):  # a libc without it keeps nothing
        _LIBC.mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Let the host have what is free. The next hash has to ask for it again, which costs as much as half a hash."""
    with contextlib.suppress(AttributeError):
        _LIBC.malloc_trim(0)
