"""Which mail addresses an account may have."""

from __future__ import annotations

import pytest

from radius_mfa.auth.texts import masked
from radius_mfa.errors import OperationFailed
from radius_mfa.mail.address import checked, is_address

ATOM = "a" * 64
DOMAIN = ".".join(["d" * 61] * 3)


@pytest.mark.parametrize(
    "text",
    [
        "alice@example.com",
        "a@b",
        "first.last+pbx@mail.example.com",
        "o'brien@example.com",
        "x-y_z@xn--mnchen-3ya.example",
        f"{ATOM}@{DOMAIN}",
    ],
)
def test_a_plain_address_is_taken(text: str) -> None:
    """One dot-atom, one domain."""
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "@example.com",
        "alice@",
        "alice@@example.com",
        "a@b@c",
        "alice@example.com,bob@example.com",
        "alice@example.com;bob@example.com",
        "alice@example.com bob@example.com",
        "alice@example.com\n",
        "alice@example.com\nBcc: bob@example.com",
        "alice\r@example.com",
        "alice%0a@example.com",
        "alice%other.example@example.com",
        "other.example!alice@example.com",
        "Alice <alice@example.com>",
        "<alice@example.com>",
        '"alice"@example.com',
        "alice(comment)@example.com",
        "-f@example.com",
        ".alice@example.com",
        "alice.@example.com",
        "a..b@example.com",
        "alice@-example.com",
        "alice@example-.com",
        "alice@.example.com",
        "alice@example.com.",
        "alice@[192.0.2.1]",
        "älice@example.com",
        "alice@münchen.example",
        "alice@example。com",
        "alice@example.com\0",
        "alice\x1b@example.com",
        "=?utf-8?q?=0ABcc?=",
        "=?utf-8?q?=0ABcc?=@example.com",
        f"{ATOM}a@example.com",
        f"a@{'d' * 64}.example",
        f"{ATOM}@{DOMAIN}.dddd",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """No list, name, comment, quoting, route, line end, option or other script."""
    assert not is_address(text)


def test_a_checked_address_is_given_back() -> None:
    """What may be stored comes back as it is."""
    assert checked("alice@example.com") == "alice@example.com"


def test_a_refused_address_is_not_repeated() -> None:
    """The refusal gives an example and nothing of what was typed, which could carry anything."""
    with pytest.raises(OperationFailed) as caught:
        checked("\x1b]0;evil@example.com\nBcc: bob@example.com")
    assert "evil" not in caught.value.message + caught.value.hint
    assert "alice@example.com" in caught.value.hint


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("alice@example.com", "a***@example.com"),
        ("a@b", "a***@b"),
        ("alice.long.name@mail.example", "a***@mail.example"),
    ],
)
def test_a_masked_address_keeps_one_letter_and_the_domain(address: str, shown: str) -> None:
    """Its owner knows it again; its length is not told."""
    assert masked(address) == shown
