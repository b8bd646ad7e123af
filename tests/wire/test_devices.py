"""Trusted devices on the wire: what a front end says of one, and what it is given to keep (DESIGN 7, 10)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.packet import AuthPacket

from radius_mfa.auth.model import Accept, DeviceToken, Method
from radius_mfa.radius.attributes import DICTIONARY, MAX_LENGTH, dictionary
from radius_mfa.radius.client import describe
from radius_mfa.radius.codec import Request
from radius_mfa.radius.walk import MAX_PROXY_STATE
from tests.conftest import ROOT
from tests.daemon.peers import run
from tests.wire.packets import (
    DIGEST,
    LENIENT,
    NAME,
    NOW,
    PASSWORD,
    SECRET,
    SOURCE,
    STATES,
    accepted,
    attribute,
    attributes_of,
    client,
    hidden_salted,
    login,
    packet,
    signed,
    vendor,
)

OURS = 32473
YES = (1).to_bytes(4, "big")
TOKEN = bytes(range(200, 232))
ACCEPT = Accept(Method.TOTP, device=DeviceToken(TOKEN, NOW + 7 * 86_400))


def token_of(*attributes: bytes) -> bytes | None:
    """The device token that the rules get from a signed request with these attributes."""
    return login(signed(NAME, PASSWORD, *attributes)).device_token


def wish_of(*values: bytes) -> bool:
    """Whether the rules read a wish from Trust-Device attributes of these values."""
    return login(signed(NAME, PASSWORD, *[vendor(OURS, 2, value) for value in values])).trust_wish


def answer(*more: bytes, verdict: Accept = ACCEPT) -> bytes:
    """The reply to a request with these further attributes."""
    return accepted(signed(NAME, PASSWORD, *more)).answer(verdict, states=STATES, at=NOW, source=SOURCE)


@pytest.mark.parametrize("length", [1, 15, 16, 31, 32, 63, 64])
def test_a_device_token(length: int) -> None:
    """A token of up to 64 octets comes out as it went in."""
    token = bytes(1 + octet for octet in range(length))
    assert token == token_of(vendor(OURS, 1, hidden_salted(token)))


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b""],
        [b"\x80\0"],
        [bytes(17)],
        [bytes(18 + 15)],
        [TOKEN],
        [hidden_salted(b"")],
        [hidden_salted(bytes(65))],
        [hidden_salted(b"\x10" + bytes(15), whole=True)],
        [hidden_salted(TOKEN), hidden_salted(TOKEN)],
        [hidden_salted(TOKEN), b""],
    ],
    ids=["none", "empty", "salt", "short", "odd", "clear", "nothing", "long", "overruns", "two", "two-one-empty"],
)
def test_what_is_no_device_token(values: list[bytes]) -> None:
    """No token, one that nobody can have hidden, one of more than 64 octets or two of them: none."""
    assert token_of(*[vendor(OURS, 1, value) for value in values]) is None


def test_the_vendor_number_is_that_of_the_configuration() -> None:
    """Tokens and wishes cross under the number that is set, in both directions, and under no other."""
    by = client(vendor=64_000)
    attributes = [attribute(26, vendor(64_000, 2, YES)[2:] + attribute(1, hidden_salted(TOKEN)))]
    request = login(signed(NAME, PASSWORD, *attributes), by)
    assert (TOKEN, True) == (request.device_token, request.trust_wish)
    other = login(signed(NAME, PASSWORD, vendor(OURS, 1, hidden_salted(TOKEN)), vendor(OURS, 2, YES)), by)
    assert (None, False) == (other.device_token, other.trust_wish)
    reply = accepted(signed(NAME), by).answer(ACCEPT, states=STATES, at=NOW, source=SOURCE)
    numbers = [value[:4] for kind, value in attributes_of(reply) if kind == 26]
    assert [(64_000).to_bytes(4, "big")] * 2 == numbers


def test_the_wish() -> None:
    """Trust-Device = Yes wishes, once; anything else does not."""
    assert wish_of(YES)
    for values in ([], [bytes(4)], [b"\0\0\0\2"], [b"\1"], [b""], [bytes(4) + YES], [YES, YES], [YES, bytes(4)]):
        assert not wish_of(*values)


def test_nothing_is_read_without_a_signature() -> None:
    """Without a Message-Authenticator neither is read, even by whoever forgets to verify the request."""
    datagram = packet(NAME, PASSWORD, vendor(OURS, 1, hidden_salted(TOKEN)), vendor(OURS, 2, YES))
    request = Request.decode(datagram, LENIENT).login(source=SOURCE, digest=DIGEST, at=NOW, states=STATES)
    assert (None, False) == (request.device_token, request.trust_wish)


@given(st.lists(st.tuples(st.integers(0, 5), st.binary(max_size=247)), max_size=8), st.booleans())
def test_any_octets_in_our_attributes(content: list[tuple[int, bytes]], together: bool) -> None:
    """Whatever stands in our vendor attributes, one each or all in one, the login beside it is read."""
    ours = [vendor(OURS, kind, value) for kind, value in content]
    if together:
        ours = [attribute(26, (OURS.to_bytes(4, "big") + b"".join(one[6:] for one in ours))[:253])]
    request = login(signed(NAME, PASSWORD, *ours))
    assert (b"alice", b"correct horse") == (request.name, request.password)
    assert request.device_token is None or 0 < len(request.device_token) <= 64


@given(st.binary(min_size=1, max_size=64), st.integers(0, 2**32 - 1))
def test_pyrad_both_ways(token: bytes, expires: int) -> None:
    """A front end with pyrad and our dictionary sends a token and reads the next one."""
    asked = AuthPacket(secret=SECRET, dict=DICTIONARY, message_authenticator=True)
    asked["User-Name"] = "alice"
    asked["Device-Token"] = token
    asked["Trust-Device"] = "Yes"
    request = accepted(asked.RequestPacket())
    facts = request.login(source=SOURCE, digest=DIGEST, at=NOW, states=STATES)
    assert (token, True) == (facts.device_token, facts.trust_wish)
    verdict = Accept(Method.TOTP, device=DeviceToken(token, expires + 0.9))
    octets = request.answer(verdict, states=STATES, at=NOW, source=SOURCE)
    got = asked.CreateReply(packet=octets)
    assert asked.VerifyReply(got, octets, enforce_ma=True)
    got.request_authenticator = asked.authenticator
    assert ([token], [expires]) == (got["Device-Token-Set"], got["Device-Expires"])


def test_an_accept_with_a_device() -> None:
    """The token is hidden, beside its end and all else an Accept has; each stands in an attribute of its own."""
    reply = answer(attribute(33, b"x"), verdict=Accept(Method.TOTP, text="hello", device=ACCEPT.device))
    assert TOKEN not in reply
    ours = [value for kind, value in attributes_of(reply) if kind == 26]
    assert [(3, 4 + 2 + 2 + 48), (4, 4 + 2 + 4)] == [(value[4], len(value)) for value in ours]
    assert {80, 18, 26, 33} == {kind for kind, _ in attributes_of(reply)}


def test_every_reply_has_a_salt_of_its_own() -> None:
    """The same token is never hidden alike, and the top bit of every salt is set."""
    hidden = [next(value for kind, value in attributes_of(answer()) if kind == 26)[6:] for _ in range(50)]
    assert len(set(hidden)) > 40
    assert all(value[0] & 0x80 for value in hidden)


def test_an_accept_without_one() -> None:
    """No device, none of our attributes."""
    assert 26 not in {kind for kind, _ in attributes_of(answer(verdict=Accept(Method.TOTP)))}


def test_the_longest_reply_has_room() -> None:
    """Beside all the Proxy-State we take, all that may be configured and the longest text: under 4,096 octets."""
    proxied = [attribute(33, bytes(253))] * 8 + [attribute(33, bytes(6))]
    assert MAX_PROXY_STATE == sum(map(len, proxied))
    device = DeviceToken(bytes(64), 2**32 - 1)
    longest = Accept(Method.TOTP, text="a" * 300, attributes=bytes(MAX_LENGTH), device=device)
    assert len(answer(*proxied, verdict=longest)) < 4096


def test_people_do_not_see_the_token() -> None:
    """`radius-mfa test` shows that there is a token, and not which."""
    shown = "\n".join(describe(answer()))
    assert "Device-Token-Set = ***" in shown
    assert f"Device-Expires = {int(NOW + 7 * 86_400)}" in shown


@pytest.mark.needs("radclient", package="freeradius-utils")
def test_freeradius_reads_it(tmp_path: Path) -> None:
    """radclient, given the dictionary we ship, sends the wish and reads the very token and its end."""
    ours = ROOT / "config/dictionary.radius-mfa"
    (tmp_path / "dictionary").write_text(f"$INCLUDE /usr/share/freeradius/dictionary\n$INCLUDE {ours}\n")
    with socket(AF_INET, SOCK_DGRAM) as server, ThreadPoolExecutor(1) as aside:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        where = f"127.0.0.1:{server.getsockname()[1]}"
        command = ["radclient", "-x", "-D", str(tmp_path), "-r", "1", "-t", "20", where, "auth", SECRET.decode()]
        said = aside.submit(run, command, "User-Name = alice, Trust-Device = Yes, Message-Authenticator = 0x00\n")
        datagram, back = server.recvfrom(4096)
        request = accepted(datagram)
        assert request.login(source=SOURCE, digest=DIGEST, at=NOW, states=STATES).trust_wish
        server.sendto(request.answer(ACCEPT, states=STATES, at=NOW, source=SOURCE), back)
        output = said.result()
    assert f"Device-Token-Set = 0x{TOKEN.hex()}" in output
    assert 'Device-Expires = "Nov 21 2023 22:13:20 UTC"' in output


def test_the_dictionary_we_ship_is_the_one_we_use() -> None:
    """config/dictionary.radius-mfa names our attributes, under the number that is set."""
    known = dictionary(64_000)
    assert [(64_000, number) for number in (1, 2, 3, 4)] == [
        known.attrindex["Device-Token"], known.attrindex["Trust-Device"],
        known.attrindex["Device-Token-Set"], known.attrindex["Device-Expires"],
    ]  # fmt: skip
