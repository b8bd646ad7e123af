"""What goes on beside the workers, each in a child of its own: housekeeping and mail."""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path

from radius_mfa import log as logs
from radius_mfa.errors import Unavailable
from radius_mfa.ports import Clock
from radius_mfa.settings import Secrets, Settings
from radius_mfa.store.housekeeping import Housekeeping
from radius_mfa.transport.lifeline import Lifeline

log = logging.getLogger(__name__)


def keep_house(settings: Settings, clock: Clock, lifeline: Lifeline) -> None:
    """Be the housekeeping child."""
    if not alone(Path(f"{settings.database}.housekeeping"), lifeline):
        return
    house, quiet = Housekeeping(settings.database, clock), logs.RateLimit()
    while not lifeline.wait(1.0):
        try:
            house.turn()
        except Unavailable as error:
            if quiet.admit(type(error).__name__, clock.monotonic()) is not None:
                log.warning("housekeeping: %s; hint: %s", error.message, error.hint or "it is tried again")
    house.close()


def carry_mail(settings: Settings, secrets: Secrets, clock: Clock, lifeline: Lifeline) -> None:
    """Be the mail child. Only it pays for templates, pictures and SMTP: a worker has no use for them."""
    if not alone(Path(f"{settings.database}.mail"), lifeline):
        return
    from radius_mfa.daemon.mail import carry

    carry(settings, secrets, clock, lifeline)


def alone(lock: Path, lifeline: Lifeline) -> bool:
    """Wait until no other child of this errand and this store lives; False if it is time to end before that."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # held as long as this process lives
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if lifeline.wait(1.0):
                return False
        else:
            return True
