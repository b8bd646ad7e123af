"""From a verdict to signed octets (DESIGN 4; THREATS 27, 80)."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from pyrad.packet import AuthPacket

from radius_mfa.auth.model import Accept, Challenge, Method, Reject, Stage, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.radius.attributes import DICTIONARY, MAX_LENGTH, encode
from radius_mfa.radius.client import describe
from radius_mfa.radius.state import LENGTH
from radius_mfa.radius.walk import MAX_PROXY_STATE
from tests.wire.packets import (
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
    packet,
    signed,
    vectors,
)

ACCEPT = Accept(Method.TOTP)
REJECT = Reject(Reason.WRONG_CODE, "Login failed")
CHALLENGE = Challenge(Stage.CODE, "Code: ", 41, 3, 120.0)


def answer(verdict: Verdict, *more: bytes) -> bytes:
    """The reply to a request with these further attributes."""
    return accepted(signed(NAME, PASSWORD, *more)).answer(verdict, states=STATES, at=NOW, source=SOURCE)


@pytest.mark.parametrize(("verdict", "code"), [(ACCEPT, 2), (REJECT, 3), (CHALLENGE, 11)])
def test_every_reply_is_signed_twice(verdict: Verdict, code: int) -> None:
    """A reply has its code, the Identifier, a Message-Authenticator first, and both signatures of the RFCs."""
    request = signed(NAME, PASSWORD)
    reply = accepted(request).answer(verdict, states=STATES, at=NOW, source=SOURCE)
    assert (code, request[1], len(reply)) == (reply[0], reply[1], int.from_bytes(reply[2:4], "big"))
    kind, signature = attributes_of(reply)[0]
    assert (80, 16) == (kind, len(signature))
    unsigned = reply[:4] + request[4:20] + reply[20:22] + bytes(16) + reply[38:]
    assert hmac.digest(SECRET, unsigned, "md5") == signature
    assert hashlib.md5(reply[:4] + request[4:20] + reply[20:] + SECRET).digest() == reply[4:20]


@pytest.mark.parametrize("verdict", [ACCEPT, REJECT, CHALLENGE])
def test_proxy_state_comes_back_in_order(verdict: Verdict) -> None:
    """Every Proxy-State is in the reply as it was in the request, empty and equal ones too, and nothing else is."""
    sent = [b"one", b"", b"two" * 50, b"one"]
    reply = answer(verdict, *[attribute(33, value) for value in sent], attribute(25, b"class"))
    assert sent == [value for kind, value in attributes_of(reply) if kind == 33]
    assert {80, 18, 24, 33, 76} >= {kind for kind, _ in attributes_of(reply)}


@pytest.mark.parametrize("verdict", [ACCEPT, REJECT])
def test_the_same_verdict_gives_the_same_octets(verdict: Verdict) -> None:
    """An Accept or Reject that is computed again is the same, octet by octet."""
    assert answer(verdict, attribute(33, b"x")) == answer(verdict, attribute(33, b"x"))


def test_a_challenge_has_what_clients_need() -> None:
    """State, Reply-Message and Prompt = No-Echo are in every challenge, also where the text is empty of letters."""
    found = dict(attributes_of(answer(CHALLENGE)))
    assert (b"Code: ", bytes(4)) == (found[18], found[76])
    assert LENGTH == len(found[24])
    assert found[24].isascii()


def test_two_challenges_have_two_states() -> None:
    """No State is sealed twice."""
    states = {dict(attributes_of(answer(CHALLENGE)))[24] for _ in range(100)}
    assert 100 == len(states)


def test_attributes_of_an_accept() -> None:
    """An Accept carries the configured attributes as they are encoded."""
    configured = encode({"Service-Type": "Administrative-User", "Cisco-AVPair": "shell:priv-lvl=15"})
    reply = answer(Accept(Method.TOTP, text="3 recovery codes left", attributes=configured))
    assert configured in reply
    assert b"3 recovery codes left" == dict(attributes_of(reply))[18]


def test_a_stored_reply_goes_out_as_it_is() -> None:
    """The octets of a reply that was stored are sent again, whatever else the verdict says."""
    assert b"stored" == answer(Accept(Method.TOTP, text="other", stored=b"stored"))


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("", None),
        ("a" * 252, b"a" * 252),
        ("a" * 300, b"a" * 252),
        ("é" * 200, ("é" * 126).encode()),
        ("a" + "é" * 200, ("a" + "é" * 125).encode()),
        ("one\r\ntwo\x1b[31m\0\x7f\u2028x", b"one  two [31m   x"),
        ("lone \ud800", b"lone  "),
    ],
)
def test_a_reply_message_is_one_short_line(text: str, sent: bytes | None) -> None:
    """At most 252 octets of whole characters, without control characters; no attribute for no text."""
    assert sent == dict(attributes_of(answer(Reject(Reason.WRONG_CODE, text)))).get(18)


def test_the_longest_reply_has_room() -> None:
    """All the Proxy-State we take, all attributes that may be configured and the longest text: under 4,096 octets."""
    proxied = [attribute(33, bytes(253))] * 8 + [attribute(33, bytes(6))]
    assert MAX_PROXY_STATE == sum(map(len, proxied))
    accept = Accept(Method.TOTP, text="a" * 300, attributes=bytes(MAX_LENGTH))
    assert len(answer(accept, *proxied)) < 4096
    challenge = Challenge(Stage.CODE, "a" * 300, 2**63, 2**63, 120.0)
    assert len(answer(challenge, *proxied)) < 4096


def test_status_server() -> None:
    """Status-Server is answered with an Access-Accept that pyrad's client verifies, Proxy-State and all."""
    datagram = signed(attribute(33, b"x"), code=12)
    reply = accepted(datagram).status_answer()
    asked = AuthPacket(packet=datagram, secret=SECRET, dict=DICTIONARY)
    assert asked.VerifyReply(asked.CreateReply(packet=reply), reply, enforce_ma=True)
    assert (2, [80, 33]) == (reply[0], [kind for kind, _ in attributes_of(reply)])


def test_rfc_2865_section_7_and_rfc_5997_section_6_1() -> None:
    """Our Response Authenticator, over the attributes of the examples, is theirs but for the signature we add."""
    found = {vector.name: vector for vector in vectors("rfc.txt")}
    by = client(b"xyzzy5461", require_message_authenticator=False)
    for name in ("rfc2865-7.1-accept", "rfc2865-7.3-challenge", "rfc5997-6.1-accept"):
        theirs = found[name].datagram
        request = accepted(found[name.rpartition("-")[0]].datagram, by)
        assert hashlib.md5(theirs[:4] + request.authenticator + theirs[20:] + b"xyzzy5461").digest() == theirs[4:20]
        ours = by.secret.reply(theirs[0], request.id, request.authenticator, theirs[20:])
        assert theirs[20:] == ours[38:]
        assert hashlib.md5(ours[:4] + request.authenticator + ours[20:] + b"xyzzy5461").digest() == ours[4:20]


def test_a_reply_by_name() -> None:
    """pyrad's CreateReply gives a Reply whose attributes are set by name and which we sign."""
    request = accepted(signed(NAME, PASSWORD, attribute(33, b"x")))
    reply = request.CreateReply()
    reply["Device-Token-Set"] = b"token"
    reply.add_message_authenticator()
    octets = reply.ReplyPacket()
    asked = AuthPacket(packet=request.raw_packet, secret=SECRET, dict=DICTIONARY)
    got = asked.CreateReply(packet=octets)
    assert asked.VerifyReply(got, octets, enforce_ma=True)
    got.request_authenticator = asked.authenticator
    assert [b"token"] == got["Device-Token-Set"]
    assert [80, 33, 26] == [kind for kind, _ in attributes_of(octets)]


def test_what_people_see_of_a_packet() -> None:
    """Packets are shown by name, without passwords and with a State that cannot be used."""
    request = "\n".join(describe(signed(NAME, PASSWORD, attribute(24, b"s" * 72), attribute(200, b"\x01"))))
    assert '  User-Name = "alice"' in request
    assert "  User-Password = ***" in request
    assert "State = ssssssssssssssss... (72 octets)" in request
    assert "Attribute 200 = 0x01" in request
    assert ["3 octets that are not RADIUS: Packet header is corrupt"] == describe(b"abc")
    hostile = describe(packet(attribute(18, b"\x1b[31m\n\xff"), attribute(18, "\u2028".encode()), code=3))
    assert all(line.isprintable() for line in hostile)
    assert [r'  Reply-Message = "\u2028"'] == hostile[2:]
