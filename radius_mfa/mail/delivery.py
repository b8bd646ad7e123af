"""How a mail leaves: to an SMTP server, or as a file."""

from __future__ import annotations

import os
import smtplib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from radius_mfa.errors import ConfigurationError
from radius_mfa.mail.diagnosis import Deferred, Stage, at
from radius_mfa.mail.message import Letter
from radius_mfa.mail.session import Deadline, Session, Tls, Watch, is_loopback


class Delivery(Protocol):
    """Hands one mail over."""

    def deliver(self, letter: Letter) -> None:
        """When this returns, the mail is in other hands. Raises Deferred (again, later) or Refused (never)."""

    def interrupt(self) -> None:
        """Give up a delivery under way, unless its content may already be taken. Any thread may call it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server. `timeout` in seconds holds for the whole of a delivery; `ca_file` replaces the host's authorities.

    Raises ConfigurationError: without TLS only to this host, and a login that smtplib can say.
    """

    host: str
    port: int = 587
    tls: Tls = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 30.0
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if self.tls == "none" and not is_loopback(self.host):
            raise ConfigurationError(
                f"mail.transport: mail to {self.host} would go over the network unencrypted",
                "set tls to starttls or tls; none is for a mail server on this host, 127.0.0.1 or ::1",
            )
        if not (self.username + self.password).isascii():
            raise ConfigurationError("mail.transport: username and password can only be ASCII")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class SmtpDelivery:
    """Hands each mail to a server in a conversation of its own. `watch` hears it, without secrets."""

    def __init__(
        self, server: Server, watch: Watch = lambda _: None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._server = server
        self._watch = lambda line: watch(line.replace(server.password, "***") if server.password else line)
        self._monotonic = monotonic
        self._context = ssl.create_default_context(cafile=server.ca_file)
        self._session: Session | None = None

    def deliver(self, letter: Letter) -> None:
        server = self._server
        deadline = Deadline(server.timeout, self._monotonic)
        self._session = session = Session(server.host, server.port, server.tls, self._context, deadline, self._watch)
        try:
            self._introduce(session)
            self._hand_over(session, letter)
        finally:
            self._session = None
            session.close()

    def interrupt(self) -> None:
        session = self._session
        if session is not None:
            session.cut()

    def _introduce(self, session: Session) -> None:
        name = str(self._server)
        with at(Stage.CONNECT, name):
            session.reach()
        with at(Stage.GREETING, name):
            session.greet()
        with at(Stage.TLS, name):
            session.secure()
        if self._server.username:
            with at(Stage.LOGIN, name, self._server.password):
                session.login(self._server.username, self._server.password)

    def _hand_over(self, session: Session, letter: Letter) -> None:
        name = str(self._server)
        with at(Stage.SENDER, name):
            _expect(session.mail(letter.sender))
        with at(Stage.RECIPIENT, name):
            _expect(session.rcpt(letter.recipient))
        self._session = None  # from here on the server may have taken it: no interrupting
        with at(Stage.CONTENT, name):
            _expect(session.data(letter.content))
        session.end()


def _expect(reply: tuple[int, bytes]) -> None:
    code, text = reply
    if not 200 <= code <= 299:
        raise smtplib.SMTPResponseException(code, text)


class FileDelivery:
    """Writes each mail into a directory as NAME.eml, where NAME is its Message-ID: written twice it is one file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def deliver(self, letter: Letter) -> None:
        name = letter.message_id[1:-1].partition("@")[0]
        draft = self._directory / f".{name}.tmp"
        try:
            _write(draft, letter.content)
            draft.rename(self._directory / f"{name}.eml")
            _sync(self._directory)
        except OSError as error:
            said = (error.strerror or type(error).__name__).lower()
            raise Deferred(f"{self._directory}: {said}", "check mail.transport.directory", down=True) from None

    def interrupt(self) -> None:
        """Nothing: a file is written at once."""


def _write(path: Path, content: bytes) -> None:
    """For the owner alone, and on the disk; a draft that a crash has left is written over, a link is not followed."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(number, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(number)


def _sync(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
