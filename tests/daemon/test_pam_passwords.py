"""Users of this host log in through the whole of it: RADIUS or the hook, the daemon, `radius-mfa pam-check`, PAM."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyotp
import pytest

from radius_mfa.store import accounts
from tests.daemon.mailbox import code, in_directory
from tests.daemon.mails import by_file
from tests.daemon.server import Server, wait_for
from tests.pam.check_host import PASSWORDS, CheckHost, make
from tests.pam.host import NEEDS_HOOK, build

pytestmark = [
    *NEEDS_HOOK,
    pytest.mark.needs("perl", package="perl"),
    pytest.mark.needs_root,
]
CLIENTS = """- {shortname: test, ipaddr: 127.0.0.1, secret: SECRET}
- {shortname: admins, ipaddr: 127.0.0.2, secret: SECRET, groups: [pbx-admins]}
- {shortname: append, ipaddr: 127.0.0.3, secret: SECRET, dialogue: append}
"""


@dataclass
class Place:
    """The users of a host of their own, and a daemon that asks them for their passwords."""

    host: CheckHost
    server: Server
    box: Path

    def log_in(self, name: str, password: bytes, source: str | None = None) -> str:
        client = self.server.client(source)
        return client.ask(client.request(name, password)).result

    def reason(self, name: str) -> str:
        return str(self.server.audit_of(name)[-1]["reason"])

    def enrol(self, name: str) -> str:
        """From the first password to the first code: the key of the authenticator."""
        client = self.server.client()
        challenge = client.ask(client.request(name, PASSWORDS[name]))
        assert challenge.result == "challenge"
        to = f"{name}@example.com"
        mail = wait_for(lambda: [mail for mail in in_directory(self.box) if mail.to == to and mail.invites], "a mail")[
            0
        ]
        assert client.ask(client.request(name, code(mail.key), state=challenge.state)).result == "accept"
        return mail.key


def daemon(host: CheckHost, folder: Path, pam: Path | None = None) -> Server:
    backends = "[{type: local}, {type: pam, mail: '{user}@example.com'}]"
    more = f"passwords: {{backends: {backends}, helper: {host.socket}}}\n" + by_file(folder / "box")
    return Server(folder / "server", clients=CLIENTS, more=more, pam=pam)


@contextlib.contextmanager
def started(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        assert server.close() == 0, server.log()
    for password in PASSWORDS.values():
        assert password not in server.log().encode()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with TemporaryDirectory(prefix="radius-mfa-") as name:
        folder = Path(name)
        (folder / "host").mkdir()
        host = make(folder / "host")
        with host.checking(), started(daemon(host, folder)) as server:
            yield Place(host, server, folder / "box")


def test_a_user_of_the_host_enrols_at_the_first_password(place: Place) -> None:
    """The account appears with the groups of the host and the address of the template; then it owes a code."""
    place.enrol("alice")
    row = accounts.get(place.server.database, "alice")
    assert ("pam", frozenset({"alice", "staff", "pbx-admins"}), "alice@example.com", 1) == (
        row.backend, row.groups, row.mail, row.active_tokens,
    )  # fmt: skip
    assert "challenge" == place.log_in("alice", PASSWORDS["alice"])
    assert "challenge" == place.log_in("ALICE", PASSWORDS["alice"])
    assert "reject" == place.log_in("alice", b"wrong")
    assert "wrong-password" == place.reason("alice")


@pytest.mark.parametrize("name", ["expired", "aged", "root"])
def test_who_may_not_is_not_made(place: Place, name: str) -> None:
    """The right password of an account that has expired, has to change it, or is root: refused, and nobody is made."""
    assert "reject" == place.log_in(name, PASSWORDS[name])
    assert "not-allowed" == place.reason(name)
    assert name not in {row.name for row in accounts.all_accounts(place.server.database)}


@pytest.mark.parametrize("name", ["mallory", "umlaut"])
def test_a_wrong_password_makes_nobody(place: Place, name: str) -> None:
    """A name that nobody has and one that somebody has, with a wrong password: the same."""
    assert "reject" == place.log_in(name, b"wrong")
    assert "unknown-account" == place.reason(name)
    assert name not in {row.name for row in accounts.all_accounts(place.server.database)}


def test_the_groups_of_the_host_open_a_client(place: Place) -> None:
    """A client for pbx-admins takes the one who is in that group, and makes no account for the other."""
    assert "challenge" == place.log_in("alice", PASSWORDS["alice"], "127.0.0.2")
    assert "reject" == place.log_in("latin", PASSWORDS["latin"], "127.0.0.2")
    assert "not-allowed" == place.reason("latin")
    assert "latin" not in {row.name for row in accounts.all_accounts(place.server.database)}


def test_a_local_account_keeps_its_own_password(place: Place) -> None:
    """The host has a user of the same name: his password opens nothing, for only its own backend is asked."""
    place.server.add_user("blank", "a password of ours")
    assert "challenge" == place.log_in("blank", b"a password of ours")
    place.server.add_user("long", "another of ours")
    assert "reject" == place.log_in("long", PASSWORDS["long"][:120])


def test_without_the_helper_nobody_gets_in() -> None:
    """No reply over RADIUS, so that the client asks another server; a line says what to look at; local users get in."""
    with TemporaryDirectory(prefix="radius-mfa-") as name:
        folder = Path(name)
        (folder / "host").mkdir()
        host = make(folder / "host")
        with started(daemon(host, folder)) as server:
            user, client = server.add_user(), server.client()
            client.send(client.request("alice", PASSWORDS["alice"]))
            wait_for(lambda: "passwords-unavailable" in server.log(), "the word that nobody checks passwords")
            assert str(host.socket) in server.log()
            assert client.ask(client.request(user.name, user.password)).result == "challenge"
            with host.checking():
                assert client.ask(client.request("alice", PASSWORDS["alice"])).result == "challenge"


def test_the_hook_asks_for_both_and_the_host_knows_one() -> None:
    """Over the hook: a user of the host enrols, gets in with password and code, and not with a wrong password."""
    with TemporaryDirectory(prefix="radius-mfa-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("host", "hook"):
            (folder / part).mkdir()
        host, hook = make(folder / "host"), build(folder / "hook")
        hook.stack(hook.hook())
        with host.checking(), started(daemon(host, folder, hook.socket)) as server:
            key = Place(host, server, folder / "box").enrol("alice")
            later = pyotp.TOTP(key).at(int(time.time()) + 30)
            assert "success" == hook.login(PASSWORDS["alice"], later, timeout=10).result
            said = hook.login(b"wrong", later, timeout=10)
            assert ("auth_err", 1) == (said.result, len(said.shown))
            assert {"radius", "pam"} == {line["transport"] for line in server.audit_of("alice")}
        assert "authinfo_unavail" == hook.login(PASSWORDS["alice"]).result
