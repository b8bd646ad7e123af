"""What an admin has to hear of at once, and not only find in the audit: verdicts that something is wrong behind."""

from __future__ import annotations

import logging

from radius_mfa.auth.reasons import Reason
from radius_mfa.log import RateLimit
from radius_mfa.ports import Clock

log = logging.getLogger(__name__)

_ALERTS = {
    Reason.WRONG_CODE_LOCKS: (
        logging.WARNING,
        "is locked: its password was right and too many codes were wrong",
        "radius-mfa user show {name}",
    ),
    Reason.WRONG_CODE_DISABLES: (
        logging.ERROR,
        "has no authenticator any more: too many codes in a row were wrong",
        "radius-mfa token reset {name}",
    ),
    Reason.STALE_CODE: (
        logging.WARNING,
        "was given a code that had been used or left behind",
        "radius-mfa audit --account {name}",
    ),
    Reason.USED_CODE: (
        logging.WARNING,
        "was given a recovery code that had been used or has expired",
        "radius-mfa audit --account {name}",
    ),
    Reason.TOKEN_UNREADABLE: (
        logging.ERROR,
        "is refused: its authenticator cannot be read",
        "radius-mfa db check",
    ),
    Reason.TOKEN_DISABLED: (
        logging.ERROR,
        "is refused: its authenticators are disabled",
        "radius-mfa token reset {name}",
    ),
    Reason.NO_ADDRESS: (
        logging.WARNING,
        "is refused: it has no mail address to be invited by",
        "radius-mfa user set {name} --email ADDRESS",
    ),
    Reason.MAIL_LIMIT: (
        logging.WARNING,
        "gets no mail: enrollment.per_day or enrollment.per_minute is reached",
        "radius-mfa token enroll {name} --mail",
    ),
}


class Alerts:
    """Says them in the log: one a minute for each account and reason, but every use of `not_enrolled: accept`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._quiet = RateLimit()

    def tell_spray(self, client: str) -> None:
        """Many accounts are tried at this client, or everywhere; once in a while, as spray.Spray has it."""
        where = f"at {client}" if client else "over all clients"
        log.warning("many accounts are tried %s; hint: run radius-mfa audit --last 100", where)

    def tell(self, reason: Reason, account: str, client: str) -> None:
        """`account` is the canonical name of an account that is there: nothing that only somebody typed."""
        if reason is Reason.NOT_ENROLLED_ACCEPTED:
            log.warning(
                "%s at %s is let in without a code: mfa.not_enrolled is accept; hint: run radius-mfa token enroll %s",
                account,
                client,
                account,
            )
            return
        alert = _ALERTS.get(reason)
        if alert is None or self._quiet.admit((reason, account), self._clock.monotonic()) is None:
            return
        level, what, hint = alert
        log.log(level, "%s at %s %s; hint: run %s", account, client, what, hint.format(name=account))
