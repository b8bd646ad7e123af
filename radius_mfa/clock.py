"""The clock of this machine."""

from __future__ import annotations

import time


class SystemClock:
    """ports.Clock over the kernel's clocks: wall time may step, monotonic time never does."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()
