"""`radius-mfa mail` with a mail server at the other end, and a queue that one has answered."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_mfa.cli import session, throwaway
from radius_mfa.cli.configuration import settings_of
from radius_mfa.cli.root import Chosen
from radius_mfa.store.outbox import SqliteOutbox
from tests.cli.script import Result, run, surroundings
from tests.mail.authority import Authority
from tests.mail.faults import FaultyServer, black_hole
from tests.mail.postfix import PASSWORD, USER, Postfix

NOBODY = 65534
CONFIGURATION = """
issuer: Example PBX
listen: {{radius: ["127.0.0.1:0"]}}
store: sqlite:///{place}/store/radius-mfa.db
master_key: {{file: key}}
clients: [{{shortname: pbx, ipaddr: 127.0.0.1, secret: {{file: key}}}}]
mail:
  from: PBX <pbx@example.com>
  transport: {{type: smtp, {server}}}
"""


def configured(place: Path, server: str) -> Path:
    """`place` with a configuration for a mail server, and whatever it needs beside."""
    (place / "radius-mfa.yaml").write_text(CONFIGURATION.format(place=place, server=server))
    for name, secret in (("key", secrets.token_hex(32)), ("smtp", PASSWORD)):
        (place / name).write_text(secret)
        (place / name).chmod(0o600)
    (place / "store").mkdir()
    return place


def plain_server(port: int) -> str:
    """A mail server on this host, without TLS."""
    return f"host: 127.0.0.1, port: {port}, tls: none"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def postfix(authority: Authority) -> Iterator[Postfix]:
    with Postfix(authority) as server:
        yield server


def sent(to: str, place: Path, authority: Authority, postfix: Postfix) -> Result:
    """A test mail to this address through Postfix, as root who goes on as the owner of the store."""
    password = "{file: smtp}"
    login = f"host: localhost, port: {postfix.port}, username: {USER}, password: {password}"
    os.chown(configured(place, login) / "store", NOBODY, NOBODY)
    return run(f"radius-mfa mail test {to}", place, facts={"SSL_CERT_FILE": str(authority.file)})


needs_postfix = [
    pytest.mark.needs_root,
    pytest.mark.needs("postfix", package="postfix"),
    pytest.mark.needs("saslpasswd2", package="sasl2-bin"),
    pytest.mark.needs("/usr/lib/*/sasl2/libplain.so", package="libsasl2-modules"),
]


class TestPostfix:
    """With STARTTLS under an authority of our own, and a login."""

    pytestmark = needs_postfix

    def test_a_test_mail_arrives_and_the_conversation_is_shown(
        self, authority: Authority, postfix: Postfix, tmp_path: Path
    ) -> None:
        """Connection, TLS, login and mail as they go, and `ok`; the password in no form, the mail not at all."""
        done = sent("alice@example.com", tmp_path, authority, postfix)
        lines = done.stdout.splitlines()
        assert (0, "") == (done.status, done.stderr)
        postfix.wait_for("status=sent")
        [arrived] = postfix.arrived()
        assert b"Subject: Test mail from Example PBX" in arrived
        assert lines[0].startswith("-- connecting to 127.0.0.1 port ")
        assert "C: STARTTLS" in lines
        assert any(line.startswith("-- TLSv1.") for line in lines)
        assert "C: AUTH PLAIN ***" in lines
        assert "C: rcpt TO:<alice@example.com>" in lines
        assert f"ok: localhost:{postfix.port} has taken the mail" == lines[-1]
        assert PASSWORD not in done.stdout
        assert b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode() not in done.stdout
        assert "Subject" not in done.stdout

    def test_a_refused_mail_is_an_error_with_a_hint(
        self, authority: Authority, postfix: Postfix, tmp_path: Path
    ) -> None:
        """The words of the server, what to look at, and status 1."""
        done = sent("bob@example.com", tmp_path, authority, postfix)
        errors = done.stderr.splitlines()
        assert 1 == done.status
        assert "\nS: 550 " in done.stdout
        assert errors[0].startswith("error: 550 5.1.1 ")
        assert errors[1].startswith("hint: check the address of the account")
        assert "ok:" not in done.stdout


def test_a_server_that_is_not_there_is_an_error_with_a_hint(tmp_path: Path) -> None:
    """What was tried, what came of it, and what to look at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        done = run("radius-mfa mail test you@example.com", configured(tmp_path, plain_server(port)))
    assert f"-- connecting to 127.0.0.1 port {port}\n" == done.stdout
    assert (
        f"error: 127.0.0.1:{port} refuses connections\nhint: check mail.transport.port; is the mail server running?\n"
    ) == done.stderr
    assert 1 == done.status


def test_nothing_that_a_server_says_steers_the_terminal(tmp_path: Path) -> None:
    """A reply with escape sequences is shown without them."""
    with FaultyServer({"": "554 \x1b]0;title\x07 go away"}) as server:
        done = run("radius-mfa mail test you@example.com", configured(tmp_path, plain_server(server.port)))
    assert 1 == done.status
    assert "S: 554  ]0;title  go away" in done.stdout
    assert not {"\x1b", "\x07"} & set(done.stdout + done.stderr)


def test_the_conversation_is_shown_while_it_goes(tmp_path: Path) -> None:
    """Whoever waits for a silent server sees how far it came, and ends it with Ctrl-C."""
    with FaultyServer({"MAIL": black_hole}) as server:
        asked = subprocess.Popen(
            ["radius-mfa", "--config", "radius-mfa.yaml", "mail", "test", "you@example.com"],
            cwd=configured(tmp_path, plain_server(server.port)),
            env=surroundings(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert asked.stdout is not None
        assert any(line.startswith("C: mail FROM:<pbx@example.com>") for line in asked.stdout)
        asked.send_signal(signal.SIGINT)
        rest, _ = asked.communicate(timeout=30)
    assert (130, "") == (asked.returncode, rest)


def test_the_queue_has_the_last_words_of_the_server(tmp_path: Path) -> None:
    """A mail that has failed says why, without steering the terminal; `mail retry` lets it wait again."""
    with throwaway.place() as place:
        settings = settings_of(Chosen(place.config))
        command = f"radius-mfa --config {place.config}"
        run(f"{command} token enroll {throwaway.NAME} --mail", tmp_path)
        with session.opened(settings) as database:
            outbox = SqliteOutbox(database.path, database.keys, database.clock)
            [row] = outbox.lease(database.clock.now(), "test", 1)
            assert "  sending  " in run(f"{command} mail queue", tmp_path).stdout
            outbox.failed(row.id, "550 no\x1b[31m such user")
            outbox.close()
        failed = run(f"{command} mail queue", tmp_path).stdout.splitlines()[1]
        again = run(f"{command} mail retry {row.id}; {command} mail queue", tmp_path).stdout
    assert "  failed " in failed
    assert failed.endswith("      1  -     550 no\\x1b[31m such user")
    assert again.startswith("1 mail due now\n")
    assert "  waiting  " in again
