"""Files of other programs: each token is read as that program had it, and a mistake is named and not quoted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.model import Algorithm, TokenKind
from radius_mfa.auth.otp import code_at
from radius_mfa.cli import token_files
from radius_mfa.cli.token_files.entry import Entry, Reading, shown
from radius_mfa.store.token_import import InUse
from radius_mfa.store.tokens import NewToken
from tests.conftest import ROOT

SECRET = b"12345678901234567890"
KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
OLD, OLD_KEY = b"1234567890", "GEZDGNBVGY3TQOJQ"
HEX = SECRET.hex()
TOTP = NewToken(SECRET)
URI = f"otpauth://totp/alice?secret={KEY}"
GOOGLE = f'{KEY}\n" TOTP_AUTH\n'
GOOGLE_WITH_ALL = f"""{KEY}
" RATE_LIMIT 3 30 1700000000
" WINDOW_SIZE 17
" DISALLOW_REUSE 27 29 28
" STEP_SIZE 60
" TIME_SKEW -10
" TOTP_AUTH
" LAST0 1700000000
11111111
22222222
11111111
"""
FREERADIUS = f"""bob Cleartext-Password := "totp-secret"
DEFAULT Framed-Protocol == PPP
\tReply-Message = 'TOTP-Secret',
alice Cleartext-Password := "a \\", #b", Simultaneous-Use := 1, TOTP-Secret := {KEY}
\tService-Type = Framed-User
"""
USED = code_at(SECRET, 21, 6, Algorithm.SHA1)


def hotp(counter: int, digits: int = 6) -> NewToken:
    """A counter token whose next code is that of `counter`."""
    return NewToken(SECRET, TokenKind.HOTP, digits, last_step=counter - 1)


READ: dict[str, tuple[str, InUse]] = {
    "uri": (URI, InUse("alice", TOTP)),
    "uri with issuer": (f"otpauth://totp/Example%20PBX:%20alice?secret={KEY}&issuer=PBX", InUse("alice", TOTP)),
    "uri with spaces": (f"OTPAUTH://TOTP/Example PBX%3Aalice?secret={KEY}\r\n", InUse("alice", TOTP)),
    "uri of 80 bits": (f"otpauth://totp/alice?secret={OLD_KEY}", InUse("alice", NewToken(OLD))),
    "uri in small letters": (f"otpauth://totp/alice?secret={KEY.lower()}===", InUse("alice", TOTP)),
    "uri with all": (
        f"# phone\n\n{URI}&algorithm=SHA512&digits=8&period=15&image=x",
        InUse("alice", NewToken(SECRET, digits=8, algorithm=Algorithm.SHA512, period=15)),
    ),
    "uri of a counter": (f"otpauth://hotp/a%C3%A4?secret={KEY}&counter=0&digits=7", InUse("aä", hotp(0, 7))),
    "google": (GOOGLE, InUse("", TOTP)),
    "google with all": (
        GOOGLE_WITH_ALL,
        InUse("", NewToken(SECRET, period=60, last_step=29), -10, ("11111111", "22222222")),
    ),
    "google counter": (f'{KEY}\n" HOTP_COUNTER 22\n" TOTP_AUTH\n" TIME_SKEW 9\n', InUse("", hotp(22))),
    "google with other line ends": (GOOGLE.replace("\n", "\r\n"), InUse("", TOTP)),
    "oath": (f"HOTP alice - {HEX}", InUse("alice", hotp(0))),
    "oath time": (f"# users\nHOTP/T30/6\talice\t1234\t{HEX.upper()}", InUse("alice", TOTP)),
    "oath minute": (f"HOTP/T60/8 alice + {HEX} -2 ", InUse("alice", NewToken(SECRET, digits=8, period=60), -2)),
    "oath time used": (f"HOTP/T30 alice - {HEX} 1 123456 2009-06-12T17:52:32L", InUse("alice", TOTP, 1)),
    "oath event": (f"HOTP/E/8 alice - {HEX} 21", InUse("alice", hotp(21, 8))),
    "oath failures": (f"HOTP/E alice - {HEX} 21 4", InUse("alice", hotp(21))),
    "liboath": (f"HOTP alice - {HEX} 21 {USED} 2009-06-12T17:52:32L", InUse("alice", hotp(22))),
    "mod_authn_otp": (f"HOTP alice - {HEX} 22 0 {USED} 2009-06-12T17:52:32L 192.0.2.1", InUse("alice", hotp(22))),
    "old mod_authn_otp": (f"HOTP alice - {HEX} 22 {USED} 2009-06-12T17:52:32L 192.0.2.1", InUse("alice", hotp(22))),
    "oath of nobody": (f"HOTP alice - {HEX} 22 999999 2009-06-12T17:52:32L", InUse("alice", hotp(23))),
    "csv": (f"name,secret\nalice,{KEY}\n", InUse("alice", TOTP)),
    "csv with all": (
        f'"label", secret,name,type,digits,period,algorithm,counter\r\n"old, phone",{OLD_KEY}, alice ,HOTP,8,,SHA256,5',
        InUse("alice", NewToken(OLD, TokenKind.HOTP, 8, Algorithm.SHA256, last_step=4, label="old, phone")),
    ),
    "csv without type": (f"name,secret,type,period\nalice,{KEY},,60", InUse("alice", replace(TOTP, period=60))),
    "freeradius": (f'alice TOTP-Secret := "{KEY}"', InUse("alice", TOTP)),
    "freeradius control": (f"alice\t&control:TOTP-Secret := '{KEY}'", InUse("alice", TOTP)),
    "freeradius bare": (f'"al ice"  totp-secret={KEY} # Alice', InUse("al ice", TOTP)),
    "freeradius octets": (f"alice TOTP-Key := 0x{HEX}", InUse("alice", TOTP)),
    "freeradius among others": (FREERADIUS, InUse("alice", TOTP)),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_a_token_is_read_as_it_was(case: str) -> None:
    """One token comes of the file, and nothing is wrong with it."""
    text, expected = READ[case]
    reading = token_files.read(text)
    assert [] == reading.mistakes
    assert [expected] == [entry.row for entry in reading.entries]


WRONG: dict[str, tuple[str, int, str]] = {
    "empty": ("", 1, "no kind of file"),
    "a word": (f"{KEY}\n", 1, "no kind of file"),
    "comments": ("# otpauth://totp/x\n", 1, "no kind of file"),
    "uri of another kind": (f"{URI}\notpauth://steam/alice?secret={KEY}", 2, "no otpauth URI"),
    "uri without secret": ("otpauth://totp/alice?issuer=x", 1, "the secret is missing"),
    "uri with another script": (f"{URI}&digits=%EF%BC%96", 1, "6, 7 or 8 digits"),
    "uri not UTF-8": (f"otpauth://totp/a%E4?secret={KEY}", 1, "not UTF-8"),
    "uri query not UTF-8": (f"{URI}&issuer=%E4", 1, "cannot be read"),
    "uri of a long period": (f"{URI}&period=121", 1, "from 15 to 120"),
    "uri of a huge counter": (f"otpauth://hotp/alice?secret={KEY}&counter=9007199254740993", 1, "counter"),
    "uri counter in another script": (f"otpauth://hotp/alice?secret={KEY}&counter=%EF%BC%96", 1, "counter"),
    "uri of a negative counter": (f"otpauth://hotp/alice?secret={KEY}&counter=-1", 1, "counter"),
    "uri of 72 bits": ("otpauth://totp/alice?secret=GEZDGNBVGY3TQOI", 1, "fewer than 80 bits"),
    "uri of too many bits": (f"otpauth://totp/alice?secret={KEY * 7}", 1, "more than 1024 bits"),
    "uri with much": (URI + "&a=b" * 40, 1, "cannot be read"),
    "google without secret": ('" TOTP_AUTH\n', 1, "not base32"),
    "google of no kind": (f'{KEY}\n" WINDOW_SIZE 3\n', 1, "neither TOTP_AUTH nor HOTP_COUNTER"),
    "google disabled": (f'{GOOGLE}" OTP_DISABLED\n', 1, "disabled"),
    "google twice": (f'{GOOGLE}" TOTP_AUTH\n', 3, "neither an option"),
    "google with a short code": (f"{GOOGLE}1234567\n", 3, "neither an option"),
    "google with another script": (
        f"{GOOGLE}\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\n",
        3,
        "neither an option",
    ),
    "google with many codes": (GOOGLE + "".join(f"{n:08}\n" for n in range(101)), 103, "neither an option"),
    "google with a short step": (f'{GOOGLE}" STEP_SIZE 10\n', 1, "from 15 to 120"),
    "google with a far clock": (f'{GOOGLE}" TIME_SKEW 21\n', 1, "more than 600 seconds"),
    "google with a strange clock": (f'{GOOGLE}" TIME_SKEW --2\n', 1, "TIME_SKEW is not a number"),
    "google with a strange step": (f'{GOOGLE}" DISALLOW_REUSE 1 x\n', 1, "DISALLOW_REUSE"),
    "google counter of nothing": (f'{KEY}\n" HOTP_COUNTER\n', 1, "counter"),
    "oath of another kind": (f"MOTP alice 1234 {HEX}", 1, "MOTP is not taken"),
    "oath without secret": ("HOTP alice -", 1, "a line has type"),
    "oath with more": (f"HOTP alice - {HEX} 1 2 3 4 5 6", 1, "a line has type"),
    "oath with base32": (f"HOTP alice - {KEY}", 1, "not hexadecimal"),
    "oath of five digits": (f"HOTP/T60/5 alice - {HEX}", 1, "6, 7 or 8 digits"),
    "oath with a strange counter": (f"HOTP alice - {HEX} x", 1, "counter"),
    "oath with a far clock": (f"HOTP/T60 alice - {HEX} 11", 1, "more than 600 seconds"),
    "csv with another column": (f"name,secret,{KEY}\nalice,{KEY},", 1, "the header is not"),
    "csv with a column twice": (f"name,secret,name\nalice,{KEY},bob", 1, "the header is not"),
    "csv with less": ("name,secret\nalice", 2, "fewer fields"),
    "csv with more": (f"name,secret\nalice,{KEY},x", 2, "more fields"),
    "csv without name": (f"name,secret\n,{KEY}", 2, "the name is missing"),
    "csv without secret": ("name,secret\nalice,", 2, "the secret is missing"),
    "csv of another type": (f"name,secret,type\nalice,{KEY},{KEY}", 2, "totp or hotp"),
    "csv with a label of two lines": (f'name,secret,label\nalice,{KEY},"a\nb"', 3, "the label"),
    "csv with a long label": (f"name,secret,label\nalice,{KEY},{'a' * 65}", 2, "the label"),
    "csv with a counter of time": (f"name,secret,counter\nalice,{KEY},5", 2, "of type hotp"),
    "csv with an open quote": (f'name,secret\n"alice,{KEY}', 2, "no CSV"),
    "csv without rows": ("name,secret\n", 1, "no token"),
    "freeradius for everybody": (f"DEFAULT TOTP-Secret := {KEY}", 1, "everybody"),
    "freeradius twice": (f"alice TOTP-Secret := {KEY}\nalice TOTP-Secret := {KEY}", 2, "in a line before"),
    "freeradius two of them": (f"alice TOTP-Secret := {KEY}, TOTP-Key := 0x{HEX}", 1, "more than one"),
    "freeradius compared": (f"alice TOTP-Secret == {KEY}", 1, "set with :="),
    "freeradius in a reply": (f"alice\n\tTOTP-Secret := {KEY}", 2, "reply items"),
    "freeradius without comma": (f'alice Cleartext-Password := "x" TOTP-Secret := {KEY}', 1, "cannot be read"),
    "freeradius open quote": (f'alice TOTP-Secret := "{KEY}', 1, "cannot be read"),
    "freeradius command": (f"alice TOTP-Secret := `{KEY}`", 1, "not base32"),
    "freeradius open name": (f'"alice TOTP-Secret := {KEY}', 1, "the name cannot be read"),
    "freeradius file": (f"$INCLUDE more\nalice TOTP-Secret := {KEY}", 1, "not followed"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_by_its_line(case: str) -> None:
    """One mistake is told, in the line where it is, and without the secret."""
    text, line, words = WRONG[case]
    ((number, said),) = token_files.read(text).mistakes
    assert line == number
    assert words in said
    assert not any(key.casefold() in said.casefold() for key in (KEY, HEX, OLD_KEY))


def test_every_mistake_of_a_file_is_named() -> None:
    """What is right between two mistakes is read all the same, for the admin to mend both at once."""
    reading = token_files.read(f"otpauth://x\n{URI}\notpauth://y\n")
    assert [1, 3] == [line for line, _ in reading.mistakes]
    assert [Entry(2, InUse("alice", TOTP))] == reading.entries


def test_the_table_that_is_shown_to_admins_is_read() -> None:
    """Whoever copies the example of the documentation gets both of its tokens."""
    text = (ROOT / "docs/migration.md").read_text(encoding="utf-8")
    table = text.partition("```\nname,secret")
    reading = token_files.read("name,secret" + table[2].partition("```")[0])
    assert (2, []) == (len(reading.entries), reading.mistakes)


def test_what_was_read_shows_no_secret() -> None:
    """Secrets and scratch codes have no place in what a trace or a log would show of a token."""
    reading = token_files.read(f"{GOOGLE}11111111\n")
    assert "11111111" not in repr(reading)
    assert repr(SECRET)[2:-1] not in repr(reading)
    assert repr(reading).startswith(Reading.__name__)


@pytest.mark.parametrize("name", [KEY, KEY.lower(), HEX, "GEZD GNBV GY3T QOJQ", "GEZD-GNBV-GY3T-QOJQ"])
def test_a_name_that_could_be_a_secret_is_not_shown(name: str) -> None:
    """Where name and secret have changed columns, the message about an unknown account does not tell it."""
    assert name not in shown(name)
    assert "alice@example.com" == shown("alice@example.com")
