"""pyrad as the oracle, both ways: what we sign it verifies, what it signs we verify, and we read the same."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from pyrad.packet import AccessReject, AuthPacket

from radius_mfa.auth.model import Accept, Challenge, Method, Reject, Stage, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.radius.attributes import DICTIONARY
from radius_mfa.radius.codec import Request
from radius_mfa.radius.drops import Drop, Dropped
from tests.wire.packets import LENIENT, NOW, SOURCE, STATES, accepted, attribute, client, dropped, packet

SECRETS = st.binary(min_size=1, max_size=80)
PASSWORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
VALUES = st.binary(max_size=253)
VERDICTS = st.one_of(
    st.builds(Accept, st.just(Method.TOTP), text=st.text(max_size=300)),
    st.builds(Reject, st.just(Reason.WRONG_CODE), st.text(max_size=300)),
    st.builds(
        Challenge,
        st.just(Stage.CODE),
        st.text(max_size=300),
        st.integers(0, 2**63 - 1),
        st.integers(0, 2**63 - 1),
        st.just(120.0),
    ),
)


def asked(secret: bytes, name: str, password: str) -> AuthPacket:
    """A request as pyrad's client makes it, with everything that gateways add."""
    request = AuthPacket(secret=secret, dict=DICTIONARY, message_authenticator=True)
    request["User-Name"] = name
    request["User-Password"] = request.PwCrypt(password)
    request["NAS-IP-Address"] = "192.0.2.1"
    request["Cisco-AVPair"] = ["one", "two"]
    request["Proxy-State"] = [b"first", b"second"]
    return request


@given(SECRETS, st.text(max_size=60), PASSWORDS)
def test_what_pyrad_signs_we_verify_and_read(secret: bytes, name: str, password: str) -> None:
    """A request of pyrad's client is verified, and its name and password are those that were typed."""
    by = client(secret)
    request = accepted(asked(secret, name, password).RequestPacket(), by)
    facts = request.login(source=SOURCE, digest=b"", at=NOW, states=STATES)
    assert (name.encode(), password.encode()) == (facts.name, facts.password)
    assert request.verify_message_authenticator()


@given(SECRETS, VERDICTS)
def test_what_we_sign_pyrad_verifies(secret: bytes, verdict: Verdict) -> None:
    """A reply of ours is a reply to pyrad's client, which insists on the Message-Authenticator."""
    request = asked(secret, "alice", "correct horse")
    reply = accepted(request.RequestPacket(), client(secret)).answer(verdict, states=STATES, at=NOW, source=SOURCE)
    got = request.CreateReply(packet=reply)
    assert request.VerifyReply(got, reply, enforce_ma=True)
    assert [b"first", b"second"] == got["Proxy-State"]


@given(SECRETS, SECRETS, VERDICTS)
def test_another_secret_verifies_nothing(secret: bytes, other: bytes, verdict: Verdict) -> None:
    """With another secret pyrad drops our replies, and we drop its requests."""
    if secret.ljust(64, b"\0") == other.ljust(64, b"\0"):
        return  # one key for HMAC, RFC 2104
    request = asked(secret, "alice", "correct horse")
    assert Drop.WRONG_MESSAGE_AUTHENTICATOR == dropped(request.RequestPacket(), client(other))
    reply = accepted(request.RequestPacket(), client(secret)).answer(verdict, states=STATES, at=NOW, source=SOURCE)
    request.secret = other
    assert not request.VerifyReply(request.CreateReply(packet=reply), reply, enforce_ma=True)


@given(
    SECRETS, st.lists(st.tuples(st.integers(1, 255).filter(lambda kind: kind not in {26, 33, 80}), VALUES), max_size=6)
)
def test_a_reply_made_by_name_verifies(secret: bytes, attributes: list[tuple[int, bytes]]) -> None:
    """A pyrad reply to a Request of ours is signed our way, whatever attributes it was given."""
    request = asked(secret, "alice", "correct horse")
    reply = accepted(request.RequestPacket(), client(secret)).CreateReply()
    reply.code = AccessReject
    for kind, value in attributes:
        reply[kind] = [value]
    octets = reply.ReplyPacket()
    assert request.VerifyReply(request.CreateReply(packet=octets), octets, enforce_ma=True)


@given(st.lists(st.tuples(st.integers(1, 255), VALUES), max_size=12))
def test_we_read_what_pyrad_reads(attributes: list[tuple[int, bytes]]) -> None:
    """What the strict walk lets through has the attributes that pyrad's own decode finds, value by value."""
    datagram = packet(*[attribute(kind, value) for kind, value in attributes])
    try:
        ours = Request.decode(datagram, LENIENT)
    except Dropped:
        return
    theirs = AuthPacket(packet=datagram, secret=b"", dict=DICTIONARY)
    assert {key: theirs[key] for key in theirs} == {key: ours[key] for key in ours}


@given(st.binary(max_size=300) | st.binary(min_size=20, max_size=300).map(lambda end: packet(end[20:], code=1)))
def test_any_octets_are_read_or_dropped(datagram: bytes) -> None:
    """Whatever comes: a request, or one named error."""
    with suppress(Dropped):
        Request.decode(datagram, LENIENT)
