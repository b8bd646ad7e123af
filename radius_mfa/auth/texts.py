"""The words people read, in one place. Keys are what is said; the values are how, by language."""

from __future__ import annotations

from enum import Enum, auto


class Text(Enum):
    """What there is to say at a login."""

    ASK_CODE = auto()
    ASK_FIRST_CODE = auto()
    DENIED = auto()
    DENIED_APPEND = auto()
    NEEDS_PAP = auto()
    CODES_LEFT = auto()


_ENGLISH = {
    Text.ASK_CODE: "Code from your authenticator app: ",
    Text.ASK_FIRST_CODE: "First code from your authenticator app: ",
    Text.DENIED: "Login failed",
    Text.DENIED_APPEND: "Login failed. Type your password and, right behind it, your code",
    Text.NEEDS_PAP: "This login needs PAP: CHAP, MS-CHAP and EAP cannot carry a code",
    Text.CODES_LEFT: "Recovery code used, {left} left",
}
_LANGUAGES = {"en": _ENGLISH}


def say(text: Text, language: str = "en", **facts: object) -> str:
    """The words for `text` in `language`, with its facts filled in. Facts never hold what a user supplied."""
    return _LANGUAGES[language][text].format(**facts)
