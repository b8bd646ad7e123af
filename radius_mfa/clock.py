"""The clock of this machine."""

from __future__ import annotations

import time


class SystemClock:
    """ports.Clock: the kernel's clocks themselves. Wall time may step, monotonic time never does."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
