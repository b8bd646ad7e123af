"""Mail handed to Postfix: STARTTLS and TLS under an authority of our own, with a login."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from radius_mfa.auth.notices import Invitation
from radius_mfa.errors import ConfigurationError
from radius_mfa.mail import otpauth
from radius_mfa.mail.delivery import Server, SmtpDelivery
from radius_mfa.mail.diagnosis import Deferred, Refused
from radius_mfa.mail.samples import KEY, LETTERHEAD, SAMPLES
from tests.mail.authority import Authority
from tests.mail.postfix import PASSWORD, USER, Postfix
from tests.mail.reading import letter, parts, scan

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.needs("postfix", package="postfix"),
    pytest.mark.needs("saslpasswd2", package="sasl2-bin"),
    pytest.mark.needs("/usr/lib/*/sasl2/libplain.so", package="libsasl2-modules"),
]
INVITATION = next(facts for facts in SAMPLES if isinstance(facts, Invitation))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def postfix(authority: Authority) -> Iterator[Postfix]:
    with Postfix(authority) as server:
        yield server


@pytest.fixture
def server(postfix: Postfix, authority: Authority) -> Server:
    return Server("localhost", postfix.port, "starttls", USER, PASSWORD, ca_file=authority.file)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_mail_arrives_over_tls_with_a_login(tls: str, server: Server, postfix: Postfix) -> None:
    """What is in the box is what was sent: one recipient, every header ours or Postfix's, the same content."""
    sent = letter(INVITATION)
    there = server if tls == "starttls" else replace(server, port=postfix.tls_port, tls="tls")
    SmtpDelivery(there).deliver(sent)
    assert "to=<alice@example.com>" in postfix.wait_for("status=sent")
    [arrived] = postfix.arrived()
    added, _, content = arrived.partition(b"From: PBX")
    assert [b"Return-Path", b"X-Original-To", b"Delivered-To", b"Received"] == [
        line.partition(b":")[0] for line in added.splitlines() if not line.startswith(b"\t")
    ]
    assert b"From: PBX" + content == sent.content.replace(b"\r\n", b"\n")


@pytest.mark.needs("zbarimg", package="zbar-tools")
def test_the_picture_of_a_delivered_mail_reads_as_the_uri(server: Server, postfix: Postfix, tmp_path: Path) -> None:
    """From the box into zbarimg: the URI that the secret, the account and the issuer give."""
    SmtpDelivery(server).deliver(letter(INVITATION))
    postfix.wait_for("status=sent")
    [arrived] = postfix.arrived()
    (tmp_path / "qr.png").write_bytes(parts(arrived)["image/png"])
    assert scan(tmp_path / "qr.png") == otpauth.uri(KEY, INVITATION.account, LETTERHEAD.issuer)


def test_the_conversation_can_be_heard_without_its_secrets(server: Server, postfix: Postfix) -> None:
    """Both sides, line by line; login and mail are left out."""
    heard: list[str] = []
    SmtpDelivery(server, heard.append).deliver(letter(INVITATION))
    postfix.wait_for("status=sent")
    postfix.arrived()
    ours = [line.lower() for line in heard if line.startswith("C: ")]
    assert [line.partition(" ")[2].partition(":")[0].partition(" [")[0] for line in ours if "ehlo" not in line] == [
        "starttls", "auth plain ***", "mail from", "rcpt to", "data", "(the mail)", "quit",
    ]  # fmt: skip
    assert "S: 235 2.7.0 Authentication successful" in heard
    assert [line for line in heard if line.startswith("-- TLSv1.")] != []
    assert [] == [line for line in heard if PASSWORD in line or KEY in line or "cGJ4" in line]


def test_an_unknown_user_is_refused_with_the_words_of_the_server(server: Server) -> None:
    """550 is for ever."""
    with pytest.raises(Refused, match=r"550 5\.1\.1 <nobody@example\.com>.*User unknown"):
        SmtpDelivery(server).deliver(letter(INVITATION, to="nobody@example.com"))


def test_a_mail_for_later_is_deferred(server: Server) -> None:
    """450 is for now, and for this mail alone."""
    with pytest.raises(Deferred, match=r"450 4\.2\.1 .*come back later") as caught:
        SmtpDelivery(server).deliver(letter(INVITATION, to="later@example.com"))
    assert not caught.value.down


def test_without_a_login_the_server_relays_nothing(server: Server) -> None:
    """The refusal comes with what to look at."""
    with pytest.raises(Refused, match=r"55[04]") as caught:
        SmtpDelivery(replace(server, username="", password="")).deliver(letter(INVITATION))
    assert "mail.transport.username" in caught.value.hint


def test_a_wrong_password_defers_and_is_not_told(server: Server) -> None:
    """The mail is not at fault, so it waits; the password is in no message."""
    with pytest.raises(Deferred, match=r"535 5\.7\.8") as caught:
        SmtpDelivery(replace(server, password="hunter2hunter2")).deliver(letter(INVITATION))
    assert caught.value.down
    assert "mail.transport.username" in caught.value.hint
    assert "hunter2" not in caught.value.message + caught.value.hint + repr(caught.value.__context__) + repr(server)


def test_an_unknown_authority_is_not_trusted(server: Server, tmp_path: Path) -> None:
    """Nothing is said over a connection whose other end is not proven."""
    heard: list[str] = []
    with pytest.raises(Deferred, match=r"certificate of localhost:[0-9]+ is not accepted") as caught:
        SmtpDelivery(replace(server, ca_file=Authority(tmp_path).file), heard.append).deliver(letter(INVITATION))
    assert "update-ca-certificates" in caught.value.hint
    assert heard[-1] == "S: 220 2.0.0 Ready to start TLS"


def test_a_certificate_for_another_name_is_not_trusted(server: Server) -> None:
    """mail.transport.host is what the certificate has to be for."""
    with pytest.raises(Deferred, match=r"certificate of 127\.0\.0\.1:[0-9]+ is not accepted") as caught:
        SmtpDelivery(replace(server, host="127.0.0.1")).deliver(letter(INVITATION))
    assert "name in the certificate" in caught.value.hint


def test_tls_from_the_start_on_the_wrong_port_is_explained(server: Server) -> None:
    """tls: tls against a port for STARTTLS, and the other way round."""
    with pytest.raises(Deferred, match="does not speak TLS from the start") as caught:
        SmtpDelivery(replace(server, tls="tls")).deliver(letter(INVITATION))
    assert "starttls" in caught.value.hint


def test_starttls_on_the_wrong_port_is_explained(server: Server, postfix: Postfix) -> None:
    """A server that waits for TLS says nothing; the hint says why."""
    with pytest.raises(Deferred, match="did not answer in time") as caught:
        SmtpDelivery(replace(server, port=postfix.tls_port, timeout=0.5)).deliver(letter(INVITATION))
    assert "tls: tls, port 465" in caught.value.hint


@pytest.mark.parametrize(
    "host", ["mail.example.com", "192.0.2.1", "2001:db8::1", "localhost.example.com", "127.example"]
)
def test_without_tls_mail_stays_on_this_host(host: str) -> None:
    """tls: none is refused for any other server."""
    with pytest.raises(ConfigurationError, match="unencrypted"):
        Server(host, 25, "none")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_without_tls_a_server_on_this_host_will_do(host: str) -> None:
    """The loopback interface, by name or address."""
    assert Server(host, 25, "none").tls == "none"


def test_a_password_that_smtp_cannot_say_is_refused_at_once() -> None:
    """smtplib would fail with the password in its message."""
    with pytest.raises(ConfigurationError, match="ASCII") as caught:
        Server("localhost", username="pbx", password="Bärbel")
    assert "rbel" not in str(caught.value)
