"""Children of the supervisor: how they are born, how they end, and the signals that both sides hear."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from radius_mfa.errors import RadiusMfaError

log = logging.getLogger(__name__)

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
_FAULT = 70  # EX_SOFTWARE of sysexits.h


def fork(main: Callable[[], None]) -> int:
    """The pid of a child that runs `main`. It begins deaf: `main` lets the signals in when it is ready for them."""
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            _be_child(main)
        return pid
    finally:
        hear_signals()


def hear_signals() -> None:
    """Let in what came while this process was deaf."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def complain(error: RadiusMfaError) -> None:
    """Say on standard error what is wrong and what would mend it."""
    hint = f"hint: {error.hint}\n" if error.hint else ""
    sys.stderr.write("".join(f"error: {line}\n" for line in error.message.splitlines()) + hint)
    sys.stderr.flush()


def _be_child(main: Callable[[], None]) -> NoReturn:
    status = _FAULT
    try:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        main()
        status = 0
    except RadiusMfaError as error:
        complain(error)
        status = error.exit_code
    except BaseException:
        log.exception("a child failed")
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(status)
