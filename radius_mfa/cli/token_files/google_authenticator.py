"""`.google_authenticator`, the file of pam_google_authenticator: one secret, options, scratch codes, and no name."""

from __future__ import annotations

import re

from radius_mfa.cli.token_files.entry import (
    HIGHEST_COUNTER,
    Entry,
    Mistake,
    Reading,
    base32,
    drift,
    lines,
    number,
    token,
)
from radius_mfa.store.token_import import InUse
from radius_mfa.store.tokens import NewToken

_OPTION = re.compile(r'" (?P<name>[A-Z0-9_]+)(?: (?P<value>.*))?')
_SCRATCH = re.compile(r"[0-9]{8}")
MOST_SCRATCH = 100
"""More than that no file of theirs has room for."""

Options = dict[str, str]


def recognises(text: str) -> bool:
    """An option of theirs stands in it; no other kind has lines that begin so."""
    return any(_OPTION.fullmatch(line) for _, line in lines(text))


def read(text: str) -> Reading:
    """The one token, with its scratch codes; its account is left open."""
    reading = Reading([], [])
    options: Options = {}
    scratch: dict[str, None] = {}
    (first, secret), *rest = lines(text)
    for number_, line in rest:
        option = _OPTION.fullmatch(line)
        if option is not None and option["name"] not in options:
            options[option["name"]] = (option["value"] or "").strip(" ")
        elif _SCRATCH.fullmatch(line) and len(scratch) < MOST_SCRATCH:
            scratch[line] = None
        else:
            reading.mistakes.append((number_, "this is neither an option, given once, nor a scratch code of 8 digits"))
    try:
        new = _token(secret, options)
        row = InUse("", new, _drift(options, new), tuple(scratch))
        reading.entries.append(Entry(first, row))
    except Mistake as mistake:
        reading.mistakes.append((first, mistake.text))
    return reading


def _token(secret: str, options: Options) -> NewToken:
    """Always SHA-1 and 6 digits. A counter comes before the time, as there."""
    octets = base32(secret)
    if "OTP_DISABLED" in options:
        raise Mistake("this token is disabled (OTP_DISABLED)")
    if "HOTP_COUNTER" in options:
        return token(octets, kind="hotp", counter=options["HOTP_COUNTER"])
    if "TOTP_AUTH" not in options:
        raise Mistake("neither TOTP_AUTH nor HOTP_COUNTER is in this file")
    made = token(octets, period=options.get("STEP_SIZE", "30"))
    return NewToken(made.secret, period=made.period, last_step=_last_step(options))


def _last_step(options: Options) -> int:
    """The newest step of those that may not be used again."""
    used = options.get("DISALLOW_REUSE", "").split()
    return max((number(step, 0, HIGHEST_COUNTER, "a step of DISALLOW_REUSE") for step in used), default=-1)


def _drift(options: Options, new: NewToken) -> int:
    if "HOTP_COUNTER" in options or "TIME_SKEW" not in options:
        return 0
    return drift(options["TIME_SKEW"], new.period, "TIME_SKEW")
