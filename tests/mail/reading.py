"""A mail read as its recipient's program reads it: by Python's other, older parser, and by zbarimg."""

from __future__ import annotations

import subprocess
from email import message_from_bytes
from email.message import Message
from pathlib import Path

from radius_mfa.auth.notices import Facts
from radius_mfa.mail.letterhead import Letterhead
from radius_mfa.mail.message import Letter, compose, message_id
from radius_mfa.mail.samples import AT, LETTERHEAD
from radius_mfa.mail.wording import Wording

WORDING = Wording()


def letter(
    facts: Facts, to: str = "alice@example.com", letterhead: Letterhead = LETTERHEAD, wording: Wording = WORDING
) -> Letter:
    """These facts as they leave, always the same."""
    fixed = message_id("d1" * 16, "pbx@example.com")
    return compose(facts, to=to, message_id=fixed, date=AT, letterhead=letterhead, wording=wording)


def parts(content: bytes) -> dict[str, bytes]:
    """The leaves of a mail by content type."""
    whole: Message[str, str] = message_from_bytes(content)
    return {part.get_content_type(): _payload(part) for part in whole.walk() if not part.is_multipart()}


def _payload(part: Message[str, str]) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def scan(picture: Path) -> str:
    """What zbarimg reads in a picture: one QR code."""
    command = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(picture)]
    done = subprocess.run(command, capture_output=True, check=True)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 1
    return lines[0]
