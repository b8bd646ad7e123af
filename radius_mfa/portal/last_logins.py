"""The last logins of an account as its owner reads them: from the audit, in plain words, floods in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from radius_mfa import audit_trail
from radius_mfa.auth.model import Method
from radius_mfa.auth.reasons import Reason

OCTETS = 8 * 1024 * 1024
"""So much of the audit is read."""
LET_IN = 10
"""Logins that are shown."""
PLACES = 3
"""Places between two logins from which attempts are shown apart; those from more are counted together."""

_ACCEPTED: dict[str, str] = {
    Method.TOTP: "Let in with a code",
    Method.HOTP: "Let in with a code",
    Method.RECOVERY: "Let in with a recovery code",
    Method.DEVICE: "Let in: trusted device",
}
_WRONG_CODE: tuple[str, ...] = (
    Reason.NOT_A_CODE, Reason.WRONG_CODE, Reason.WRONG_CODE_LOCKS, Reason.WRONG_CODE_DISABLES, Reason.STALE_CODE,
    Reason.SKEWED_CODE, Reason.USED_CODE, Reason.CODE_MISSING,
)  # fmt: skip
_REFUSED: dict[str, str] = {
    **dict.fromkeys(_WRONG_CODE, "wrong code"),
    Reason.WRONG_PASSWORD: "wrong password",
    Reason.THROTTLED: "too many wrong passwords",
    Reason.LOCKED: "locked after wrong codes",
    Reason.NOT_ALLOWED: "not allowed there",
}


@dataclass(frozen=True, slots=True)
class Login:
    """One line: `times` attempts, the last of them `at` (seconds since the epoch).

    `client` is the one that asked and `place` the address the person sat at, as far as it is known. Of several there is
    but the number.
    """

    at: float
    client: str
    place: str
    let_in: bool
    words: str
    times: int = 1


def last_logins(path: Path, account: str, since: float) -> list[Login]:
    """What the audit file has of this account, the newest first, from `since` (seconds since the epoch) on.

    An account that had the name before was another one. Raises OperationFailed where there is no file, and OSError.
    """
    logins = map(_login, audit_trail.records(path, account, OCTETS))
    return list(_gathered(one for one in logins if one is not None and one.at > since - 1))


def _gathered(logins: Iterable[Login]) -> Iterator[Login]:
    """At most LET_IN logins; what was refused between two of them is one line a place, however much it was."""
    refused: dict[tuple[str, str], Login] = {}
    let_in = 0
    for one in logins:
        if one.let_in:
            yield from _at_most(list(refused.values()))
            refused.clear()
            yield one
            let_in += 1
            if let_in == LET_IN:
                return
        else:
            last = refused.setdefault((one.client, one.place), replace(one, times=0))
            words = last.words if one.words == last.words else "Refused"
            refused[one.client, one.place] = replace(last, times=last.times + 1, words=words)
    yield from _at_most(list(refused.values()))


def _at_most(refused: list[Login]) -> Iterator[Login]:
    yield from refused[:PLACES]
    rest = refused[PLACES:]
    if rest:
        times = sum(one.times for one in rest)
        yield Login(rest[0].at, f"{len(rest)} more places", "", False, "Refused", times)


def _login(record: dict[str, Any]) -> Login | None:
    """A record of the audit as a line; None for one that is no login, or only sent again what was said before."""
    if record.get("event") != "login" or record.get("reason") == Reason.REPEATED:
        return None
    try:
        at = datetime.fromisoformat(record["time"]).astimezone(UTC).timestamp()
        client, place = str(record["client"]), str(record["calling_station"] or record["source"])
    except (KeyError, TypeError, ValueError):
        return None
    match record.get("result"):
        case "accept":
            words = _ACCEPTED.get(str(record.get("method")), "Let in with the password alone")
            return Login(at, client, place, True, words)
        case "reject":
            why = _REFUSED.get(str(record.get("reason")))
            return Login(at, client, place, False, f"Refused: {why}" if why else "Refused")
    return None
