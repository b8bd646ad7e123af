"""What sends mail, made from the configuration, and the child that delivers it. See errands.carry_mail."""

from __future__ import annotations

import logging
import os
import random
from functools import partial
from pathlib import Path
from threading import Event, Thread

from radius_mfa.daemon.keys import data_keys
from radius_mfa.errors import ConfigurationError, Unavailable
from radius_mfa.mail.check import check_templates
from radius_mfa.mail.delivery import Delivery, FileDelivery, Server, SmtpDelivery
from radius_mfa.mail.letterhead import Letterhead
from radius_mfa.mail.outbox import IDLE, Postman, write
from radius_mfa.mail.session import Watch
from radius_mfa.mail.wording import Wording
from radius_mfa.ports import Clock
from radius_mfa.settings import Secrets, Settings
from radius_mfa.settings.doors import FileTransport, Mail, SmtpTransport
from radius_mfa.store.outbox import SqliteOutbox
from radius_mfa.supervisor.program import LONG_FAREWELL
from radius_mfa.transport.lifeline import Lifeline

log = logging.getLogger(__name__)

PATIENCE = LONG_FAREWELL - 5.0
"""Seconds for which a child that was told to end waits for a delivery under way."""


def letterhead(settings: Settings) -> Letterhead:
    """What all mails have in common. Raises ConfigurationError without the section `mail`."""
    mail = section(settings)
    portal = settings.portal.url.rstrip("/") if settings.portal and settings.listen.portal else ""
    return Letterhead(settings.issuer, mail.from_, mail.help or "", mail.language, portal)


def wording(settings: Settings) -> Wording:
    """The texts of the mails. Raises ConfigurationError without the section `mail`."""
    return Wording(section(settings).templates)


def delivery(settings: Settings, secrets: Secrets, watch: Watch = lambda _: None) -> Delivery:
    """How mail leaves; `watch` hears the conversation with a server. Raises ConfigurationError."""
    transport = section(settings).transport
    if isinstance(transport, FileTransport):
        return FileDelivery(transport.directory)
    return SmtpDelivery(_server(transport, secrets), watch)


def check_mail(settings: Settings, secrets: Secrets) -> list[str]:
    """Look at all that mail needs but the mail server; what is odd but works. Raises ConfigurationError."""
    mail = section(settings)
    _ = letterhead(settings).address
    delivery(settings, secrets)
    if isinstance(mail.transport, FileTransport):
        _check_directory(mail.transport.directory, settings.user)
    return _check_templates(mail.templates) if mail.templates else []


def section(settings: Settings) -> Mail:
    """The section `mail`. Raises ConfigurationError where there is none."""
    if settings.mail is None:
        raise ConfigurationError("there is no section mail", "add mail with from and transport to the configuration")
    return settings.mail


def carry(settings: Settings, secrets: Secrets, clock: Clock, lifeline: Lifeline) -> None:
    """Deliver until the lifeline says that it is over. Raises what the postman's tour has ended with."""
    tour = _tour(settings, secrets, clock)
    tour.start()
    while tour.is_alive() and not lifeline.wait(1.0):
        continue
    end = clock.monotonic() + PATIENCE
    while tour.is_alive() and clock.monotonic() < end:
        tour.stop()
        tour.join(0.1)
    if tour.is_alive():
        log.error("the mail under way did not leave in time: it is sent again")
    if tour.fault is not None:
        raise tour.fault


class Tour(Thread):
    """A postman in a thread of its own, so that the process beats while a mail server takes its time."""

    def __init__(self, outbox: SqliteOutbox, postman: Postman, owner: str, clock: Clock) -> None:
        super().__init__(name="mail", daemon=True)
        self._outbox = outbox
        self._postman = postman
        self._owner = owner
        self._clock = clock
        self._stopped = Event()
        self.fault: Exception | None = None

    def run(self) -> None:
        """Deliver until `stop`; `fault` is what has ended it before."""
        try:
            if self._recovered():
                self._postman.run(self._stopped.wait)
            self._outbox.close()
        except Exception as fault:  # noqa: BLE001 - the main thread raises it; threading would print what it quotes
            self.fault = fault

    def stop(self) -> None:
        """End soon. To be called again until it has: what is just beginning cannot be interrupted yet."""
        self._stopped.set()
        self._postman.stop()

    def _recovered(self) -> bool:
        """Take over what the mail child before has left; False if it is time to end before that."""
        while not self._stopped.is_set():
            try:
                self._outbox.recover(self._owner, self._clock.now())
            except Unavailable as error:
                log.warning("mail waits for the store: %s", error.message)
                self._stopped.wait(IDLE)
            else:
                return True
        return False


def _tour(settings: Settings, secrets: Secrets, clock: Clock) -> Tour:
    owner = os.urandom(16).hex()
    outbox = SqliteOutbox(settings.database, data_keys(settings, secrets), clock)
    letter = partial(write, letterhead=letterhead(settings), wording=wording(settings))
    postman = Postman(outbox, delivery(settings, secrets), letter, clock, random.random, owner)
    return Tour(outbox, postman, owner, clock)


def _server(transport: SmtpTransport, secrets: Secrets) -> Server:
    return Server(
        transport.host,
        transport.port,
        transport.tls,
        transport.username or "",
        (secrets.smtp or b"").decode("utf-8", "replace"),  # what is no UTF-8 is no ASCII either, and refused as that
        transport.timeout,
    )


def _check_directory(directory: Path, user: str) -> None:
    if not os.path.isdir(directory) or not os.access(directory, os.W_OK | os.X_OK):  # noqa: PTH112 - Path.is_dir raises
        raise ConfigurationError(
            f"mail.transport.directory: {directory} is no directory the server can write into",
            f"run: install -d -m 700 -o {user} {directory}",
        )


def _check_templates(directory: Path) -> list[str]:
    """The warnings; all mistakes are raised as one ConfigurationError."""
    try:
        found = check_templates(directory)
    except OSError as error:
        hint = "let the user the server runs as read the mail templates"
        raise ConfigurationError(f"mail.templates: {directory}: {error.strerror}", hint) from error
    if found.mistakes:
        raise ConfigurationError("\n".join(found.mistakes), "mend these mail templates, or leave out mail.templates")
    return found.warnings
