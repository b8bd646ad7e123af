"""The users file of FreeRADIUS (rlm_files) with the secrets of rlm_totp; passwords in it are passed over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from radius_mfa.cli.token_files.entry import Mistake, Reading, base32, hexadecimal, lines, read_lines, token
from radius_mfa.store.token_import import InUse

_ENTRY = re.compile(r'(?:"(?P<quoted>[^"]+)"|(?P<name>[^\s"]\S*))(?:[ \t]+(?P<items>.*))?')
_ITEM = re.compile(
    r"(?:&?(?:control[:.])?(?P<name>[\w.-]+))[ \t]*(?P<operator>[-+:=!<>~*^]+)[ \t]*"
    r"(?P<value>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|[^\s,\"'`]+)[ \t]*(?:,[ \t]*|(?=#)|$)",
    re.IGNORECASE,
)
_MARK = re.compile(r"totp-(?:secret|key)\b", re.IGNORECASE)
_DECODE: dict[str, Callable[[str], bytes]] = {
    "totp-secret": base32,
    "totp-key": lambda value: hexadecimal(value.removeprefix("0x")),
}
_SETTING = {":=", "=", "+="}
_EVERYBODY = "DEFAULT"


def recognises(text: str) -> bool:
    """A secret of rlm_totp stands in it."""
    return any(_MARK.search(line) for _, line in lines(text))


def read(text: str) -> Reading:
    """A token a name; names without a secret are passed over."""
    names: set[str] = set()

    def parse(line: str) -> InUse | None:
        if line.startswith("$INCLUDE"):
            raise Mistake("an included file is not followed; import it by itself and take this line out")
        if not _MARK.search(line):
            return None
        found = _token(line)
        if found is not None:
            if found.account in names:
                raise Mistake("this name has a secret in a line before; FreeRADIUS takes the first")
            names.add(found.account)
        return found

    return read_lines(text, parse)


def _token(line: str) -> InUse | None:
    entry = _ENTRY.fullmatch(line)
    if entry is None and not line[0].isspace():
        raise Mistake("the name cannot be read")
    items = _items(line.strip() if entry is None else entry["items"] or "")
    secrets = [item for item in items if item["name"].lower() in _DECODE]
    if not secrets:
        return None  # it was a word in a password
    if entry is None:
        raise Mistake("a secret among the reply items; FreeRADIUS looks for it on the line of the name")
    name = entry["quoted"] or entry["name"]
    if name == _EVERYBODY:
        raise Mistake("a secret for everybody is no second factor")
    if len(secrets) > 1:
        raise Mistake("there is more than one secret")
    if secrets[0]["operator"] not in _SETTING:
        raise Mistake("a secret is set with :=")
    # rlm_totp has codes of 6 digits, 30 seconds, SHA-1.
    value = _bare(secrets[0]["value"])
    return InUse(name, token(_DECODE[secrets[0]["name"].lower()](value)))


def _items(text: str) -> Iterator[re.Match[str]]:
    """The check items of an entry, up to a comment."""
    at = 0
    while at < len(text) and text[at] != "#":
        item = _ITEM.match(text, at)
        if item is None:
            raise Mistake("what stands behind the name cannot be read")
        yield item
        at = item.end()


def _bare(value: str) -> str:
    return value[1:-1] if value[0] in "\"'" else value
