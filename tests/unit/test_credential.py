"""Taking a field apart: which octets are the password, which the code, and what is no code at all."""

# ruff: noqa: RUF001 - letters and digits that look like others are what this is about

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.auth import credential
from tests.unit.driving import RECOVERY, dashed

NOT_CODES = {
    "full-width digits": "１２３４５６".encode(),
    "superscripts": "¹²³⁴⁵⁶".encode(),
    "Arabic-Indic digits": "١٢٣٤٥٦".encode(),
    "mathematical digits": "𝟏𝟐𝟑𝟒𝟓𝟔".encode(),
    "one full-width digit": "12345６".encode(),
    "a space before": b" 123456",
    "a space behind": b"123456 ",
    "a line feed behind": b"123456\n",
    "a NUL behind": b"123456\0",
    "five digits": b"12345",
    "seven digits": b"1234567",
    "eight digits": b"12345678",
    "an exponent": b"1e5000",
    "a sign": b"+12345",
    "a point": b"123.45",
    "an underscore": b"12_345",
    "hexadecimal": b"0x1234",
    "nothing": b"",
    "a megabyte of digits": b"1" * 2**20,
}


@pytest.mark.parametrize("answer", NOT_CODES.values(), ids=NOT_CODES)
def test_only_six_ascii_digits_are_a_code(answer: bytes) -> None:
    """What looks like digits to Unicode, to int() or to people is no code."""
    assert credential.otp_code(answer, 6) is None


@pytest.mark.parametrize(("digits", "answer"), [(6, b"012345"), (7, b"0123456"), (8, b"00000000")])
def test_a_code_keeps_its_leading_zeros(digits: int, answer: bytes) -> None:
    """A code is text, never a number."""
    assert answer.decode() == credential.otp_code(answer, digits)


@pytest.mark.parametrize(
    "answer",
    [
        b"ABCDEFGHIJKLMNOP",
        b"abcdefghijklmnop",
        b"ABCD-EFGH-IJKL-MNOP",
        b"  abcd efgh-IJKL mnop ",
        b"A-B-C-D-E-F-G-H-I-J-K-L-M-N-O-P",
        b"ABCDEFGHIJKLMNOP".ljust(128),
    ],
)
def test_a_recovery_code_may_be_typed_in_any_spacing_and_case(answer: bytes) -> None:
    """Case, spaces and dashes do not matter."""
    assert credential.recovery_code(answer, 6) == RECOVERY


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"ABCDEFGHIJKLMNO",
        b"ABCDEFGHIJKLMNOPQ",
        b"ABCDEFGHIJKLMNO1",
        b"ABCDEFGHIJKLMNO0",
        b"ABCDEFGHIJKLMNOP\n",
        b"ABCDEFGHIJKLMNO\0P",
        "ABCDEFGHIJKLMNOＰ".encode(),
        "ABCDEFGHI\u2010JKLMNOP".encode(),
        b"ABCDEFGHIJKLMNOP".ljust(129),
    ],
)
def test_sixteen_base32_characters_are_a_recovery_code_and_nothing_else_is(answer: bytes) -> None:
    """Another length, another alphabet, other dashes or endless spaces are no recovery code."""
    assert credential.recovery_code(answer, 6) is None


@pytest.mark.parametrize(
    ("field", "digits", "expected"),
    [
        (b"secret123456", 6, (b"secret", b"123456")),
        (b"secret123456", 8, (b"secret123456", None)),
        (b"secret12345678", 8, (b"secret", b"12345678")),
        (b"secret99123456", 6, (b"secret99", b"123456")),
        (b"123456", 6, (b"", b"123456")),
        (b"12345", 6, (b"12345", None)),
        (b"123456654321", 6, (b"123456", b"654321")),
        (b"secret", 6, (b"secret", None)),
        (b"secret123456\n", 6, (b"secret123456\n", None)),
        (b"secret12345\n", 6, (b"secret12345\n", None)),
        ("secret１２３４５６".encode(), 6, ("secret１２３４５６".encode(), None)),
        (b"secret" + dashed(), 6, (b"secret", dashed())),
        (b"secret" + dashed().lower(), 6, (b"secret", dashed().lower())),
        (b"SECRET" + dashed(), 6, (b"SECRET", dashed())),
        (b"A-" + dashed(), 6, (b"A-", dashed())),
        (dashed(), 6, (b"", dashed())),
        (dashed()[1:], 6, (dashed()[1:], None)),
        (b"secret" + RECOVERY.encode(), 6, (b"secret" + RECOVERY.encode(), None)),
        (b"secret" + dashed() + b"\n", 6, (b"secret" + dashed() + b"\n", None)),
        (b"secretABCD-EFGH-IJKL-MNO1", 6, (b"secretABCD-EFGH-IJKL-MNO1", None)),
        (b"", 6, (b"", None)),
    ],
)
def test_an_appended_code_is_taken_off_the_end(field: bytes, digits: int, expected: tuple[bytes, bytes | None]) -> None:
    """The last digits of a code's length are the code, else a recovery code with its dashes, else there is none."""
    assert expected == credential.split(field, digits)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("12345", None),
        ("1234567", None),
        ("١٢٣٤٥٦", None),
        ("\udcff", None),
    ],
)
def test_a_code_may_be_typed_as_apps_show_it(typed: str, code: str | None) -> None:
    """With spaces anywhere; what is not exactly as many ASCII digits is none."""
    assert code == credential.typed_code(typed, 6)


@pytest.mark.parametrize(
    ("octets", "can"), [(b"x", True), (b"x" * 128, True), (b"x" * 129, False), (b"", False), (b"a\0b", False)]
)
def test_a_password_is_one_that_every_door_brings(octets: bytes, can: bool) -> None:
    """RADIUS takes 128 octets, PAM reads up to a NUL, and nothing is no password."""
    assert can is credential.can_be_password(octets)


@given(field=st.binary(max_size=128), digits=st.integers(6, 8))
def test_no_octet_is_lost_between_password_and_code(field: bytes, digits: int) -> None:
    """Whatever was typed, password and code together are what was typed."""
    password, code = credential.split(field, digits)
    assert field == password + (code or b"")


@given(password=st.binary(max_size=64), digits=st.integers(6, 8), number=st.integers(0, 10**8 - 1))
def test_any_octets_can_be_the_password_before_a_code(password: bytes, digits: int, number: int) -> None:
    """No password changes where its code begins."""
    code = b"%08d" % number
    assert (password, code[-digits:]) == credential.split(password + code[-digits:], digits)
    assert (password, dashed()) == credential.split(password + dashed(), digits)


@given(field=st.binary(max_size=64), digits=st.integers(6, 8))
def test_what_may_be_a_code_for_one_account_ends_like_a_code_for_all(field: bytes, digits: int) -> None:
    """A field without the look of a code has none for any account."""
    if credential.split(field, digits)[1] is not None:
        assert credential.ends_like_a_code(field)


@pytest.mark.parametrize(
    ("answer", "digits", "read"),
    [
        (b"12345678", 6, "12345678"),
        (b"1234-5678", 7, "12345678"),
        (b"12345678", 8, None),
        (b"1234 5678", 8, None),
        (b"123456789", 6, None),
        (b"1234567", 6, None),
    ],
)
def test_eight_digits_are_a_scratch_code_unless_codes_are_as_long(answer: bytes, digits: int, read: str | None) -> None:
    """An account whose authenticator shows eight digits has no use for them."""
    assert read == credential.recovery_code(answer, digits)
