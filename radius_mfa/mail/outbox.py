"""The mail child's work: take one mail after the other out of the outbox and hand it over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from radius_mfa.auth import notices
from radius_mfa.auth.texts import masked
from radius_mfa.errors import ConfigurationError, RadiusMfaError, Unavailable, where
from radius_mfa.mail.backoff import pause
from radius_mfa.mail.delivery import Delivery
from radius_mfa.mail.diagnosis import Deferred
from radius_mfa.mail.letterhead import Letterhead
from radius_mfa.mail.message import Letter, compose, message_id
from radius_mfa.mail.wording import Wording
from radius_mfa.ports import Clock, Envelope, Outbox

IDLE = 1.0
"""Seconds between two looks at an empty outbox, or at a store that does not answer."""
_log = logging.getLogger(__name__)


class Postman:
    """Delivers what is due, one at a time, and takes nothing new until what became of the last is written down.

    A mail is sent twice only if the process dies between the server's 250 and the store's commit.
    """

    def __init__(
        self,
        outbox: Outbox,
        delivery: Delivery,
        write: Callable[[Envelope], Letter],
        clock: Clock,
        chance: Callable[[], float],
        owner: str,
    ) -> None:
        """`write` makes the letter, see `write` below; `chance` gives a number in [0, 1) for the jitter."""
        self._outbox = outbox
        self._delivery = delivery
        self._write = write
        self._clock = clock
        self._chance = chance
        self._owner = owner
        self._unwritten: Callable[[], None] | None = None
        self._down = 0
        self._up_again = 0.0
        self.stopping = False

    def run(self, wait: Callable[[float], bool]) -> None:
        """Work until `wait`, given the seconds to wait at most, says that it is time to end, or until `stop`."""
        while not self.stopping and not wait(self.step()):
            continue

    def stop(self, *_: object) -> None:
        """End soon; a delivery under way is given up unless the server may have taken the mail. For signal handlers."""
        self.stopping = True
        self._delivery.interrupt()

    def step(self) -> float:
        """Deliver one mail if one is due; seconds until it is worth looking again."""
        try:
            self._settle()
            if (rest := self._up_again - self._clock.monotonic()) > 0:
                return rest
            due = self._outbox.lease(self._clock.now(), self._owner, 1)
            for envelope in due:
                self._unwritten = self._outcome(envelope)
                self._settle()
        except Unavailable as error:
            _log.warning("mail waits for the store: %s", error.message)
            return IDLE
        return 0.0 if due else IDLE

    def _settle(self) -> None:
        if self._unwritten is not None:
            self._unwritten()
            self._unwritten = None

    def _outcome(self, envelope: Envelope) -> Callable[[], None]:
        """Try one mail; how to write down what became of it."""
        try:
            self._delivery.deliver(self._write(envelope))
        except Deferred as error:
            return self._wait(envelope, error)
        except ConfigurationError as error:
            return self._defer(envelope, error.message, pause(envelope.failures + 1, self._chance(), down=False))
        except RadiusMfaError as error:
            self._down = 0
            _log.error("mail %d to %s failed: %s", envelope.id, masked(envelope.recipient), error.message)
            return partial(self._outbox.failed, envelope.id, error.message)
        except Exception as error:  # noqa: BLE001 - one mail that cannot be made must not stop the others
            _log.critical("mail %d: %s", envelope.id, where(error))
            text = f"internal error ({type(error).__name__})"
            return self._defer(envelope, text, pause(envelope.failures + 1, self._chance(), down=False))
        self._down = 0
        _log.info("mail %d to %s delivered", envelope.id, masked(envelope.recipient))
        return partial(self._outbox.delivered, envelope.id)

    def _wait(self, envelope: Envelope, error: Deferred) -> Callable[[], None]:
        """Put one mail off; where the server takes none at all, the others wait as long, untouched."""
        self._down = self._down + 1 if error.down else 0
        seconds = pause(self._down or envelope.failures + 1, self._chance(), down=error.down)
        if error.down:
            self._up_again = self._clock.monotonic() + seconds
        return self._defer(envelope, error.message, seconds)

    def _defer(self, envelope: Envelope, text: str, seconds: float) -> Callable[[], None]:
        _log.warning("mail %d to %s deferred: %s", envelope.id, masked(envelope.recipient), text)
        due = self._clock.now() + (0.0 if self.stopping else seconds)
        return partial(self._outbox.deferred, envelope.id, text, due)


def write(envelope: Envelope, letterhead: Letterhead, wording: Wording) -> Letter:
    """The letter of a row. Raises ConfigurationError (sender, templates) and OperationFailed (never sendable)."""
    return compose(
        notices.loads(envelope.body),
        to=envelope.recipient,
        message_id=message_id(envelope.message_id, letterhead.address.addr_spec),
        date=envelope.created,
        letterhead=letterhead,
        wording=wording,
    )
