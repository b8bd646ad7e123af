"""Laws of the readers: whatever a file holds, it ends in tokens or in named mistakes that quote no secret."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from radius_mfa.cli import token_files

KEY = "KRUGS43JONQVGZLDOJSXIT3GKRUGKTDB"
HEX = "5468697369734153656372657454686174497353686f776e"
SCRATCH = "83920175"
SECRETS = (KEY, KEY.lower(), HEX, HEX.upper(), SCRATCH, "passw0rd")
PIECES = (
    *SECRETS, "otpauth://", "totp/", "hotp/", "PBX:", "alice", "?", "&", "secret=", "digits=", "period=", "counter=",
    "algorithm=SHA256", "%3A", "%", "+", "6", "30", "-1", '" ', "TOTP_AUTH", "HOTP_COUNTER ", "STEP_SIZE ", "HOTP",
    "HOTP/T30/6", "MOTP", " - ", "\t", " ", "\n", "\r\n", ",", '"', "'", "name,secret", "type", "TOTP-Secret", ":=",
    "==", "TOTP-Key", "0x", "Cleartext-Password := ", "DEFAULT", "$INCLUDE ", "#", "&control:", "\x00", "\x0b",
    "\u2028", "\ufeff", "\uff16",
)  # fmt: skip
STARTS = (
    f"otpauth://totp/alice?secret={KEY}&", f'{KEY}\n" TOTP_AUTH\n{SCRATCH}\n', f"HOTP/E/8 alice passw0rd {HEX} 5 ",
    f"name,secret\nalice,{KEY}\n{KEY},alice\n", f'alice Cleartext-Password := "passw0rd", TOTP-Secret := "{KEY}"\n', "",
)  # fmt: skip
near = st.tuples(st.sampled_from(STARTS), st.lists(st.sampled_from(PIECES), max_size=25)).map(
    lambda parts: parts[0] + "".join(parts[1])
)


@settings(max_examples=2000)
@given(near | st.text(max_size=200))
def test_any_text_ends_in_tokens_or_named_mistakes(text: str) -> None:
    """Nothing is raised, one of the two is there, its line is one of the file, and no secret is in what is said."""
    reading = token_files.read(text)
    assert reading.entries or reading.mistakes
    last = text.count("\n") + text.count("\r") + 2
    assert all(1 <= line <= last for line in [line for line, _ in reading.mistakes] + [e.line for e in reading.entries])
    said = " ".join(text for _, text in reading.mistakes)
    assert not any(secret in said for secret in SECRETS)


@settings(max_examples=500)
@given(near)
def test_what_is_read_is_a_token_that_can_be_stored(text: str) -> None:
    """Digits, period, counter, secret and scratch codes are within the bounds of a token, whatever the file says."""
    for entry in token_files.read(text).entries:
        new = entry.row.token
        assert new.digits in {6, 7, 8}
        assert 15 <= new.period <= 120
        assert -1 <= new.last_step < 2**53
        assert 10 <= len(new.secret) <= 128
        assert abs(entry.row.drift) * new.period <= 600
        assert all(len(code) == 8 and code.isascii() and code.isdecimal() for code in entry.row.scratch_codes)
