"""The last logins as the portal shows them: out of the audit file, in plain words, and no flood hides one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from radius_mfa.audit import AuditFile
from radius_mfa.portal import last_logins as module
from radius_mfa.portal.last_logins import LET_IN, PLACES, Login, last_logins
from radius_mfa.ports import AuditRecord

AT = 1_780_000_000.0
ACCEPT = AuditRecord(
    time=AT, event="login", account="alice", client="pbx", source="192.0.2.10", calling_station="198.51.100.7",
    transport="radius", result="accept", reason="ok", method="totp",
)  # fmt: skip
REJECT = replace(ACCEPT, result="reject", reason="wrong-password", method="")


def written(tmp_path: Path, records: Iterable[AuditRecord]) -> Path:
    """An audit file with these, a second apart."""
    path = tmp_path / "audit.jsonl"
    AuditFile(str(path)).write([replace(one, time=one.time + second) for second, one in enumerate(records)])
    return path


def found(tmp_path: Path, *records: AuditRecord) -> list[Login]:
    return last_logins(written(tmp_path, records), "alice", 0.0)


def test_a_login_is_told_with_time_place_client_and_result(tmp_path: Path) -> None:
    """The place is the person's own where the client tells it, else the one the request came from."""
    here = found(tmp_path, replace(ACCEPT, calling_station=""), ACCEPT)
    assert [
        Login(AT + 1, "pbx", "198.51.100.7", True, "Let in with a code"),
        Login(AT, "pbx", "192.0.2.10", True, "Let in with a code"),
    ] == here


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("totp", "Let in with a code"),
        ("hotp", "Let in with a code"),
        ("recovery", "Let in with a recovery code"),
        ("device", "Let in: trusted device"),
        ("password", "Let in with the password alone"),
    ],
)
def test_what_let_in(method: str, words: str, tmp_path: Path) -> None:
    """Each way in has its words."""
    assert [words] == [one.words for one in found(tmp_path, replace(ACCEPT, method=method))]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("wrong-password", "Refused: wrong password"),
        ("throttled", "Refused: too many wrong passwords"),
        ("wrong-code", "Refused: wrong code"),
        ("used-code", "Refused: wrong code"),
        ("locked", "Refused: locked after wrong codes"),
        ("not-allowed", "Refused: not allowed there"),
        ("state-spent", "Refused"),
    ],
)
def test_what_was_refused(reason: str, words: str, tmp_path: Path) -> None:
    """A reason that means nothing to its reader is left out."""
    assert [words] == [one.words for one in found(tmp_path, replace(REJECT, reason=reason))]


def test_another_account_is_another_account(tmp_path: Path) -> None:
    """Neither one whose name begins so, nor one that has it as its client, nor one that is written otherwise."""
    others = [replace(ACCEPT, account=name) for name in ("alice2", "ALICE", "al", "bob", "", '","account":"alice')]
    assert [] == found(tmp_path, *others, replace(ACCEPT, account="bob", client="alice"))


def test_an_account_that_had_the_name_before_is_another_one(tmp_path: Path) -> None:
    """Only what was decided since this one was made."""
    path = written(tmp_path, [ACCEPT, ACCEPT, replace(ACCEPT, time=AT + 100)])
    assert [AT + 102] == [one.at for one in last_logins(path, "alice", AT + 50)]


def test_what_is_no_login_is_left_out(tmp_path: Path) -> None:
    """Challenges, replies that were sent again, changes and alerts."""
    others = [
        replace(ACCEPT, result="challenge"),
        replace(ACCEPT, reason="repeated"),
        replace(ACCEPT, event="change", result=""),
        replace(ACCEPT, event="alert"),
    ]
    assert [] == found(tmp_path, *others)


def test_a_flood_from_one_place_is_one_line(tmp_path: Path) -> None:
    """With the time of its last attempt and their number; the logins before and behind it are there."""
    here = found(tmp_path, ACCEPT, *[REJECT] * 500, replace(ACCEPT, method="device"))
    assert [("Let in: trusted device", 1), ("Refused: wrong password", 500), ("Let in with a code", 1)] == [
        (one.words, one.times) for one in here
    ]
    assert AT + 500 == here[1].at


def test_a_flood_from_many_places_in_turn_is_a_few_lines(tmp_path: Path) -> None:
    """A few places stand apart, the rest together, so that the login below them stays in sight."""
    flood = [replace(REJECT, calling_station=f"198.51.100.{number % 100}") for number in range(300)]
    here = found(tmp_path, ACCEPT, *flood)
    assert PLACES + 2 == len(here)
    assert ("Refused", 291, "97 more places", "") == (
        here[-2].words, here[-2].times, here[-2].client, here[-2].place,
    )  # fmt: skip
    assert here[-1].let_in


def test_no_more_logins_than_somebody_reads(tmp_path: Path) -> None:
    """The newest of them."""
    here = found(tmp_path, *[ACCEPT] * (LET_IN + 5))
    assert LET_IN == len(here)
    assert AT + LET_IN + 4 == here[0].at


def test_so_much_of_the_audit_is_read_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies further back, in the file or in the one it was rotated to, costs nothing and is not shown."""
    path = written(tmp_path, [ACCEPT] * 4)
    monkeypatch.setattr(module, "OCTETS", path.stat().st_size // 2 + 10)
    assert 2 == len(last_logins(path, "alice", 0.0))
    path.rename(tmp_path / "audit.jsonl.1")
    written(tmp_path, [ACCEPT])
    assert 2 == len(last_logins(path, "alice", 0.0))


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    """Half a line, and lines that somebody else wrote."""
    path = written(tmp_path, [ACCEPT])
    nested = json.dumps({**json.loads(path.read_bytes()), "account": "bob", "by": {"account": "alice"}})
    with path.open("ab") as file:
        file.write(nested.replace(": ", ":").encode() + b"\n")
        for line in (
            b"{",
            b"null",
            b'{"event":"login","account":"alice"}',
            b'{"event":"login","account":"alice","time":1}',
        ):
            file.write(line + b"\n")
    assert 1 == len(last_logins(path, "alice", 0.0))
