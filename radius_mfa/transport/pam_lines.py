"""The lines between the PAM hook and the daemon: reads the hook's, writes the daemon's. No I/O.

The grammar is in pam_hook/README.md; tests/vectors/pam pins it for both sides. A line is fields separated by tabs and
ended by a newline. In a field, the octets 0x20 to 0x7E but `%` stand for themselves and all others are `%XX`, so that
no text can be written in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from radius_mfa.errors import RadiusMfaError

VERSION = "1"
LONGEST_LINE = 16384
"""Octets of a line of the hook, newline included: the limit to read with."""
LONGEST_TEXT = 511
"""Octets of a text the hook shows (PAM_MAX_MSG_SIZE less its NUL)."""
LONGEST_DELAY = 10.0
"""Seconds."""
MOST_LINES = 32
"""Of the daemon in one conversation, the greeting included; at the next one the hook hangs up."""

_LONGEST_FACT = 255
_LONGEST_KEY = 4096
_LONGEST_ANSWER = 511
_FIELD = re.compile(rb"(?:[ -$&-~]|%(?!00)(?:[01][0-9A-F]|25|7F|[89A-F][0-9A-F]))*\Z")
_ESCAPE = re.compile(rb"%(..)", re.DOTALL)
_ESCAPED = re.compile(rb"[^ -$&-~]")


class Fault(StrEnum):
    """What is wrong with a line of the hook."""

    NOT_ENDED = "not-ended"
    """No newline at its end: the hook died, or the line was cut off."""
    TOO_LONG = "too-long"
    """The line, or a field of it, has more octets than the hook would send."""
    VERSION = "version"
    """A hook of another version."""
    WORD = "word"
    """It begins with no word of the grammar."""
    FIELDS = "fields"
    """Too many fields, or too few."""
    ESCAPE = "escape"
    """A control character, a NUL, or a spelling of an octet that is not the one."""
    VALUE = "value"
    """A field has none of its values, is empty where it may not be, or is not printable UTF-8."""


class BadLine(RadiusMfaError):
    """A line that our hook would not send: the end of the conversation."""

    def __init__(self, fault: Fault) -> None:
        hint = "install the hook that came with this version" if fault is Fault.VERSION else ""
        super().__init__(f"a line that the PAM hook would not send: {fault}", hint)
        self.fault = fault


class FirstPass(StrEnum):
    """Where the answer to `Ask.PASSWORD` comes from."""

    ASK = "ask"
    """The person types it, each time."""
    TRY = "try"
    """A module before us has it; when it is wrong, the person may be asked."""
    USE = "use"
    """A module before us has it, and nobody is asked: the second `Ask.PASSWORD` ends the conversation."""


@dataclass(frozen=True, slots=True)
class Hello:
    r"""The facts of a conversation. `user` are the octets as they came; the rules judge them.

    `proven_keys` has sshd's SSH_AUTH_INFO_0: a line `publickey TYPE BASE64` for each method that has passed, each
    ended by `\n`. `silent`: the application wants no texts, so what has to be read goes into a prompt.
    """

    service: str
    user: bytes
    rhost: str
    tty: str
    ruser: str
    proven_keys: str
    first_pass: FirstPass
    silent: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What was typed, or the password of a module before us; never has a NUL, may be empty."""

    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Same:
    """The answer was the password once more where something else was asked: this client shows no questions."""


Line = Hello | Answer | Same


def decode(line: bytes) -> Line:
    """Read one line of the hook, its newline included. Raises BadLine."""
    if len(line) > LONGEST_LINE:
        raise BadLine(Fault.TOO_LONG)
    if not line.endswith(b"\n"):
        raise BadLine(Fault.NOT_ENDED)
    word, *fields = line[:-1].split(b"\t")
    reader = _READERS.get(word)
    if reader is None:
        raise BadLine(Fault.WORD)
    return reader(fields)


class Ask(StrEnum):
    """What a prompt asks for, and whether the person sees what is typed."""

    PASSWORD = "password"
    """Hidden. What is typed becomes PAM_AUTHTOK; with a first pass, nobody is asked the first time."""
    HIDDEN = "hidden"
    VISIBLE = "visible"


class Result(StrEnum):
    """What the hook returns to PAM."""

    SUCCESS = "success"
    """PAM_SUCCESS"""
    DENIED = "denied"
    """PAM_AUTH_ERR"""
    MAXTRIES = "maxtries"
    """PAM_MAXTRIES: the application should not start over."""
    UNAVAILABLE = "unavailable"
    """PAM_AUTHINFO_UNAVAIL: nothing was decided."""


def greeting() -> bytes:
    """The daemon's first line, once the hook's has been read."""
    return _line("HELLO", VERSION)


def prompt(ask: Ask, text: str) -> bytes:
    """Ask; the hook's next line is the answer. ValueError for a text that cannot be shown."""
    return _line("PROMPT", ask, _shown(text))


def info(text: str) -> bytes:
    """Show a text. ValueError if it cannot be shown."""
    return _line("INFO", _shown(text))


def error(text: str) -> bytes:
    """Show a text as an error. ValueError if it cannot be shown."""
    return _line("ERROR", _shown(text))


def delay(seconds: float) -> bytes:
    """Let PAM hold back a failure for about so long. ValueError outside 0 to LONGEST_DELAY."""
    if not 0 <= seconds <= LONGEST_DELAY:
        raise ValueError(seconds)
    return _line("DELAY", str(round(seconds * 1000)))


def result(value: Result) -> bytes:
    """End the conversation. Nothing may follow."""
    return _line("RESULT", value)


def _line(*fields: str) -> bytes:
    return b"\t".join(_ESCAPED.sub(_escape, text.encode()) for text in fields) + b"\n"


def _escape(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found.group()[0]


def _shown(text: str) -> str:
    """The text, if the hook will show it: no control characters (C0, DEL, C1), not too long."""
    if not text.isprintable() or len(text.encode()) > LONGEST_TEXT:
        raise ValueError(text)
    return text


def _hello(fields: list[bytes]) -> Hello:
    if not fields or fields[0] != VERSION.encode():
        raise BadLine(Fault.VERSION)
    if len(fields) != 9:
        raise BadLine(Fault.FIELDS)
    service, user, rhost, tty, ruser = (_field(raw, _LONGEST_FACT) for raw in fields[1:6])
    keys = _text(_field(fields[6], _LONGEST_KEY))
    if not user or not service or not keys.replace("\n", "").isprintable() or fields[8] not in (b"", b"silent"):
        raise BadLine(Fault.VALUE)
    return Hello(
        service=_name(service),
        user=user,
        rhost=_name(rhost),
        tty=_name(tty),
        ruser=_name(ruser),
        proven_keys=keys,
        first_pass=_first_pass(fields[7]),
        silent=fields[8] == b"silent",
    )


def _answer(fields: list[bytes]) -> Answer:
    if len(fields) != 1:
        raise BadLine(Fault.FIELDS)
    return Answer(_field(fields[0], _LONGEST_ANSWER))


def _same(fields: list[bytes]) -> Same:
    if fields:
        raise BadLine(Fault.FIELDS)
    return Same()


_READERS: dict[bytes, Callable[[list[bytes]], Line]] = {b"HELLO": _hello, b"ANSWER": _answer, b"SAME": _same}


def _field(raw: bytes, longest: int) -> bytes:
    if not _FIELD.match(raw):
        raise BadLine(Fault.ESCAPE)
    octets = _ESCAPE.sub(lambda found: bytes.fromhex(found.group(1).decode()), raw)
    if len(octets) > longest:
        raise BadLine(Fault.TOO_LONG)
    return octets


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise BadLine(Fault.VALUE) from None


def _name(octets: bytes) -> str:
    """A fact that goes into the log and the audit: printable, or the line is none of ours."""
    text = _text(octets)
    if not text.isprintable():
        raise BadLine(Fault.VALUE)
    return text


def _first_pass(raw: bytes) -> FirstPass:
    for value in FirstPass:
        if raw == value.encode():
            return value
    raise BadLine(Fault.VALUE)
