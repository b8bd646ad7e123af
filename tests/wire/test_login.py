"""From a request to the facts for the rules (THREATS 13, 14, 16 and the refusals of DESIGN 4)."""

from __future__ import annotations

import pytest

from radius_mfa.auth.model import INVALID_STATE, Challenge, Door, Stage
from tests.wire.packets import (
    AUTHENTICATOR,
    DIGEST,
    LENIENT,
    NAME,
    NOW,
    PASSWORD,
    SOURCE,
    STATES,
    STRICT,
    Vector,
    accepted,
    attribute,
    client,
    hidden,
    login,
    signed,
    vectors,
    vendor,
)


def typed(password: bytes) -> bytes | None:
    """What the rules get when this password was hidden."""
    return login(signed(NAME, attribute(2, hidden(password)))).password


def test_the_facts() -> None:
    """Everything the rules ask for is there, as it came."""
    request = login(signed(NAME, PASSWORD, attribute(31, b"192.0.2.77"), attribute(32, b"pbx-front")))
    assert Door.RADIUS is request.door
    assert STRICT.policy is request.client
    assert (b"alice", b"correct horse") == (request.name, request.password)
    assert ("192.0.2.77", "pbx-front", SOURCE) == (request.calling_station, request.nas_identifier, request.source)
    assert (NOW, DIGEST, False, None) == (request.at, request.digest, request.unsupported, request.state)


@pytest.mark.parametrize("length", [1, 15, 16, 17, 31, 32, 33, 127, 128])
def test_a_password_of_any_length(length: int) -> None:
    """Passwords of 1 to 128 octets come out as they went in."""
    password = bytes(1 + octet % 255 for octet in range(length))
    assert password == typed(password)


def test_octets_that_are_not_utf8_stay() -> None:
    """A password that is not UTF-8 is not the same password with those octets left out."""
    assert b"pass\xffword" == typed(b"pass\xffword")
    assert b"\xff\xfe" == typed(b"\xff\xfe")


@pytest.mark.parametrize("password", [b"", b"\0" * 16, b"\0" * 128, b"pass\0word", b"\0pass", b"pass\0\0w"])
def test_nothing_and_nul(password: bytes) -> None:
    """No octets, only padding, or a NUL inside: an empty password, which the rules refuse."""
    assert b"" == typed(password)


def test_padding_is_cut() -> None:
    """NUL octets at the end are padding, also beyond the last block that is needed."""
    assert b"pass" == typed(b"pass".ljust(64, b"\0"))


def test_no_password() -> None:
    """Neither User-Password nor another method: no password, and not an unsupported method."""
    request = login(signed(NAME))
    assert request.password is None
    assert not request.unsupported


@pytest.mark.parametrize(
    "name", [b"", b" ", b"a" * 253, b"\xff\xfe", b"alice\0x", b"al\nice", "\u0430lice".encode()], ids=repr
)
def test_a_name_of_any_octets(name: bytes) -> None:
    """The name goes to the rules octet by octet, whatever it is."""
    assert name == login(signed(attribute(1, name), PASSWORD)).name


def test_no_name() -> None:
    """A request without User-Name says None."""
    assert login(signed(PASSWORD)).name is None


def test_stations_that_are_not_utf8_stay_apart() -> None:
    """Two Calling-Station-Ids that differ in octets differ as text."""
    one, other = (login(signed(NAME, attribute(31, b"\xff" + end))).calling_station for end in (b"\xfe", b"\xfd"))
    assert one != other


@pytest.mark.parametrize(
    "method",
    [
        attribute(3, bytes(17)),
        attribute(70, bytes(16)),
        attribute(79, b"\x02\x01\x00\x0a\x01alice"),
        attribute(103, b"0" * 32),
        attribute(206, b"0" * 32),
        vendor(311, 1, bytes(50)),
        vendor(311, 11, bytes(16)) + vendor(311, 25, bytes(50)),
        attribute(26, (311).to_bytes(4, "big") + attribute(11, bytes(16)) + attribute(25, bytes(50))),
    ],
    ids=["chap", "arap", "eap", "digest", "old-digest", "ms-chap", "ms-chap2", "ms-chap2-in-one"],
)
def test_a_method_without_room_for_a_code(method: bytes) -> None:
    """CHAP, MS-CHAP, ARAP, EAP and SIP digest go to the rules as unsupported, so that they are refused clearly."""
    request = login(signed(NAME, method))
    assert request.unsupported
    assert request.password is None


def test_eap_beside_a_password() -> None:
    """EAP-Message together with User-Password is refused as EAP (RFC 3579 section 3.3)."""
    assert login(signed(NAME, PASSWORD, attribute(79, b"\x02\x01\x00\x04"))).unsupported


def test_ms_chap_attributes_beside_a_password() -> None:
    """A password is a password, whatever a gateway adds for others."""
    assert not login(signed(NAME, PASSWORD, vendor(311, 11, bytes(16)))).unsupported


def test_a_state_is_opened() -> None:
    """A State of ours arrives opened; anything else as the State that never opens."""
    challenge = Challenge(Stage.CODE, "Code: ", 41, 3, 120.0)
    state = STATES.seal(challenge, client="pbx", source=SOURCE, at=NOW)
    opened = login(signed(NAME, PASSWORD, attribute(24, state))).state
    assert opened is not None
    assert (Stage.CODE, 41, 3, int(NOW) + 120) == (opened.stage, opened.account_id, opened.epoch, opened.expires)
    for other in (b"", b"x", b"x" * 253, state[:-1], state + b"A"):
        assert INVALID_STATE is login(signed(NAME, PASSWORD, attribute(24, other))).state


CLIENTS = list(vectors("clients.txt"))


@pytest.mark.parametrize("vector", CLIENTS, ids=lambda vector: vector.name)
def test_real_clients(vector: Vector) -> None:
    """The packets of real clients are read as what they say."""
    if vector.outcome == "status":
        assert accepted(vector.datagram).is_status
        return
    signs = vector.outcome in {"password", "signed-state", "unsupported"}
    request = login(vector.datagram, STRICT if signs else LENIENT)
    assert b"alice" == request.name
    assert (vector.outcome == "unsupported") == request.unsupported
    assert vector.outcome.endswith("state") == (request.state is not None)
    if vector.name == "radclient-proxied":
        assert b"a password of more than sixteen octets" == request.password
    elif vector.outcome in {"password", "unsigned"} and vector.name != "radclient-vendor":
        assert b"correct horse" == request.password


def test_rfc_2865_section_7() -> None:
    """The requests of RFC 2865 section 7 are read as its text says."""
    by = client(b"xyzzy5461", require_message_authenticator=False)
    read = {vector.name: login(vector.datagram, by) for vector in vectors("rfc.txt") if vector.outcome == "unsigned"}
    assert (b"nemo", b"arctangent") == (read["rfc2865-7.1"].name, read["rfc2865-7.1"].password)
    assert (b"flopsy", True) == (read["rfc2865-7.2"].name, read["rfc2865-7.2"].unsupported)
    assert (b"mopsy", b"challenge") == (read["rfc2865-7.3"].name, read["rfc2865-7.3"].password)
    answer = read["rfc2865-7.3-answer"]
    assert (b"99101462", INVALID_STATE) == (answer.password, answer.state)


@pytest.mark.parametrize("content", [b"", b"\x01", b"\x01\x09abc", b"\x01\x00abc", b"\x01\x03a\x02"])
def test_vendor_attributes_of_another_form_stay_whole(content: bytes) -> None:
    """A Vendor-Specific attribute that is not made of attributes is kept as it came, beside those that are."""
    whole = b"\0\0\0\x09" + content
    request = accepted(signed(NAME, attribute(26, whole), vendor(9, 1, b"a"), attribute(26, whole)))
    assert [whole, whole] == request[26]
    assert ["a"] == request["Cisco-AVPair"]


def test_pyrad_reads_it_too() -> None:
    """A Request is a pyrad packet: attributes by name, vendor attributes too."""
    request = accepted(signed(NAME, PASSWORD, attribute(5, bytes(4)), vendor(9, 1, b"a"), vendor(9, 1, b"b")))
    assert ["alice"] == request["User-Name"]
    assert [0] == request["NAS-Port"]
    assert ["a", "b"] == request["Cisco-AVPair"]
    assert "Cisco-AVPair" in request
    assert "State" not in request
    assert AUTHENTICATOR == request.authenticator
    assert "correct" not in repr(request)
    assert "testing123" not in repr(request)
