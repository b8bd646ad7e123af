"""The users file of pam_oath (liboath) and mod_authn_otp: type, name, PIN, secret, and what a login has left behind."""

from __future__ import annotations

import re
from dataclasses import replace

from radius_mfa.auth.model import TokenKind
from radius_mfa.auth.otp import code_at
from radius_mfa.cli.token_files.entry import (
    HIGHEST_COUNTER,
    Mistake,
    Reading,
    drift,
    hexadecimal,
    lines,
    number,
    read_lines,
    token,
)
from radius_mfa.store.token_import import InUse
from radius_mfa.store.tokens import NewToken

_TYPE = re.compile(r"HOTP(?:/(?:E|T(?P<period>[0-9]+))(?:/(?P<digits>[0-9]+))?)?", re.IGNORECASE)
_FIRST = re.compile(r"[HM]OTP(?:[/ \t]|$)", re.IGNORECASE)
_LEFT = {2: 0, 3: 0, 4: 1}
"""Where the last code stands among the fields behind the counter, by their number: perhaps a count of failures before
it, the time behind it, and then perhaps an address."""


def recognises(text: str) -> bool:
    """The first line begins with a type of theirs."""
    return _FIRST.match(next((line for _, line in lines(text)), "")) is not None


def read(text: str) -> Reading:
    """A token a line. The PIN is a password: it is left where it is."""
    return read_lines(text, _token)


def _token(line: str) -> InUse:
    fields = re.split(r"[ \t]+", line.strip(" \t"))
    kind = _TYPE.fullmatch(fields[0])
    if kind is None:
        raise Mistake("the type is HOTP, HOTP/E/DIGITS or HOTP/TSECONDS/DIGITS; MOTP is not taken")
    if not 4 <= len(fields) <= 9:
        raise Mistake("a line has type, name, PIN (or a dash), secret, and what a login has left")
    _, name, _, secret, *left = fields
    digits = kind["digits"] or "6"
    octets = hexadecimal(secret)
    where = left[0] if left else "0"
    if kind["period"]:
        made = token(octets, digits=digits, period=kind["period"])
        return InUse(name, made, drift(where, made.period, "the offset behind the secret"))
    number(where, 0, HIGHEST_COUNTER, "the counter behind the secret")
    made = token(octets, kind=TokenKind.HOTP, digits=digits, counter=where)
    return InUse(name, replace(made, last_step=_last_counter(made, int(where), left[1:])))


def _last_counter(made: NewToken, counter: int, left: list[str]) -> int:
    """The counter that was used last.

    mod_authn_otp writes the next one, liboath the last one together with its code: whose file it is shows in the last
    code, if there is one. Where it fits neither, no code that may have been used is taken again.
    """
    place = _LEFT.get(len(left))
    if place is None:
        return counter - 1
    if counter and left[place] == code_at(made.secret, counter - 1, made.digits, made.algorithm):
        return counter - 1
    return counter
