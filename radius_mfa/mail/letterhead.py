"""What all mails of an installation have in common: its name, its address, and whom to ask."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import tzinfo
from email.headerregistry import Address
from email.utils import parseaddr

from radius_mfa.errors import ConfigurationError
from radius_mfa.mail.address import is_address

LONGEST = 80
"""Characters of a text in a header."""


@dataclass(frozen=True, slots=True)
class Letterhead:
    """`sender` is an address, with or without a name before it; `help` and `portal` (a URL) may be empty.

    Times are told in `zone`, None for that of this machine.
    """

    issuer: str
    sender: str
    help: str = ""
    language: str = "en"
    portal: str = ""
    zone: tzinfo | None = None

    @property
    def address(self) -> Address:
        """The sender for the From header. Raises ConfigurationError."""
        name, address = parseaddr(plain(self.sender))
        if not is_address(address):
            raise ConfigurationError(
                "mail.from is not one plain mail address", "write it like PBX <pbx@example.com>, in ASCII"
            )
        return Address(display_name=header_text(name), addr_spec=address)


def plain(text: str, keep: str = "") -> str:
    """The text on one line without what cannot be seen: controls, line and paragraph separators, half surrogates."""
    kept = (c if c in keep or unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"} else " " for c in text)
    return "".join(kept)


def header_text(text: str) -> str:
    """The text as it may stand in a header: one short line, and nothing in it that a mailer would decode.

    Python 3.11.7 decodes `=?utf-8?q?...?=` when the header is set and writes its line ends out as line ends.
    """
    return re.sub(r"\s+", " ", plain(text)).replace("=?", "= ?").strip()[:LONGEST]
