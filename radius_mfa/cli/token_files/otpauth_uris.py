"""otpauth URIs, one a line, as QR codes hold them and apps export them.

pyotp.parse_uri is not asked: it refuses the secrets of 80 bits that old apps have, quotes values in its errors, and
takes digits of any script.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

from radius_mfa.cli.token_files.entry import Mistake, Reading, base32, lines, read_lines, token
from radius_mfa.store.token_import import InUse

_URI = re.compile(r"otpauth://(?P<kind>totp|hotp)/(?P<label>[^?#]+)\?(?P<query>[^?#\s]*)", re.IGNORECASE)
_SCHEME = "otpauth"
_EXPORT = "otpauth-migration:"
_OURS = {"secret", "algorithm", "digits", "period", "counter", "encoder"}
"""What moves the code; the rest is for the eye, such as issuer and image."""


def recognises(text: str) -> bool:
    """The first line is a URI of this kind."""
    return next((line for _, line in lines(text)), "").lstrip(" \t").lower().startswith(_SCHEME)


def read(text: str) -> Reading:
    """A token a line."""
    return read_lines(text, _token)


def _token(line: str) -> InUse:
    line = line.strip(" \t")
    if line.lower().startswith(_EXPORT):
        raise Mistake("this is an export of many accounts in one; give a URI of each")
    match = _URI.fullmatch(line)
    if match is None:
        raise Mistake("this is no otpauth URI of totp or hotp")
    fields = _fields(match["query"])
    if "encoder" in fields:
        raise Mistake("codes that are not decimal are not taken")
    made = token(
        base32(fields.get("secret", "")),
        kind=match["kind"].lower(),
        digits=fields.get("digits", "6"),
        period=fields.get("period", "30"),
        algorithm=fields.get("algorithm", "sha1").lower(),
        counter=fields.get("counter", ""),
    )
    return InUse(_account(match["label"]), made)


def _fields(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=32)
    except ValueError:
        raise Mistake("what stands behind the ? cannot be read") from None
    names = [name for name, _ in pairs if name in _OURS]
    if len(set(names)) != len(names):
        raise Mistake("a parameter stands there twice")
    return dict(pairs)


def _account(label: str) -> str:
    """The account name of a label, which has the issuer and a colon before it, or not."""
    try:
        text = unquote(label, errors="strict")
    except UnicodeDecodeError:
        raise Mistake("the label is not UTF-8") from None
    name = text.partition(":")[2] if ":" in text else text
    if not name.strip(" "):
        raise Mistake("the label has no account name")
    return name.strip(" ")
