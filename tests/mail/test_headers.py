"""Whatever is in the names of people, houses and machines: no foreign header and no foreign recipient.

Python 3.11.7 decodes `=?utf-8?q?=0ABcc...?=` in what it is given as a header, and writes the line end out as one.
"""

from __future__ import annotations

from dataclasses import fields, replace
from email import message_from_bytes
from email.parser import BytesParser
from email.policy import default
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radius_mfa.auth.notices import Facts
from radius_mfa.errors import OperationFailed
from radius_mfa.mail.letterhead import header_text
from radius_mfa.mail.samples import LETTERHEAD, SAMPLES
from tests.mail.reading import letter

BCC = "Bcc: mallory@example.net"
LINE_ENDS = [
    "\r",
    "\n",
    "\r\n",
    "\x85",
    "\u2028",
    "\u2029",
    "\v",
    "\f",
    "\x1c",
    "\0",
    "\n\n",
    "\r\n\r\n",
    "\r\n ",
    "\n\t",
]
ENCODED = [
    "=?utf-8?q?=0ABcc:_mallory=40example.net?=",
    "=?utf-8?q?=0D=0ABcc:_mallory=40example.net?=",
    "=?utf-8?b?CkJjYzogbWFsbG9yeUBleGFtcGxlLm5ldA==?=",
    "=?us-ascii?Q?=0A?= Bcc: mallory@example.net",
    "=\n?utf-8?q?=0ABcc:_mallory=40example.net?=",
    "=\0?utf-8?q?=0ABcc:_mallory=40example.net?=",
    "=?utf-8?q?=E2=80=A8Bcc:_mallory=40example.net?=",
    "=?utf-8*en?q?=0ABcc:_mallory=40example.net?=",
    "==?utf-8?q?=0ABcc:_mallory=40example.net?=?=",
    "Ünder =?utf-8?q?=0ABcc:_mallory=40example.net?= test",
]
ADDRESSES = [
    'PBX", mallory@example.net, "x',
    "PBX, mallory@example.net",
    "<mallory@example.net>",
    "(mallory@example.net)",
    "mallory@example.net:;",
    "Büro, mallory@example.net",
    "Büro <mallory@example.net>, Söhne",
    "a\\",
]
CORPUS = [f"A{end}{BCC}{end}" for end in LINE_ENDS] + ENCODED + ADDRESSES
OF_EACH = tuple({facts.template: facts for facts in SAMPLES}.values())
"""One mail of each template."""
HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]


def texts(facts: Facts) -> list[str]:
    """The fields of these facts that hold text somebody might have chosen."""
    fixed = {"key", "mode", "algorithm"}
    return [one.name for one in fields(facts) if isinstance(getattr(facts, one.name), str) and one.name not in fixed]


def look(content: bytes) -> None:
    """The header is ours, whoever reads it: two parsers of Python, and the plain rule of lines."""
    head = content.partition(b"\r\n\r\n")[0]
    lines = [line for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert HEADERS == [line.partition(b":")[0].decode() for line in lines]
    assert HEADERS == list(message_from_bytes(content).keys())
    whole = BytesParser(policy=default).parsebytes(content)
    assert HEADERS == list(whole.keys())
    assert whole["To"].addresses[0].addr_spec == "alice@example.com"
    assert [1, 1] == [len(whole[name].addresses) for name in ("To", "From")]
    assert whole["From"].addresses[0].addr_spec == "pbx@example.com"
    assert [] == [c for c in b"\r\n\0" if bytes([c]) in content.replace(b"\r\n", b"")]


@pytest.mark.parametrize("text", CORPUS)
def test_nothing_a_user_chose_becomes_a_header(text: str) -> None:
    """Account, client, address, device, language: all of it stays in the body, if it is taken at all."""
    for facts in OF_EACH:
        for name in texts(facts):
            changed: dict[str, Any] = {name: text}
            try:
                sent = letter(replace(facts, **changed))
            except OperationFailed:
                continue
            look(sent.content)
            assert sent.recipient == "alice@example.com"


@pytest.mark.parametrize("text", CORPUS)
@pytest.mark.parametrize("name", ["issuer", "help", "portal"])
def test_nothing_in_the_letterhead_becomes_a_header(name: str, text: str) -> None:
    """The issuer stands in the subject, on one line, as it is or defused."""
    changed: dict[str, Any] = {name: text}
    look(letter(SAMPLES[2], letterhead=replace(LETTERHEAD, **changed)).content)


@pytest.mark.parametrize("text", CORPUS)
def test_nothing_in_the_name_of_the_sender_becomes_a_header(text: str) -> None:
    """The name before the address of mail.from is one display name, or refused with the address."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    look(letter(SAMPLES[2], letterhead=replace(LETTERHEAD, sender=f'"{quoted}" <pbx@example.com>')).content)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=90))
def test_no_issuer_at_all_becomes_a_header(text: str) -> None:
    """Whatever Unicode holds."""
    look(letter(SAMPLES[2], letterhead=replace(LETTERHEAD, issuer=text)).content)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Example PBX", "Example PBX"),
        ("Büro & Söhne 日本", "Büro & Söhne 日本"),
        ("a\r\nb", "a b"),
        ("=?utf-8?q?x?=", "= ?utf-8?q?x?="),
        ("=\n?x", "= ?x"),
        ("=\0?x", "= ?x"),
        ("  a  ", "a"),
        ("a" * 200, "a" * 80),
    ],
)
def test_a_text_for_a_header_is_one_line_that_nobody_decodes(text: str, shown: str) -> None:
    """Line ends become spaces; what begins an encoded word is taken apart; what is longer than 80 is cut."""
    assert header_text(text) == shown


def test_letters_of_every_script_arrive_in_the_subject() -> None:
    """The subject is encoded where it has to be, and reads the same at the other end."""
    sent = letter(SAMPLES[2], letterhead=replace(LETTERHEAD, issuer="Büro & Söhne 日本"))
    assert BytesParser(policy=default).parsebytes(sent.content)["Subject"] == (
        "Your code app for Büro & Söhne 日本 is set up"
    )
