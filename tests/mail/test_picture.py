"""The otpauth URI and its QR code, read by programs of others."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest

from radius_mfa.auth.notices import Invitation
from radius_mfa.errors import OperationFailed
from radius_mfa.mail import otpauth, picture
from radius_mfa.mail.samples import KEY, LETTERHEAD, SAMPLES
from tests.mail.reading import letter, parts, scan

NAMES = [
    "alice",
    "a&b",
    "who?",
    "a#b",
    "100%",
    "%0a",
    "é",
    "DOM\\alice",
    "alice@example.com",
    "a b+c",
    "a/b",
    "日本",
    "a=b;c",
    "\"<'>",
]
ISSUER = "Büro & Söhne 100 %?"
INVITATION = next(facts for facts in SAMPLES if isinstance(facts, Invitation))
needs_zbar = pytest.mark.needs("zbarimg", package="zbar-tools")


def size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("account", [*NAMES, "a:b"])
@pytest.mark.parametrize("issuer", NAMES)
def test_issuer_account_and_key_come_back(issuer: str, account: str) -> None:
    """Whatever characters are in the names, an app reads them as they are: by pyotp and by RFC 3986."""
    uri = otpauth.uri(KEY, account, issuer)
    read = pyotp.parse_uri(uri)
    assert isinstance(read, pyotp.TOTP)
    assert (read.issuer, read.name, read.secret) == (issuer, account, KEY)
    assert (read.digest, read.digits, read.interval) == (hashlib.sha1, 6, 30)
    split = urlsplit(uri)
    assert split.fragment == ""
    assert [unquote(part) for part in split.path[1:].split(":", 1)] == [issuer, account]
    assert parse_qs(split.query, strict_parsing=True) == {"secret": [KEY], "issuer": [issuer]}


def test_what_differs_from_the_default_is_said() -> None:
    """Eight digits, a minute and SHA-256 are in the URI."""
    read = pyotp.parse_uri(otpauth.uri(KEY, "alice", "PBX", digits=8, period=60, algorithm="sha256"))
    assert isinstance(read, pyotp.TOTP)
    assert (read.digest, read.digits, read.interval) == (hashlib.sha256, 8, 60)


@pytest.mark.parametrize("name", ["", "a\r\nb", "a\nb", "a\0", "a\x1b[2J", "a\x85b", "a\u2028b", "a\u2029b", "\ud800"])
def test_what_no_app_can_show_is_refused(name: str) -> None:
    """Control characters, line separators and half surrogates, in account or issuer."""
    with pytest.raises(OperationFailed, match="this account"):
        otpauth.uri(KEY, name, "PBX")
    with pytest.raises(OperationFailed, match="this issuer"):
        otpauth.uri(KEY, "alice", name)


@needs_zbar
@pytest.mark.parametrize("account", [*NAMES, "a" * 253, "é" * 126])
def test_the_picture_of_a_mail_reads_as_the_uri(account: str, tmp_path: Path) -> None:
    """zbarimg finds exactly the URI in the PNG that a reader of the mail sees, which is at most 4 KiB."""
    facts = replace(INVITATION, account=account)
    found = parts(letter(facts, letterhead=replace(LETTERHEAD, issuer=ISSUER)).content)["image/png"]
    (tmp_path / "qr.png").write_bytes(found)
    assert scan(tmp_path / "qr.png") == otpauth.uri(KEY, account, ISSUER)
    assert len(found) <= 4096


@needs_zbar
def test_the_longest_names_still_fit(tmp_path: Path) -> None:
    """64 letters of issuer and 253 octets of account, none of them ASCII: 4 KiB and 300 pixels are enough."""
    uri = otpauth.uri(KEY, "é" * 126, "😀" * 64)
    drawn = picture.draw(uri)
    (tmp_path / "qr.png").write_bytes(drawn.png)
    assert scan(tmp_path / "qr.png") == uri
    assert len(drawn.png) <= 4096
    assert drawn.size <= 300


@pytest.mark.parametrize("length", [1, 10, 100, 1000])
def test_the_picture_is_small_square_and_sharp(length: int) -> None:
    """At most 300 CSS pixels, twice as many of its own."""
    drawn = picture.draw("A" * length)
    assert drawn.size <= 300
    assert size(drawn.png) == (2 * drawn.size, 2 * drawn.size)
