"""What a failed delivery means: whether to try again, and what an admin would look at."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from radius_mfa.errors import OperationFailed
from radius_mfa.mail.letterhead import plain

LONGEST = 300
"""Characters of a server's text that are kept."""
_ABOUT_US = {530, 534, 535, 538}
"""Replies that speak of login and encryption, wherever they come (RFC 4954 section 6): the mail is not at fault."""


class Stage(StrEnum):
    """How far a delivery has come."""

    CONNECT = "connect"
    GREETING = "greeting"
    TLS = "tls"
    LOGIN = "login"
    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"


class Deferred(OperationFailed):
    """Not now: the mail is tried again. `down`: the server as it is takes no mail, so the others can wait too."""

    def __init__(self, message: str, hint: str = "", *, down: bool = False) -> None:
        super().__init__(message, hint)
        self.down = down


class Refused(OperationFailed):
    """Never: the server will not take this mail."""


@contextmanager
def at(stage: Stage, server: str, secret: str = "") -> Iterator[None]:
    """Turn what smtplib and the network raise at this stage into Deferred or Refused.

    `server` is its host and port as people write them. `secret` is taken out of whatever the server says.
    """
    try:
        yield
    except smtplib.SMTPResponseException as error:
        raise _said(stage, error, secret) from None
    except smtplib.SMTPNotSupportedError:
        raise _lacking(stage) from None
    except (smtplib.SMTPException, OSError) as error:
        raise _broken(stage, _cause(error), server) from None


def _cause(error: BaseException) -> BaseException:
    """What the network said: smtplib makes "disconnected" of all of it."""
    context = error.__context__
    return context if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(context, OSError) else error


def _said(stage: Stage, error: smtplib.SMTPResponseException, secret: str) -> Deferred | Refused:
    code = error.smtp_code
    text = f"{code} {cleaned(error.smtp_error, secret)}".strip() if code > 0 else "the server does not speak SMTP"
    hint = _hint(stage, code)
    if 500 <= code <= 599 and code not in _ABOUT_US and stage in (Stage.SENDER, Stage.RECIPIENT, Stage.CONTENT):
        return Refused(text, hint)
    down = stage not in (Stage.RECIPIENT, Stage.CONTENT) or code in (421, *_ABOUT_US)
    return Deferred(text, hint, down=down)


def _hint(stage: Stage, code: int) -> str:
    if code in _ABOUT_US:
        return (
            "check mail.transport.username and password, and tls; some providers want a password made for one program"
        )
    if code < 500:
        return "this may pass: queued mail is tried again" if code > 0 else "check mail.transport.host and port"
    match stage:
        case Stage.SENDER:
            return "check mail.from: the server does not take mail from this address"
        case Stage.RECIPIENT:
            return "check the address of the account; a server that does not relay may want mail.transport.username"
        case Stage.CONTENT:
            return "the server took sender and recipient and refuses the content: ask its administrator"
    return "the server does not want to speak with this host: ask its administrator"


def _lacking(stage: Stage) -> Deferred:
    if stage is Stage.TLS:
        hint = "check mail.transport.port and tls: starttls is usual on port 587, tls on port 465"
        return Deferred("the server does not offer STARTTLS", hint, down=True)
    hint = "leave out mail.transport.username and password, or use the port for submission, 587"
    return Deferred("the server offers no login that can be used", hint, down=True)


def _broken(stage: Stage, error: BaseException, server: str) -> Deferred:
    match error:
        case ssl.SSLCertVerificationError():
            text, hint = f"the certificate of {server} is not accepted: {error.verify_message}", _certificate(error)
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER"):
            text, hint = f"{server} does not speak TLS from the start", "try mail.transport.tls: starttls, port 587"
        case ssl.SSLError():
            text, hint = (
                f"TLS with {server} failed: {error.reason or 'closed'}",
                "check its TLS version and certificate",
            )
        case socket.gaierror():
            text, hint = f"{server} has no address", "check mail.transport.host, and the name servers of this host"
        case ConnectionRefusedError():
            text, hint = f"{server} refuses connections", "check mail.transport.port; is the mail server running?"
        case TimeoutError():
            text, hint = f"{server} did not answer in time ({stage})", _silence(stage)
        case smtplib.SMTPServerDisconnected() | ConnectionError():
            text, hint = f"{server} closed the connection ({stage})", "the log of the mail server may say why"
        case _:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            text, hint = f"{server}: {reason.lower()} ({stage})", "check mail.transport and the network of this host"
    return Deferred(text, hint, down=True)


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    if "match" in error.verify_message:
        return "mail.transport.host has to be a name in the certificate of the server"
    if "expired" in error.verify_message:
        return "the server needs a new certificate; is the clock of this host right?"
    return "add the authority that signed it to those this host trusts (Debian: update-ca-certificates)"


def _silence(stage: Stage) -> str:
    if stage is Stage.CONNECT:
        return "check mail.transport.host and port; a firewall may drop it, and many networks block port 25"
    if stage is Stage.GREETING:
        return "a server that expects TLS from the start says nothing: try mail.transport.tls: tls, port 465"
    return "the mail server is overloaded, or something between here and there swallows what it says"


def cleaned(said: bytes | str, secret: str = "") -> str:
    """A server's text on one short line, without control characters and without the secret."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    line = re.sub(r"\s+", " ", plain(text)).strip()
    return (line.replace(secret, "***") if secret else line)[:LONGEST]
