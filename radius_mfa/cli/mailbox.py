"""The mailbox of the demo: mails as files in a directory, waited for and read as a mail program reads them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pyotp

from radius_mfa.errors import OperationFailed

PATIENCE = 20.0
"""Seconds a mail may take from the login to the mailbox."""
_PAUSE = 0.05
_LINK = re.compile(r"otpauth://\S+")


@dataclass(frozen=True)
class Received:
    """A mail, as its reader sees it. `link` is the address that an authenticator app takes, empty without one."""

    sender: str
    recipient: str
    subject: str
    text: str = field(repr=False)
    link: str = field(repr=False)

    @property
    def key(self) -> str:
        """The key in the link, base32. Raises OperationFailed where there is none."""
        if not self.link:
            raise OperationFailed(f"there is no key in the mail {self.subject!r}")
        return pyotp.parse_uri(self.link).secret

    def upto_link(self) -> tuple[list[str], int]:
        """The lines of the text down to the one with the link, and how many come after it."""
        lines = self.text.splitlines()
        end = next((number for number, line in enumerate(lines, 1) if self.link and self.link in line), len(lines))
        return lines[:end], len(lines) - end


def wait_for(mailbox: Path, count: int) -> list[Received]:
    """The mails of this directory, oldest first, as soon as there are so many. Raises OperationFailed."""
    ends = time.monotonic() + PATIENCE
    while len(found := sorted(mailbox.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)) < count:
        if time.monotonic() > ends:
            raise OperationFailed(
                f"{len(found)} of {count} mails came within {PATIENCE:.0f} seconds", "the log of the server says why"
            )
        time.sleep(_PAUSE)
    return [_read(file) for file in found]


def _read(file: Path) -> Received:
    with file.open("rb") as opened:
        message = BytesParser(_class=EmailMessage, policy=policy.default).parse(opened)
    body = message.get_body(("plain",))
    text = str(body.get_content()) if body is not None else ""
    link = _LINK.search(text)
    return Received(str(message["From"]), str(message["To"]), str(message["Subject"]), text, link[0] if link else "")
