"""The mail address of an account: one plain address, which can mean nothing else to any mailer."""

from __future__ import annotations

import re

from radius_mfa.errors import OperationFailed

# RFC 5321 section 4.1.2, Dot-string and Domain, in ASCII. Left out: the quoted local part, address literals, `%` and
# `!` (routes, and what decodes to a line end), a dash at the start, which a mailer could take for an option, and `=?`,
# which begins what mailers decode.
_ATOM = r"[A-Za-z0-9#$&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?!-)(?!.*=\?)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
LONGEST = 254
"""Characters (RFC 5321 section 4.5.3.1.3, without the angle brackets)."""


def is_address(text: str) -> bool:
    """Whether this is exactly one address in ASCII, without name, comment, quotes, list or line end."""
    return len(text) <= LONGEST and _ADDRESS.fullmatch(text) is not None


def checked(text: str) -> str:
    """The address as it may be stored. Raises OperationFailed; the message does not repeat what was given."""
    if not is_address(text):
        raise OperationFailed(
            "not a mail address that mail can be sent to",
            "give one address in ASCII without name, quotes or comma, such as alice@example.com",
        )
    return text
