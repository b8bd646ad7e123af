"""The words people read, in one place. Keys are what is said; the values are how, by language."""

from __future__ import annotations

from enum import StrEnum, auto

LONGEST_DOMAIN = 64
"""Characters of a domain that are shown: a Reply-Message has 253 octets for all it says."""


class Text(StrEnum):
    """What there is to say at a login."""

    ASK_PASSWORD = auto()
    ASK_CODE = auto()
    ASK_FIRST_CODE = auto()
    ASK_AGAIN = auto()
    DENIED = auto()
    DENIED_APPEND = auto()
    NEEDS_PAP = auto()
    CODES_LEFT = auto()
    ASK_MAILED_CODE = auto()
    LOOK_IN_MAILBOX = auto()
    ACTIVATED = auto()
    CODES_LOW = auto()
    TRUSTED = auto()
    MAY_TRUST = auto()


_ENGLISH = {
    Text.ASK_PASSWORD: "Password: ",
    Text.ASK_CODE: "Code from your authenticator app{trust}: ",
    Text.ASK_FIRST_CODE: "First code from your authenticator app{trust}: ",
    Text.ASK_AGAIN: "Not accepted. {question}",
    Text.DENIED: "Login failed",
    Text.DENIED_APPEND: "Login failed. Type your password and, right behind it, your code",
    Text.NEEDS_PAP: "This login needs PAP: CHAP, MS-CHAP and EAP cannot carry a code",
    Text.CODES_LEFT: "Recovery code used, {left} left",
    Text.ASK_MAILED_CODE: (
        "A mail to {address} shows how to set up your code app. "
        "Type its first code{trust}, or `mail` to get the mail again: "
    ),
    Text.LOOK_IN_MAILBOX: (
        "Look in your mailbox {address}: set up your code app, then type your password and, right behind it, its code"
    ),
    Text.ACTIVATED: "Your code app is set up. Ask your administrator for recovery codes, for the day the phone is gone",
    Text.CODES_LOW: "Recovery codes left: {left}",
    Text.TRUSTED: "This device is trusted for {time}",
    Text.MAY_TRUST: " (add + to trust this device for {time})",
}
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))
_LANGUAGES = {"en": _ENGLISH}


def say(text: Text, language: str = "en", **facts: object) -> str:
    """The words for `text` in `language`, with its facts filled in. Facts never hold what a user supplied."""
    words = _LANGUAGES[language][text]
    return words.format(**facts) if facts else words


def lasting(seconds: float) -> str:
    """A duration of whole minutes in its largest unit, as people say it: `7 days`."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0 or size == _UNITS[-1][0])
    number = round(seconds / size)
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def masked(address: str) -> str:
    """What may be shown of a mail address to somebody who might not be its owner: `a***@example.com`."""
    local, _, domain = address.rpartition("@")
    shown = domain if len(domain) <= LONGEST_DOMAIN else f"{domain[:LONGEST_DOMAIN]}..."
    return f"{local[:1]}***@{shown}"
