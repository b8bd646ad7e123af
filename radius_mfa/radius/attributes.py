"""Attributes by name: our dictionary, and what the configuration puts into an Accept."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path

from pyrad.dictionary import Dictionary
from pyrad.packet import AuthPacket

from radius_mfa.radius.clients import DOCUMENTATION_VENDOR

MAX_LENGTH = 1024
"""Octets that the configured attributes of one Accept may take: with a Reply-Message and walk.MAX_PROXY_STATE a reply
stays under 4,096."""

_DIRECTORY = Path(__file__).parent / "dictionary"
_OURS = _DIRECTORY.parent.parent / "config/dictionary.radius-mfa"
_OURS_ALONE = frozenset(
    {
        "User-Password", "CHAP-Password", "CHAP-Challenge", "State", "Proxy-State", "ARAP-Password", "Prompt",
        "EAP-Message", "Message-Authenticator", "Digest-Response",
        "Device-Token", "Trust-Device", "Device-Token-Set", "Device-Expires",
    }
)  # fmt: skip
_NUMBERS = frozenset({"integer", "signed", "short", "byte", "integer64", "date"})


def dictionary(vendor: int = DOCUMENTATION_VENDOR) -> Dictionary:
    """pyrad's Dictionary of the attributes we know; ours stand under the given vendor number."""
    ours = _OURS.read_text(encoding="utf-8")
    return Dictionary(str(_DIRECTORY / "dictionary"), StringIO(ours.replace(str(DOCUMENTATION_VENDOR), str(vendor))))


DICTIONARY = dictionary()


def encode(attributes: Mapping[str, str]) -> bytes:
    """The attributes for the wire. They have no `problems`."""
    packet = AuthPacket(dict=DICTIONARY)
    for name, value in attributes.items():
        packet.AddAttribute(name, _value(name, value))
    return bytes(packet._PktEncodeAttributes())


def problems(attributes: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is wrong with them, as (name, message) in their order; the name is empty when it is about all of them."""
    found = [(name, problem) for name, value in attributes.items() if (problem := _problem(name, value))]
    if not found and len(encode(attributes)) > MAX_LENGTH:
        found.append(("", f"more than {MAX_LENGTH} octets of attributes"))
    return found


def _problem(name: str, value: str) -> str:
    if name not in DICTIONARY:
        return f"unknown RADIUS attribute{_meant(name, set(DICTIONARY.attributes) - _OURS_ALONE)}"
    if name in _OURS_ALONE:
        return "set by the server alone"
    try:
        encode({name: value})
    except (ValueError, TypeError) as error:
        named = DICTIONARY[name].values.forward
        if named:
            return f"{value!r} is not a value of {name}{_meant(value, named)}"
        return f"{value!r} is not of type {DICTIONARY[name].type}: {str(error)[:1].lower()}{str(error)[1:]}"
    return ""


def _value(name: str, value: str) -> str | int:
    """What pyrad takes for `value`: a number where the type wants one and the text is no name of a value."""
    attribute = DICTIONARY[name]
    if attribute.type in _NUMBERS and not attribute.values.HasForward(value):
        return int(value, 16 if value.lower().startswith("0x") else 10)
    return value


def _meant(word: str, known: Iterable[str]) -> str:
    folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), folded, n=1)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""
