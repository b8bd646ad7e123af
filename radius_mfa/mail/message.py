"""One mail as the octets that go to a server: fixed headers, one recipient, text and HTML of the same content."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from radius_mfa.auth.notices import Facts, Invitation
from radius_mfa.mail import otpauth, picture
from radius_mfa.mail.address import checked
from radius_mfa.mail.letterhead import Letterhead
from radius_mfa.mail.wording import Text, Wording

_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready to leave: envelope and content. The same row always gives the same octets."""

    sender: str
    recipient: str
    message_id: str
    content: bytes = field(repr=False)


def message_id(own: str, sender: str) -> str:
    """The Message-ID of a mail, from the characters that are its own for ever and the sender's address."""
    return f"<{own}@{sender.rpartition('@')[2]}>"


def compose(
    facts: Facts, *, to: str, message_id: str, date: float, letterhead: Letterhead, wording: Wording
) -> Letter:  # fmt: skip
    """The mail about these facts to this stored address; `date` in seconds since the epoch.

    Raises ConfigurationError where sender or templates are at fault, OperationFailed where this mail can never be sent.
    """
    code = _code(facts, letterhead)
    content_id = f"qr.{message_id[1:-1]}"
    text = wording.render(facts, letterhead, f"cid:{content_id}" if code else "", code.size if code else 0)
    message = EmailMessage(policy=_POLICY)
    message["From"] = letterhead.address
    message["To"] = Address(addr_spec=checked(to))
    message["Subject"] = text.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(date, UTC))
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5: holiday replies stay at home
    _fill(message, text, code, content_id)
    _set_boundaries(message, message_id)
    return Letter(letterhead.address.addr_spec, to, message_id, message.as_bytes())


def preview(facts: Facts, letterhead: Letterhead, wording: Wording) -> Text:
    """The texts of the mail about these facts, the QR code inside the HTML, so that a browser shows it from a file."""
    code = _code(facts, letterhead)
    inside = f"data:image/png;base64,{b64encode(code.png).decode()}" if code else ""
    return wording.render(facts, letterhead, inside, code.size if code else 0)


def _code(facts: Facts, letterhead: Letterhead) -> picture.Picture | None:
    if not isinstance(facts, Invitation) or facts.mode != "qr":
        return None
    return picture.draw(otpauth.of(facts, letterhead.issuer))


def _fill(message: EmailMessage, text: Text, code: picture.Picture | None, content_id: str) -> None:
    message.set_content(text.text, cte="quoted-printable")
    html = EmailMessage(policy=_POLICY)
    html.set_content(text.html, subtype="html", cte="quoted-printable")
    if code is not None:
        cid = f"<{content_id}>"
        html.add_related(code.png, "image", "png", cid=cid, disposition="inline", filename="qr.png")
    del html["MIME-Version"]  # belongs to the whole alone
    message.make_alternative()
    message.attach(html)


def _set_boundaries(message: EmailMessage, message_id: str) -> None:
    """Boundaries that follow from the Message-ID, so that a mail sent twice is the same twice."""
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(hashlib.sha256(f"{number} {message_id}".encode()).hexdigest()[:32])
