"""Enrolment by way of mail servers: a real one, and ones that fail while users enrol (THREATS 44, 49, 50)."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyotp
import pytest

from radius_mfa.store import codes
from tests.daemon.conftest import Start
from tests.daemon.mailbox import QUICK, Mail, code, invitations, newcomers, received, wait_until_sent
from tests.daemon.processes import descriptors
from tests.daemon.raw import RawClient
from tests.daemon.server import PASSWORD, Server, User, wait_for
from tests.mail.authority import Authority
from tests.mail.faults import FaultyServer, Reply, Talk, black_hole, dribble, hang_up
from tests.mail.postfix import PASSWORD as SMTP_PASSWORD
from tests.mail.postfix import USER, Postfix
from tests.mail.reading import parts, scan

RECOVERY = "ABCDEFGHIJKLMNOP"


def by_server(port: int, more: str) -> str:
    transport = f"{{type: smtp, host: localhost, port: {port}, {more}}}"
    return f"mail: {{from: PBX <pbx@example.com>, transport: {transport}}}\n"


@pytest.mark.needs_root
@pytest.mark.needs("postfix", package="postfix")
@pytest.mark.needs("saslpasswd2", package="sasl2-bin")
@pytest.mark.needs("/usr/lib/*/sasl2/libplain.so", package="libsasl2-modules")
@pytest.mark.needs("zbarimg", package="zbar-tools")
@pytest.mark.needs("oathtool", package="oathtool")
def test_from_the_first_password_to_a_recovery_code(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Picture and link agree, oathtool's code is let in by the login in progress, and each event brings a notice."""
    authority, secret = Authority(tmp_path), tmp_path / "smtp"
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    secret.touch(0o600)
    secret.write_text(SMTP_PASSWORD)
    with Postfix(authority) as there:
        server = start(more=by_server(there.port, f"username: {USER}, password: {{file: {secret}}}"))
        alice, client = server.add_user("alice", token=False, mail="alice@example.com"), server.client()
        challenge = client.ask(client.request("alice", PASSWORD))
        invitation = next_mail(there)
        (tmp_path / "qr.png").write_bytes(parts(invitation.content)["image/png"])
        assert invitation.uri == scan(tmp_path / "qr.png")
        assert (tmp_path / "qr.png").stat().st_size <= 4096
        assert_parsed(invitation)
        shown = subprocess.run(["oathtool", "--totp", "-b", invitation.key], capture_output=True, text=True, check=True)
        answer = client.request("alice", shown.stdout.strip(), state=challenge.state)
        assert client.ask(answer).result == "accept"
        assert_notice(next_mail(there), invitation, "APP IS SET UP")
        codes.replace(server.database, "alice", [RECOVERY])
        used = client.request("alice", RECOVERY, state=server.seal_state(alice))
        assert client.ask(used).result == "accept"
        assert_notice(next_mail(there), invitation, "recovery code")
        wait_until_sent(server)
    assert SMTP_PASSWORD not in server.log()


def next_mail(there: Postfix) -> Mail:
    there.wait_for("status=sent")
    (content,) = there.arrived()
    return Mail(content)


def assert_parsed(mail: Mail) -> None:
    """What any app reads in the link: issuer, account, key, SHA1, 6, 30 (THREATS 44)."""
    read = pyotp.parse_uri(mail.uri)
    assert isinstance(read, pyotp.TOTP)
    assert (read.issuer, read.name, read.secret) == ("Tests", "alice", mail.key)
    assert (read.digest, read.digits, read.interval) == (hashlib.sha1, 6, 30)


def assert_notice(notice: Mail, invitation: Mail, about: str) -> None:
    """It says what has happened, to the same address, without the key."""
    assert about in notice.text
    assert notice.to == invitation.to
    assert invitation.key.encode() not in notice.content
    assert b"otpauth" not in notice.content


def certified(authority: Authority, *names: str) -> Reply:
    """Begin TLS with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certify(*names))

    def begin(talk: Talk) -> bool:
        talk.say("220 go on")
        talk.secure(context)
        return True

    return begin


FAULTS: dict[str, Callable[[Authority], dict[str, Reply] | None]] = {
    "refused": lambda authority: None,
    "black hole": lambda authority: {"": black_hole},
    "421": lambda authority: {"": "421 4.3.2 not now"},
    "another's certificate": lambda authority: {"STARTTLS": certified(authority, "elsewhere.example.com")},
    "drops before 250": lambda authority: {".": hang_up},
    "an octet at a time": lambda authority: {"": dribble},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_mail_waits_for_its_server_and_nobody_else_does(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """While it fails users log in and enrol as ever; when it is back each mail leaves once, by itself (THREATS 49)."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    polite = {"EHLO": "250-test\r\n250 STARTTLS", "STARTTLS": certified(authority, "localhost")}
    replies = FAULTS[fault](authority)
    with FaultyServer(polite | (replies or {})) as down:
        server = start(more=by_server(down.port, "timeout: 1s"), hook=QUICK)
        child = server.alone("mail")
        if replies is not None:
            states = enrol_and_log_in(server)
    if replies is None:
        states = enrol_and_log_in(server)
    with FaultyServer(polite, down.port) as back:
        wait_until_sent(server)
    came = received(back.mails)
    assert invitations(came) == {f"{user.name}@example.com": 1 for user, _, _ in states}
    assert child == server.alone("mail")
    by_address = {mail.to: mail for mail in came}
    for user, client, state in states:
        first = code(by_address[f"{user.name}@example.com"].key)
        assert client.ask(client.request(user.name, first, state=state)).result == "accept"


def enrol_and_log_in(server: Server) -> list[tuple[User, RawClient, bytes]]:
    """Three users are invited and one who is enrolled logs in, before and after the first mail could not leave."""
    bob, client = server.add_user("bob"), server.client()
    waiting = []
    for user in newcomers(server, 3):
        reply = client.ask(client.request(user.name, PASSWORD))
        assert reply.result == "challenge"
        waiting.append((user, client, reply.state))
    challenge = client.ask(client.request("bob", PASSWORD))
    assert_worker_knows_no_mail(server)
    wait_for(lambda: " deferred: " in server.log(), "a mail that is put off")
    assert client.ask(client.request("bob", bob.code(), state=challenge.state)).result == "accept"
    assert not [line for line in server.audit_lines() if line["reason"] not in {"invited", "ok"}]
    return waiting


def assert_worker_knows_no_mail(server: Server) -> None:
    """No socket of the worker is TCP: what the mail server does cannot be on the way of a login."""
    worker = server.worker()
    inodes = {row.split()[9] for row in Path(f"/proc/{worker}/net/tcp").read_text().splitlines()[1:]}
    held = {name.removeprefix("socket:[").removesuffix("]") for name in descriptors(worker) if "socket:" in name}
    assert not held & inodes
    assert str(server.store) + ".mail" not in descriptors(worker)
