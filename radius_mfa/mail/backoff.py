"""How long a mail waits before it is tried again."""

from __future__ import annotations

FIRST = 5.0
"""Seconds after the first failure; each further one doubles them."""
DOWN_MOST = 20.0
"""Seconds between two looks at a server that takes no mail at all: when it is back, nobody waits a minute."""
MOST = 900.0
"""Seconds between two attempts for one mail that a working server has put off (greylisting, a full mailbox)."""


def pause(failures: int, chance: float, *, down: bool) -> float:
    """Seconds until the next attempt after so many failures, at least 1; `chance` in [0, 1) takes off up to half."""
    longest = min(DOWN_MOST if down else MOST, FIRST * 2.0 ** min(failures - 1, 20))
    return longest * (1.0 - chance / 2)
