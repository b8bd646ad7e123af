"""What a mail server can do to us, and what becomes of the mail then."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from radius_mfa.mail.delivery import Server, SmtpDelivery
from radius_mfa.mail.diagnosis import Deferred, Refused, Stage, at, cleaned
from radius_mfa.mail.samples import SAMPLES
from radius_mfa.mail.session import Deadline, Session, addresses, own_name
from tests.mail.authority import Authority
from tests.mail.faults import FaultyServer, Reply, Talk, black_hole, dribble, flood, hang_up
from tests.mail.reading import letter

pytestmark = pytest.mark.timeout(20)
LETTER = letter(SAMPLES[-1])
PASSWORD = "correct horse"


def deliver(server: FaultyServer, *, timeout: float = 10.0, password: str = "") -> None:
    login = "pbx" if password else ""
    SmtpDelivery(Server("127.0.0.1", server.port, "none", login, password, timeout)).deliver(LETTER)


def test_a_polite_server_gets_the_mail() -> None:
    """One sender, one recipient, the content as it is, and a goodbye."""
    with FaultyServer() as server:
        deliver(server)
    assert server.heard[1:] == ["mail FROM:<pbx@example.com>", "rcpt TO:<alice@example.com>", "data", "quit"]
    assert [mail.encode() for mail in server.mails] == [LETTER.content]


@pytest.mark.parametrize(
    ("place", "reply", "said", "down"),
    [
        ("", "421 4.3.2 too busy", "421 4.3.2 too busy", True),
        ("", "554 5.7.1 no service here", "554 5.7.1 no service here", True),
        ("", "HTTP/1.1 400 Bad Request", "the server does not speak SMTP", True),
        ("AUTH", "454 4.7.0 later", "454 4.7.0 later", True),
        ("AUTH", "535 5.7.8 no", "535 5.7.8 no", True),
        ("EHLO", "250 test", "the server offers no login that can be used", True),
        ("MAIL", "421 4.3.2 shutting down", "421 4.3.2 shutting down", True),
        ("MAIL", "451 4.3.0 try later", "451 4.3.0 try later", True),
        ("MAIL", "530 5.7.0 log in first", "530 5.7.0 log in first", True),
        ("RCPT", "421 4.3.2 shutting down", "421 4.3.2 shutting down", True),
        ("RCPT", "450 4.2.0 greylisted", "450 4.2.0 greylisted", False),
        ("RCPT", "452 4.2.2 mailbox full", "452 4.2.2 mailbox full", False),
        ("DATA", "451 4.3.0 try later", "451 4.3.0 try later", False),
        (".", "451 4.7.1 scanner is away", "451 4.7.1 scanner is away", False),
        (".", "421 4.3.2 shutting down", "421 4.3.2 shutting down", True),
    ],
)
def test_what_may_pass_is_deferred(place: str, reply: str, said: str, down: bool) -> None:
    """4xx anywhere, and whatever is about the server or our login; `down` when other mails fare no better."""
    with FaultyServer({place: reply}) as server, pytest.raises(Deferred) as caught:
        deliver(server, password=PASSWORD)
    assert (said, down) == (caught.value.message, caught.value.down)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("place", "reply"),
    [
        ("MAIL", "550 5.1.8 no such sender"),
        ("RCPT", "550 5.1.1 no such user"),
        ("RCPT", "554 5.7.1 relay access denied"),
        ("DATA", "554 5.6.0 no"),
        (".", "550 5.7.1 looks like spam"),
        (".", "552 5.3.4 too big"),
    ],
)
def test_what_will_not_pass_is_refused(place: str, reply: str) -> None:
    """5xx to sender, recipient or content, in the words of the server, with what to look at."""
    with FaultyServer({place: reply}) as server, pytest.raises(Refused) as caught:
        deliver(server)
    assert caught.value.message == reply
    assert caught.value.hint


@pytest.mark.parametrize("place", ["", "EHLO", "MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize(
    ("fault", "said"),
    [(hang_up, "closed the connection"), (black_hole, "did not answer in time"), (dribble, "did not answer in time")],
)
def test_a_server_that_does_not_answer_gets_the_mail_later(place: str, fault: Reply, said: str) -> None:
    """Hanging up (also between content and 250), silence, one octet after the other: deferred, in time."""
    timeout = 10.0 if fault is hang_up else 0.3
    with FaultyServer({place: fault}) as server, pytest.raises(Deferred, match=said) as caught:
        deliver(server, timeout=timeout)
    assert caught.value.down


def test_one_octet_a_second_is_over_after_thirty_seconds() -> None:
    """The deadline holds for the whole delivery, not for each octet: seconds are counted by the clock of the test."""
    seconds = itertools.count()
    with FaultyServer({"": dribble}) as server, pytest.raises(Deferred, match="did not answer in time"):
        SmtpDelivery(Server("127.0.0.1", server.port, "none"), monotonic=lambda: float(next(seconds))).deliver(LETTER)
    assert next(seconds) <= 32


def test_a_server_that_talks_without_end_is_left() -> None:
    """A reply that never ends costs no memory."""
    with FaultyServer({"EHLO": flood}) as server, pytest.raises(Deferred, match="talks without end"):
        deliver(server)


def test_a_handshake_has_only_the_time_that_is_left() -> None:
    """A slow reply to STARTTLS takes from the time for TLS: the clock of this test is a second later at each look."""
    seconds = itertools.count()
    deadline = Deadline(30.0, lambda: float(next(seconds)))
    with FaultyServer() as server:
        session = Session("127.0.0.1", server.port, "none", ssl.create_default_context(), deadline, lambda _: None)
        session.reach()
        session.greet()
        assert session.sock is not None
        assert session.sock.gettimeout() == 27.0  # looked at: to connect, to read, and for what comes next
        session.end()


@pytest.mark.parametrize("fault", ["421 4.3.2 bye", hang_up, black_hole, dribble])
def test_what_comes_after_250_changes_nothing(fault: Reply) -> None:
    """The mail was taken: a bad goodbye must not send it again."""
    with FaultyServer({"QUIT": fault}) as server:
        deliver(server, timeout=0.5)
    assert len(server.mails) == 1


def test_a_port_where_nobody_listens_defers() -> None:
    """Refused connections say which server and what to check."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(Deferred, match=f"127.0.0.1:{port} refuses connections") as caught:
        SmtpDelivery(Server("127.0.0.1", port, "none")).deliver(LETTER)
    assert "mail.transport.port" in caught.value.hint


@contextmanager
def full_queue() -> Iterator[int]:
    """A port whose listener never accepts and whose queue is full: SYNs go into a black hole."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        yield port
        for sock in waiting:
            sock.close()


def test_a_host_that_swallows_connections_defers() -> None:
    """A firewall that drops: the time for connecting is bounded as well."""
    with full_queue() as port, pytest.raises(Deferred, match="did not answer in time") as caught:
        SmtpDelivery(Server("127.0.0.1", port, "none", timeout=0.3)).deliver(LETTER)
    assert "firewall" in caught.value.hint


def test_an_address_that_swallows_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with a broken IPv6 address is reached by the other one."""
    with full_queue() as port, FaultyServer() as server:
        found = [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, ("127.0.0.1", server.port))]
        monkeypatch.setattr("radius_mfa.mail.session.addresses", lambda *_, **__: found)
        deliver(server, timeout=1.0)
    assert len(server.mails) == 1


def test_a_name_without_an_address_defers() -> None:
    """The name servers may be back later (RFC 6761: .invalid never resolves)."""
    with pytest.raises(Deferred, match=r"mail\.invalid:587 has no address") as caught:
        SmtpDelivery(Server("mail.invalid")).deliver(LETTER)
    assert "mail.transport.host" in caught.value.hint


def garble(talk: Talk) -> bool:
    """Agree to TLS and then talk nonsense."""
    talk.say("220 go on")
    talk.sock.sendall(b"\x16\x03\x01\x00\x05hello")
    return black_hole(talk)


@pytest.mark.parametrize("fault", [garble, "220 go on", "454 4.7.0 no TLS today", "502 5.5.1 no"])
def test_tls_that_fails_defers(fault: Reply, tmp_path: Path) -> None:
    """Garbage, silence or a refusal instead of a handshake; nothing is sent in clear."""
    with FaultyServer({"EHLO": "250-test\r\n250 STARTTLS", "STARTTLS": fault}) as server:
        there = Server("127.0.0.1", server.port, "starttls", "pbx", PASSWORD, 0.5, Authority(tmp_path).file)
        with pytest.raises(Deferred) as caught:
            SmtpDelivery(there).deliver(LETTER)
    assert caught.value.down
    assert [] == [line for line in server.heard if "mail" in line.lower() or "auth" in line.lower()]


def test_a_server_without_starttls_gets_nothing() -> None:
    """Somebody in between may have taken the offer out: no login and no mail in clear."""
    with FaultyServer() as server, pytest.raises(Deferred, match="does not offer STARTTLS"):
        SmtpDelivery(Server("127.0.0.1", server.port, "starttls", "pbx", PASSWORD)).deliver(LETTER)
    assert [line.split()[0].upper() for line in server.heard] == ["EHLO"]


def test_what_was_said_before_tls_is_forgotten(tmp_path: Path) -> None:
    """A reply injected behind the consent to STARTTLS is not taken for one of the server's (CVE-2021-38371)."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certify("127.0.0.1"))

    def inject(talk: Talk) -> bool:
        talk.sock.sendall(b"220 go on\r\n250-evil\r\n250 AUTH PLAIN\r\n")
        talk.secure(context)
        return True

    replies: dict[str, Reply] = {"EHLO": "250-test\r\n250 STARTTLS", "STARTTLS": inject}
    heard: list[str] = []
    with FaultyServer(replies) as server:
        there = Server("127.0.0.1", server.port, "starttls", ca_file=authority.file)
        SmtpDelivery(there, heard.append).deliver(LETTER)
    assert len(server.mails) == 1
    assert [] == [line for line in heard if "evil" in line]


def test_an_expired_certificate_is_not_trusted(tmp_path: Path) -> None:
    """And the hint says that it may be our clock."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certify("127.0.0.1", days=-1))

    def secure(talk: Talk) -> bool:
        talk.say("220 go on")
        talk.secure(context)
        return True

    with FaultyServer({"EHLO": "250-test\r\n250 STARTTLS", "STARTTLS": secure}) as server:
        there = Server("127.0.0.1", server.port, "starttls", ca_file=authority.file)
        with pytest.raises(Deferred, match="not accepted: certificate has expired") as caught:
            SmtpDelivery(there).deliver(LETTER)
    assert "clock" in caught.value.hint


def test_a_server_that_repeats_the_password_does_not_get_it_told() -> None:
    """Neither in the error nor in the conversation."""
    heard: list[str] = []
    with FaultyServer({"AUTH": f"535 5.7.8 not with {PASSWORD}"}) as server:
        there = Server("127.0.0.1", server.port, "none", "pbx", PASSWORD)
        with pytest.raises(Deferred, match=r"535 5\.7\.8 not with \*\*\*"):
            SmtpDelivery(there, heard.append).deliver(LETTER)
    assert [] == [line for line in heard if PASSWORD in line]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b"no\r\nBcc: x", "no Bcc: x"),
        (b"\x1b]0;title\x07 red \x1b[31m", "]0;title red [31m"),
        ("a\u2028b\0c", "a b c"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 1000, "x" * 300),
    ],
)
def test_what_a_server_says_is_one_short_line(said: bytes | str, kept: str) -> None:
    """It goes to terminals and into the database: no control characters, at most 300."""
    assert cleaned(said) == kept


def test_control_characters_of_a_server_do_not_reach_the_conversation() -> None:
    """`mail test` prints it on a terminal."""
    heard: list[str] = []
    with FaultyServer({"": "220 \x1b[31mtest"}) as server:
        SmtpDelivery(Server("127.0.0.1", server.port, "none"), heard.append).deliver(LETTER)
    assert "S: 220  [31mtest" in heard


@pytest.mark.parametrize("place", ["", "MAIL", "RCPT"])
def test_a_delivery_can_be_interrupted_until_the_content_goes(place: str) -> None:
    """At the end of the program nobody waits for a silent server."""

    def interrupt(talk: Talk) -> bool:
        delivery.interrupt()
        return black_hole(talk)

    with FaultyServer({place: interrupt}) as server:
        delivery = SmtpDelivery(Server("127.0.0.1", server.port, "none", timeout=15.0))
        with pytest.raises(Deferred, match="closed the connection"):
            delivery.deliver(LETTER)


def test_a_delivery_is_not_interrupted_while_the_server_may_take_the_mail() -> None:
    """Between content and 250 an end would make two mails of one."""

    def interrupt(talk: Talk) -> bool:
        delivery.interrupt()
        talk.say("250 taken")
        return True

    with FaultyServer({".": interrupt}) as server:
        delivery = SmtpDelivery(Server("127.0.0.1", server.port, "none"))
        delivery.deliver(LETTER)
    assert len(server.mails) == 1


def test_connecting_can_be_interrupted() -> None:
    """Also while a firewall swallows the connection."""
    with full_queue() as port:
        delivery = SmtpDelivery(
            Server("127.0.0.1", port, "none", timeout=15.0),
            watch=lambda _: threading.Timer(0.05, delivery.interrupt).start(),
        )
        with pytest.raises(Deferred):
            delivery.deliver(LETTER)


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("pbx.example.com", "192.0.2.1", "pbx.example.com"),
        ("pbx", "192.0.2.1", "[192.0.2.1]"),
        ("pbx", "fe80::1%eth0", "[IPv6:fe80::1]"),
        ("pbx.example.com\r\nMAIL FROM:<x>", "192.0.2.1", "[192.0.2.1]"),
        ("=?utf-8?q?=0Ax?=.example", "192.0.2.1", "[192.0.2.1]"),
        ("pbx.exämple.com", "192.0.2.1", "[192.0.2.1]"),
        ("10.0.0.1", "192.0.2.1", "[192.0.2.1]"),
        ("", "192.0.2.1", "[192.0.2.1]"),
    ],
)
def test_the_name_of_this_host_cannot_carry_a_command(name: str, address: str, said: str) -> None:
    """A full host name, else the address."""
    assert own_name(name, address) == said


def test_without_tls_only_addresses_of_this_host_are_tried() -> None:
    """Whatever a name server makes of localhost."""
    assert [] == addresses("192.0.2.1", 25, only_here=True)
    assert [] != addresses("127.0.0.1", 25, only_here=True)


def test_an_unexpected_error_is_not_hidden() -> None:
    """Only what smtplib and the network raise is translated; a mistake of ours stays one."""
    with pytest.raises(ZeroDivisionError), at(Stage.CONNECT, "127.0.0.1:25"):
        raise ZeroDivisionError
