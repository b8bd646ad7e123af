"""Who may leave out the Message-Authenticator, and what nobody may (CVE-2024-3596; THREATS 80, 81, 82)."""

from __future__ import annotations

import pytest

from radius_mfa.radius import secret
from radius_mfa.radius.attributes import dictionary
from radius_mfa.radius.clients import Client
from radius_mfa.radius.drops import Drop
from tests.wire.packets import (
    LENIENT,
    NAME,
    PASSWORD,
    STRICT,
    attribute,
    client,
    dropped,
    login,
    packet,
    signed,
    vendor,
)

BOTH = pytest.mark.parametrize("by", [STRICT, LENIENT], ids=["required", "not-required"])
WRONG = [
    pytest.param(packet(attribute(80, bytes(16)), NAME, PASSWORD), Drop.WRONG_MESSAGE_AUTHENTICATOR, id="wrong"),
    pytest.param(signed(NAME, PASSWORD, secret=b"other"), Drop.WRONG_MESSAGE_AUTHENTICATOR, id="other secret"),
    pytest.param(signed(NAME, PASSWORD, attribute(80, bytes(16))), Drop.REPEATED_ATTRIBUTE, id="second"),
    pytest.param(packet(NAME, attribute(80, bytes(0))), Drop.BAD_MESSAGE_AUTHENTICATOR_LENGTH, id="length 2"),
    pytest.param(packet(NAME, attribute(80, bytes(15))), Drop.BAD_MESSAGE_AUTHENTICATOR_LENGTH, id="length 17"),
    pytest.param(packet(NAME, attribute(80, bytes(17))), Drop.BAD_MESSAGE_AUTHENTICATOR_LENGTH, id="length 19"),
]


@BOTH
@pytest.mark.parametrize(("datagram", "reason"), WRONG)
def test_a_wrong_signature(datagram: bytes, reason: Drop, by: Client) -> None:
    """A Message-Authenticator that is there must be right, required or not."""
    assert reason == dropped(datagram, by)


@BOTH
@pytest.mark.parametrize("last", [False, True])
def test_a_right_signature(by: Client, last: bool) -> None:
    """A right one is taken wherever it stands in the request."""
    assert dropped(signed(NAME, PASSWORD, attribute(33, b"state"), last=last), by) is None


def test_every_bit_counts() -> None:
    """One flipped bit anywhere in a signed request, and it is dropped."""
    datagram = signed(NAME, PASSWORD, attribute(33, b"state"))
    for bit in range(8 * len(datagram)):
        changed = bytearray(datagram)
        changed[bit // 8] ^= 1 << bit % 8
        assert dropped(bytes(changed)) is not None, bit


def test_no_signature() -> None:
    """Without one: dropped, unless the client's setting lets it through."""
    assert Drop.NO_MESSAGE_AUTHENTICATOR == dropped(packet(NAME, PASSWORD), STRICT)
    assert dropped(packet(NAME, PASSWORD), LENIENT) is None


@BOTH
def test_eap_and_status_server_are_always_signed(by: Client) -> None:
    """No setting lets EAP-Message or Status-Server through without one (RFC 3579 section 3.1, RFC 5997 section 3)."""
    assert Drop.NO_MESSAGE_AUTHENTICATOR == dropped(packet(NAME, attribute(79, b"\x02\x01\x00\x04")), by)
    assert Drop.NO_MESSAGE_AUTHENTICATOR == dropped(packet(code=12), by)


@pytest.mark.parametrize("length", [0, 1, 253])
@pytest.mark.parametrize("count", [1, 8])
def test_proxy_state_unsigned(length: int, count: int) -> None:
    """Proxy-State is never taken, and so never echoed, without a Message-Authenticator."""
    prefixes = [attribute(33, bytes(length))] * count
    assert Drop.PROXY_STATE_UNSIGNED == dropped(packet(NAME, PASSWORD, *prefixes), LENIENT)
    assert Drop.PROXY_STATE_UNSIGNED == dropped(packet(*prefixes, NAME, PASSWORD), LENIENT)


def test_three_hundred_proxy_states() -> None:
    """The prefixes of a forgery, as many as a datagram holds: dropped, signed or not."""
    prefixes = [attribute(33, bytes(253))] * 15
    assert Drop.PROXY_STATE_TOO_LONG == dropped(packet(*prefixes), LENIENT)
    assert Drop.PROXY_STATE_TOO_LONG == dropped(signed(*prefixes), LENIENT)


@pytest.mark.parametrize(
    "ours",
    [
        vendor(32473, 1, b"token"),
        vendor(32473, 2, bytes(4)),
        attribute(26, (32473).to_bytes(4, "big")),
        attribute(26, (32473).to_bytes(4, "big") + b"\x01\xff"),
    ],
    ids=["token", "wish", "empty", "overruns"],
)
def test_our_vendor_attributes_unsigned(ours: bytes) -> None:
    """The attributes of trusted devices are taken under a Message-Authenticator alone, in whatever shape."""
    assert Drop.VENDOR_UNSIGNED == dropped(packet(NAME, PASSWORD, ours), LENIENT)
    assert dropped(signed(NAME, PASSWORD, ours), LENIENT) is None


def test_the_vendor_number_is_a_setting() -> None:
    """The number of the configuration is ours, and 32473 is anybody's then."""
    by = client(require_message_authenticator=False, vendor=64_000)
    assert Drop.VENDOR_UNSIGNED == dropped(packet(NAME, PASSWORD, vendor(64_000, 1, b"token")), by)
    assert dropped(packet(NAME, PASSWORD, vendor(32473, 1, b"token")), by) is None
    assert dictionary(64_000).vendors.GetForward("Radius-MFA") == 64_000


def test_others_vendor_attributes_unsigned() -> None:
    """Vendor attributes of a gateway need no signature."""
    assert dropped(packet(NAME, PASSWORD, vendor(9, 1, b"shell:priv-lvl=15")), LENIENT) is None


def test_ten_thousand_guesses_of_the_secret() -> None:
    """Whatever secret signs it, if it is not the client's the request is dropped."""
    reasons = {dropped(signed(NAME, PASSWORD, secret=b"guess %d" % guess)) for guess in range(10_000)}
    assert {Drop.WRONG_MESSAGE_AUTHENTICATOR} == reasons


@pytest.mark.parametrize("length", [1, 16, 63, 64, 65, 200])
def test_a_secret_of_any_length(length: int) -> None:
    """Secrets shorter and longer than a block of MD5 sign and hide alike."""
    secret = bytes(range(1, length + 1))
    name = attribute(1, b"alice")
    assert b"alice" == login(signed(name, secret=secret), client(secret)).name


def test_secrets_are_not_shown() -> None:
    """Neither the client nor its secret prints the octets."""
    assert "testing123" not in repr(STRICT) + repr(STRICT.secret) + str(STRICT.secret)


def test_openssl_gives_what_the_interpreter_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the interpreter has no MD5 of its own, all that is computed with a shared secret is the same."""
    hidden, authenticator = bytes(range(48)), bytes(range(16))

    def computed() -> list[bytes]:
        made = secret.SharedSecret(b"a shared secret")
        return [
            made.authenticate(hidden),
            made.reveal(hidden, authenticator),
            made.hide_salted(hidden, authenticator, b"\x80\1"),
            made.reply(2, 7, authenticator, NAME),
        ]

    fast = computed()
    monkeypatch.setattr(secret, "_md5", secret._openssl)
    assert fast == computed()
