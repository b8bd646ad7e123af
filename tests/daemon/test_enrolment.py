"""From the first right password to the first code: who is invited, and who is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from radius_mfa.store import accounts, tokens
from tests.daemon.conftest import daemons
from tests.daemon.crowd import results, submit
from tests.daemon.mailbox import QUICK, Mail, code, edit, in_directory, invitations, shown, tokens_of, wait_until_sent
from tests.daemon.mails import by_file, queue
from tests.daemon.server import PASSWORD, Server, User

CLIENTS = """\
- {shortname: test, ipaddr: 127.0.0.1, secret: SECRET}
- {shortname: staff, ipaddr: 127.0.0.2, secret: SECRET, groups: [staff]}
- {shortname: off, ipaddr: 127.0.0.3, secret: SECRET, mfa: off}"""


NAMES = (f"new{number}" for number in count())


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("box")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, box: Path) -> Iterator[Server]:
    """A daemon that writes its mail into `box`; each test has users of its own."""
    with daemons(tmp_path_factory.mktemp("enrolment")) as start:
        yield start(clients=CLIENTS, more=by_file(box) + "enrollment: {per_minute: 10000}\n", hook=QUICK)


@pytest.fixture
def alice(server: Server) -> User:
    """Somebody with a password and an address, and nothing else."""
    name = next(NAMES)
    return server.add_user(name, token=False, mail=f"{name}@example.com")


def answer_to(server: Server, user: User, password: str = PASSWORD, source: str = "127.0.0.1") -> tuple[str, str]:
    """Result and reason of one first round."""
    client = server.client(source)
    reply = client.ask(client.request(user.name, password))
    return reply.result, server.audit_of(user.name)[-1]["reason"]


def queued(server: Server, user: User) -> list[str]:
    """The kinds of mail that were queued for an account."""
    return [row["kind"] for row in queue(server) if row["account_id"] == user.id]


def mails(server: Server, box: Path, user: User) -> list[Mail]:
    """What has come for somebody, once all has left."""
    wait_until_sent(server)
    return [mail for mail in in_directory(box) if mail.to == f"{user.name}@example.com"]


def test_the_first_right_password_brings_one_mail(server: Server, box: Path, alice: User) -> None:
    """Never an Accept: a Challenge, one mail, a pending token; a wrong password brings none (THREATS 41)."""
    assert answer_to(server, alice, "wrong") == ("reject", "wrong-password")
    assert not queued(server, alice)
    assert answer_to(server, alice) == ("challenge", "invited")
    assert [status for _, status, _ in tokens_of(server, alice.name)] == ["pending"]
    assert answer_to(server, alice, "wrong") == ("reject", "wrong-password")
    assert invitations(mails(server, box, alice)) == {f"{alice.name}@example.com": 1}


def test_a_wrong_password_is_refused_with_the_same_words_before_and_after(server: Server, alice: User) -> None:
    """The Reject of an unknown account, of a newcomer and of somebody invited read the same (THREATS 41)."""
    client = server.client()
    said = {shown(client.ask(client.request(name, "wrong"))) for name in (alice.name, "nobody")}
    assert answer_to(server, alice) == ("challenge", "invited")
    assert said == {shown(client.ask(client.request(alice.name, "wrong")))}


CHANGES: dict[str, tuple[Callable[[Server, str], object], str, tuple[str, str]]] = {
    "disabled": (lambda server, name: accounts.disable(server.database, name), "127.0.0.1", ("reject", "disabled")),
    "not-allowed": (lambda server, name: None, "127.0.0.2", ("reject", "not-allowed")),
    "locked": (
        lambda server, name: edit(server, "UPDATE account SET locked_until = ? WHERE name = ?", time.time() + 60, name),
        "127.0.0.1",
        ("challenge", "locked"),
    ),
    "mfa off": (
        lambda server, name: edit(server, "UPDATE account SET mfa = 'off' WHERE name = ?", name),
        "127.0.0.1",
        ("accept", "ok"),
    ),
    "mfa off at the client": (lambda server, name: None, "127.0.0.3", ("accept", "ok")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_who_may_not_log_in_or_owes_no_code_gets_no_mail(server: Server, alice: User, change: str) -> None:
    """Disabled, outside the groups, locked, off: nothing is queued and no token made (THREATS 43)."""
    make, source, expected = CHANGES[change]
    make(server, alice.name)
    assert answer_to(server, alice, source=source) == expected
    assert not queued(server, alice)
    assert not tokens_of(server, alice.name)


def test_a_name_that_nobody_has_brings_no_mail(server: Server) -> None:
    """Not even one that is a mail address (THREATS 46)."""
    client, before = server.client(), len(queue(server))
    for name in ("nobody", "nobody@example.com"):
        assert client.ask(client.request(name, PASSWORD)).result == "reject"
    assert before == len(queue(server))


def test_an_account_without_an_address_is_refused_in_plain_words(server: Server) -> None:
    """To the user a Reject like any other; audit and log say what is missing and how to mend it."""
    bob = server.add_user("bob", token=False)
    assert answer_to(server, bob) == ("reject", "no-address")
    assert "warning bob at test is refused: it has no mail address" in server.log()
    assert "radius-mfa user set bob --email ADDRESS" in server.log()
    assert not queued(server, bob)
    assert not tokens_of(server, "bob")


def test_no_login_changes_a_pending_secret(server: Server, box: Path, alice: User) -> None:
    """Logins while it lives send nothing and leave the key as it was mailed; that key logs in (THREATS 42)."""
    client = server.client()
    assert answer_to(server, alice) == ("challenge", "invited")
    before = tokens_of(server, alice.name)
    for _ in range(3):
        assert answer_to(server, alice) == ("challenge", "ok")
    challenge = client.ask(client.request(alice.name, PASSWORD))
    assert before == tokens_of(server, alice.name)
    (mail,) = mails(server, box, alice)
    assert client.ask(client.request(alice.name, code(mail.key), state=challenge.state)).result == "accept"


def test_an_old_mail_does_not_activate(server: Server, box: Path, alice: User) -> None:
    """After its time the code of the mail is refused, and the next login sends another key (THREATS 42)."""
    client = server.client()
    challenge = client.ask(client.request(alice.name, PASSWORD))
    (old,) = mails(server, box, alice)
    edit(server, "UPDATE token SET expires = ? WHERE account_id = ?", time.time() - 1, alice.id)
    assert client.ask(client.request(alice.name, code(old.key), state=challenge.state)).result == "reject"
    assert server.audit_of(alice.name)[-1]["reason"] == "invitation-ended"
    again = client.ask(client.request(alice.name, PASSWORD))
    assert again.result == "challenge"
    assert client.ask(client.request(alice.name, code(old.key), state=again.state)).result == "reject"
    (new,) = [mail for mail in mails(server, box, alice) if mail.id != old.id]
    assert new.key != old.key
    assert answer_to(server, alice) == ("challenge", "ok")


def test_who_was_enrolled_is_never_invited_again(server: Server, box: Path, alice: User) -> None:
    """Neither with an active token nor with a disabled one; a reset by an admin begins anew (THREATS 42)."""
    client = server.client()
    challenge = client.ask(client.request(alice.name, PASSWORD))
    (first,) = mails(server, box, alice)
    assert client.ask(client.request(alice.name, code(first.key), state=challenge.state)).result == "accept"
    before = tokens_of(server, alice.name)
    assert answer_to(server, alice) == ("challenge", "ok")
    tokens.disable(server.database, alice.name)
    assert answer_to(server, alice) == ("reject", "token-disabled")
    assert [row[::2] for row in before] == [row[::2] for row in tokens_of(server, alice.name)]
    assert invitations(mails(server, box, alice)) == {f"{alice.name}@example.com": 1}
    tokens.reset(server.database, alice.name)
    assert answer_to(server, alice) == ("challenge", "invited")
    assert len({mail.key for mail in mails(server, box, alice) if mail.invites}) == 2


@pytest.mark.parametrize("status", ["active", "pending"])
@pytest.mark.parametrize("damage", ["x'00'", "x''", "(SELECT max(secret) FROM token WHERE account_id <> ?1)"])
def test_a_secret_that_cannot_be_read_is_no_newcomer(server: Server, status: str, damage: str) -> None:
    """Corrupt, empty or sealed for another row: Reject, an alert, and neither a mail nor a token (THREATS 36)."""
    server.add_user()
    alice = server.add_user(next(NAMES), mail="alice@example.com")
    expires = time.time() + 60 if status == "pending" else None
    statement = f"UPDATE token SET secret = {damage}, status = ?2, expires = ?3 WHERE account_id = ?1"
    edit(server, statement, alice.id, status, expires)
    before = tokens_of(server, alice.name)
    assert answer_to(server, alice) == ("reject", "token-unreadable")
    assert f"error {alice.name} at test is refused: its authenticator cannot be read" in server.log()
    assert before == tokens_of(server, alice.name)
    assert not queued(server, alice)


def test_the_first_code_is_taken_once(server: Server, box: Path, alice: User) -> None:
    """A hundred submissions at once, each with a State of its own: one Accept, one notice (THREATS 1)."""
    client = server.client()
    assert answer_to(server, alice) == ("challenge", "invited")
    (mail,) = mails(server, box, alice)
    first, states = code(mail.key), [server.seal_state(alice) for _ in range(100)]
    requests = [client.request(alice.name, first, state=state, identifier=i) for i, state in enumerate(states)]
    assert results(submit([(client, request) for request in requests])) == {"accept": 1, "reject": 99}
    assert [mail.invites for mail in mails(server, box, alice)].count(False) == 1
