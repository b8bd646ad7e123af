"""Which mail addresses an account may have."""

from __future__ import annotations

import pytest

from radius_mfa.mail.address import is_address

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
        f"{ATOM}a@example.com",
        f"a@{'d' * 64}.example",
        f"{ATOM}@{DOMAIN}.dddd",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """No list, name, comment, quoting, route, line end, option or other script."""
    assert not is_address(text)
