"""What arrives: the parts of a mail, and what they say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC
from email import message_from_bytes
from email.utils import parsedate_to_datetime

import pytest

from radius_mfa.auth.notices import Facts, Invitation
from radius_mfa.errors import ConfigurationError, OperationFailed
from radius_mfa.mail import otpauth
from radius_mfa.mail.samples import AT, KEY, LETTERHEAD, SAMPLES
from tests.mail.reading import letter, parts

INVITATION, KEY_ONLY, LINKED = (facts for facts in SAMPLES if isinstance(facts, Invitation))
KEY_IN_GROUPS = "A2B3 C4D5 E6F7 G2H3 I4J5 K6L7 M2N3 O4P5"
URI = f"otpauth://totp/Example%20PBX:alice?secret={KEY}&issuer=Example%20PBX"


def bodies(facts: Facts) -> tuple[str, str]:
    found = parts(letter(facts, letterhead=replace(LETTERHEAD, zone=UTC)).content)
    return found["text/plain"].decode(), found["text/html"].decode()


def words(html: str) -> str:
    """What a reader of the HTML sees."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL))


def test_an_invitation_is_text_beside_html_with_its_picture() -> None:
    """multipart/alternative (text; related (HTML, PNG by CID))."""
    whole = message_from_bytes(letter(INVITATION).content)
    assert [part.get_content_type() for part in whole.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    picture = list(whole.walk())[-1]
    assert f'src="cid:{picture["Content-ID"][1:-1]}"' in bodies(INVITATION)[1]
    assert picture["Content-Disposition"].startswith("inline")


@pytest.mark.parametrize("facts", [one for one in SAMPLES if one is not INVITATION], ids=lambda facts: str(facts.kind))
def test_other_mails_have_no_picture(facts: Facts) -> None:
    """Two parts are enough where there is nothing to scan."""
    assert set(parts(letter(facts).content)) == {"text/plain", "text/html"}


def test_a_link_stands_in_both_parts_and_the_key_in_none() -> None:
    """Whoever reads the mail alone cannot set up an app with it."""
    for part in bodies(LINKED):
        assert f"https://pbx.example.com/enroll/{LINKED.link}" in part
        assert "otpauth" not in part
        assert not re.search(r"(?:[A-Z2-7]{4} ){3}", part)


def test_both_parts_of_an_invitation_carry_key_and_link() -> None:
    """Who sees no picture can type, and who reads on the phone can tap."""
    text, html = bodies(INVITATION)
    assert KEY_IN_GROUPS in text
    assert URI in text
    assert KEY_IN_GROUPS in words(html)
    assert f'href="{URI.replace("&", "&amp;")}"' in html


@pytest.mark.parametrize("facts", [INVITATION, KEY_ONLY], ids=["qr", "key"])
@pytest.mark.parametrize(
    "said",
    [
        "Microsoft Authenticator",
        "Other (Google, Facebook, etc.)",
        "Google Authenticator",
        "Enter a setup key",
        "Any other app",
        "Example PBX",
        "alice",
        "Call the help desk: 4711",
        "16 January 2027, 08:00 UTC",
        "Nobody will ever ask you for this key or for a code",
    ],
)
def test_an_invitation_says_what_to_do_and_what_it_is_not(facts: Facts, said: str) -> None:
    """Steps for both apps, a line for others, whose and for what, whom to ask, until when, in both parts."""
    text, html = bodies(facts)
    assert said in re.sub(r"\s+", " ", text)
    assert said in words(html)


def test_where_there_is_no_picture_nobody_is_told_to_scan_it() -> None:
    """In the mode `key` no step speaks of a QR code."""
    assert "qr" not in (bodies(KEY_ONLY)[0] + words(bodies(KEY_ONLY)[1])).lower()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (SAMPLES[2], ["pbx", "192.0.2.7", "https://pbx.example.com", "15 January 2027, 08:00 UTC"]),
        (SAMPLES[4], ["a***@example.com", "a***@example.net", "both"]),
        (SAMPLES[5], ["pbx", "2001:db8::7", "You have 2 left", "15 January 2027, 08:00 UTC"]),
        (SAMPLES[6], ["last one"]),
        (SAMPLES[7], ["pbx", "192.0.2.7", "laptop", "16 January 2027, 08:00 UTC"]),
    ],
)
def test_a_notice_says_what_happened(facts: Facts, said: list[str]) -> None:
    """Time, client, address and what came of it, in both parts."""
    for body in (bodies(facts)[0], words(bodies(facts)[1])):
        flat = re.sub(r"\s+", " ", body).replace(" .", ".")
        assert [] == [one for one in said if one not in flat]


@pytest.mark.parametrize("facts", SAMPLES, ids=lambda facts: str(facts.kind))
def test_no_mail_fetches_anything(facts: Facts) -> None:
    """No script, no picture from elsewhere, no font, no tracking."""
    html = bodies(facts)[1]
    assert [] == re.findall(r"<script|<link|<iframe|@import|url\(", html)
    assert [] == [src for src in re.findall(r'src="([^"]*)"', html) if not src.startswith("cid:")]


def test_without_a_portal_the_administrator_gives_the_codes() -> None:
    """A notice never sends people to a page that is not there."""
    found = parts(letter(SAMPLES[2], letterhead=replace(LETTERHEAD, portal="")).content)
    assert "administrator for yours" in re.sub(r"\s+", " ", found["text/plain"].decode())
    assert b"https://" not in found["text/plain"] + found["text/html"]


def test_the_headers_are_these_and_no_others() -> None:
    """One recipient, a fixed Message-ID and Date, and a word to those who answer by themselves."""
    whole = message_from_bytes(letter(INVITATION).content)
    assert [name for name, _ in whole.items() if not name.startswith("Content-")] == [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
    ]
    assert whole["To"] == "alice@example.com"
    assert whole["From"] == "PBX <pbx@example.com>"
    assert whole["Subject"] == "Set up your code app for Example PBX"
    assert whole["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(whole["Date"]).timestamp() == AT
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.com>", whole["Message-ID"])


def test_a_mail_made_twice_is_the_same_twice() -> None:
    """The same row gives the same octets, boundaries included."""
    assert letter(INVITATION).content == letter(INVITATION).content


def test_every_line_is_short_and_ascii() -> None:
    """Any server can carry it (RFC 5321 section 4.5.3.1.6), without 8BITMIME or SMTPUTF8."""
    content = letter(replace(INVITATION, account="é" * 100)).content
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_an_unknown_language_is_that_of_the_house() -> None:
    """An account's language that has no texts does not lose its mail."""
    assert "Set up your code app" in bodies(replace(INVITATION, language="tlh"))[1]


def test_html_shows_names_as_they_are() -> None:
    """A name is text, never markup."""
    html = bodies(replace(INVITATION, account="<b>&alice"))[1]
    assert "&lt;b&gt;&amp;alice" in html
    assert "<b>" not in html


def test_an_address_that_is_none_gets_no_mail() -> None:
    """The stored address is checked once more before it becomes a header."""
    with pytest.raises(OperationFailed, match="not a mail address"):
        letter(INVITATION, to="alice@example.com,bob@example.com")


def test_a_sender_that_is_none_is_a_mistake_of_the_configuration() -> None:
    """mail.from is named."""
    with pytest.raises(ConfigurationError, match=r"mail\.from"):
        letter(INVITATION, letterhead=replace(LETTERHEAD, sender="PBX"))


def test_the_key_does_not_show_in_a_trace() -> None:
    """A letter printed by mistake gives nothing away."""
    assert KEY not in repr(letter(INVITATION))
    assert otpauth.grouped(KEY) == KEY_IN_GROUPS
