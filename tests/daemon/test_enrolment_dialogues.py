"""Enrolment by gear that asks, by gear with one field, and by `mail` typed at the prompt."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.daemon.conftest import daemons
from tests.daemon.mailbox import QUICK, Mail, age, code, in_directory, shown, wait_until_sent
from tests.daemon.mails import by_file
from tests.daemon.raw import RawClient, Reply
from tests.daemon.server import PASSWORD, Server, User

CLIENTS = """\
- {shortname: test, ipaddr: 127.0.0.1, secret: SECRET}
- {shortname: gear, ipaddr: 127.0.0.2, secret: SECRET, dialogue: append}
- {shortname: both, ipaddr: 127.0.0.3, secret: SECRET, dialogue: both}
- {shortname: wary, ipaddr: 127.0.0.4, secret: SECRET, always_challenge: yes}"""
LIMITS = "enrollment: {per_minute: 10000, per_day: 2}\n"
AGAIN = 600.0
NAMES = (f"new{number}" for number in count())


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("box")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, box: Path) -> Iterator[Server]:
    with daemons(tmp_path_factory.mktemp("dialogues")) as start:
        yield start(clients=CLIENTS, more=by_file(box) + LIMITS, hook=QUICK)


@pytest.fixture
def alice(server: Server) -> User:
    name = next(NAMES)
    return server.add_user(name, token=False, mail=f"{name}@example.com")


def mails(server: Server, box: Path, user: User) -> list[Mail]:
    """What has come for somebody, once all has left."""
    wait_until_sent(server)
    return [mail for mail in in_directory(box) if mail.to == f"{user.name}@example.com"]


def reason(server: Server, user: User) -> str:
    return str(server.audit_of(user.name)[-1]["reason"])


def ask(client: RawClient, user: User, said: str, state: bytes | None = None) -> Reply:
    return client.ask(client.request(user.name, said, state=state))


def test_the_prompt_names_the_masked_mailbox_and_the_word(server: Server, alice: User) -> None:
    """Where the mail went, what to type, and how to get it again; the address itself is not told."""
    said = shown(ask(server.client(), alice, PASSWORD))
    assert "n***@example.com" in said
    assert "`mail`" in said
    assert alice.name not in said


def test_gear_with_one_field_is_told_where_to_look(server: Server, box: Path, alice: User) -> None:
    """A Reject that names the masked mailbox; then password and first code in one field are an Accept."""
    client = server.client("127.0.0.2")
    for expected in ("invited", "code-missing"):
        told = ask(client, alice, PASSWORD)
        assert told.result == "reject"
        assert "Look in your mailbox n***@example.com" in shown(told)
        assert reason(server, alice) == expected
    (mail,) = mails(server, box, alice)
    accept = ask(client, alice, PASSWORD + code(mail.key))
    assert accept.result == "accept"
    assert shown(accept).startswith("Your code app is set up")
    assert ask(client, alice, PASSWORD).result == "reject"
    assert [mail.invites for mail in mails(server, box, alice)].count(True) == 1


def test_gear_with_one_field_says_nothing_of_a_mailbox_for_a_wrong_password(server: Server, alice: User) -> None:
    """The words are for whoever has shown the password, with a code behind it or not."""
    client = server.client("127.0.0.2")
    ask(client, alice, PASSWORD)
    for field in ("wrong", "wrong123456"):
        assert "@" not in shown(ask(client, alice, field))


@pytest.mark.parametrize("apart", [True, False])
def test_gear_that_does_both_enrols_either_way(server: Server, box: Path, alice: User, apart: bool) -> None:
    """The first code in an answer of its own, or behind the password."""
    client = server.client("127.0.0.3")
    challenge = ask(client, alice, PASSWORD)
    assert challenge.result == "challenge"
    first = code(mails(server, box, alice)[0].key)
    answer = ask(client, alice, first, challenge.state) if apart else ask(client, alice, PASSWORD + first)
    assert answer.result == "accept"


def test_the_word_sends_the_mail_again(server: Server, box: Path, alice: User) -> None:
    """After the wait: a new Challenge of the same text, the same key in a second mail, the old State spent."""
    client = server.client()
    challenge = ask(client, alice, PASSWORD)
    wait_until_sent(server)
    age(server, AGAIN)
    again = ask(client, alice, " MAIL ", challenge.state)
    assert again.result == "challenge"
    assert reason(server, alice) == "invited-again"
    assert shown(again) == shown(challenge)
    first, second = mails(server, box, alice)
    assert first.id != second.id
    assert first.key == second.key
    assert ask(client, alice, code(first.key), challenge.state).result == "reject"
    assert ask(client, alice, code(first.key), again.state).result == "accept"


@pytest.mark.parametrize("why", ["invitation-waits", "mail-limit"])
def test_the_word_is_no_way_to_more_mail(server: Server, box: Path, alice: User, why: str) -> None:
    """Too early or too often: the question once more and no mail; the word is no wrong code either."""
    client = server.client()
    reply, sent = ask(client, alice, PASSWORD), 1
    if why == "mail-limit":
        wait_until_sent(server)
        age(server, AGAIN)
        reply, sent = ask(client, alice, "mail", reply.state), 2
        age(server, AGAIN)
    for _ in range(6):
        reply = ask(client, alice, "mail", reply.state)
        assert reply.result == "challenge"
        assert reason(server, alice) == why
    came = mails(server, box, alice)
    assert len(came) == sent
    assert ask(client, alice, code(came[0].key), reply.state).result == "accept"


def test_the_word_is_nothing_where_no_prompt_names_it(server: Server, box: Path, alice: User) -> None:
    """With `always_challenge`, in the password's place, and once somebody is enrolled."""
    wary, client, gear = server.client("127.0.0.4"), server.client(), server.client("127.0.0.2")
    challenge = ask(wary, alice, PASSWORD)
    assert "@" not in shown(challenge)
    (mail,) = mails(server, box, alice)
    age(server, AGAIN)
    assert ask(wary, alice, "mail", challenge.state).result == "reject"
    assert ask(client, alice, "mail").result == "reject"
    assert ask(gear, alice, PASSWORD + "mail").result == "reject"
    challenge = ask(client, alice, PASSWORD)
    assert ask(client, alice, code(mail.key), challenge.state).result == "accept"
    challenge = ask(client, alice, PASSWORD)
    assert ask(client, alice, "mail", challenge.state).result == "reject"
    assert [mail.invites for mail in mails(server, box, alice)].count(True) == 1


def test_gear_that_always_asks_tells_nothing_and_enrols(server: Server, box: Path, alice: User) -> None:
    """The same prompt and length of State for the right, the wrong and no password; the first code is an Accept."""
    wary = server.client("127.0.0.4")
    right, wrong = ask(wary, alice, PASSWORD), ask(wary, alice, "wrong")
    assert shown(right) == shown(wrong)
    assert len(right.state) == len(wrong.state)
    (mail,) = mails(server, box, alice)
    assert ask(wary, alice, code(mail.key), wrong.state).result == "reject"
    assert ask(wary, alice, code(mail.key), right.state).result == "accept"
