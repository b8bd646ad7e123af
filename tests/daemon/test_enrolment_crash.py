"""Killed at any moment while users enrol: no mail is lost, hardly one is sent twice, everybody can finish (P4)."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.daemon.conftest import Start
from tests.daemon.crowd import LOOPBACK, crowd, results, submit
from tests.daemon.mailbox import Mail, code, in_directory, invitations, newcomers, received, tokens_of, wait_until_sent
from tests.daemon.mails import by_file, by_smtp
from tests.daemon.raw import RawClient, Reply
from tests.daemon.server import PASSWORD, User, wait_for
from tests.mail.faults import FaultyServer, Talk

# Without a picture a mail takes the child little time for itself, and more of the deaths hit what matters.
MANY = "enrollment: {per_minute: 10000, mail: key, prompt: 1h}\n"
# Whoever died is replaced at once, and what it left is due at once: a hundred deaths need not take minutes.
SOON = """
from radius_mfa.supervisor import supervisor
from radius_mfa.store import outbox
supervisor.SETTLED = 0.0
outbox.CRASHED = 0.1
def before_send(reply): pass
"""
# The worker dies before each first Challenge to somebody leaves, the mail child before it writes down a mail as sent.
BETWEEN = (
    SOON
    + """
import os, signal
from pathlib import Path
delivered = outbox.SqliteOutbox.delivered

def die_once(place):
    try:
        Path(place).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)

def before_send(reply):
    if reply[0] == 11:
        die_once(f"reply {reply[1]}")

def wrote(self, row):
    die_once(f"mail {row}")
    delivered(self, row)

outbox.SqliteOutbox.delivered = wrote
"""
)
EACH = 5
"""Users who enrol for each death."""
ROUNDS = [
    pytest.param(20, SOON, id="20"),
    pytest.param(100, "", id="100", marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
]
"""How often to kill, and with which waits between."""


class Sink(FaultyServer):
    """Takes every mail; `begun` is set by each conversation."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        super().__init__({"EHLO": self._hello})

    def _hello(self, talk: Talk) -> bool:
        self.begun.set()
        talk.say("250 test")
        return True


def log_in(clients: list[RawClient], users: list[User]) -> list[Reply]:
    """The first round of all of them at once, asked again until it is answered."""
    asked = [
        (client, client.request(user.name, PASSWORD, identifier=number % 256))
        for number, (client, user) in enumerate(zip(clients, users, strict=True))
    ]
    return submit(asked, 600, pause=0.2)


def finish(clients: list[RawClient], users: list[User], challenges: list[Reply], mails: list[Mail]) -> None:
    """Everybody has a mail, and its code is let in by the login that brought it."""
    keys = {mail.to: mail.key for mail in mails if mail.invites}
    answers = []
    for client, user, challenge in zip(clients, users, challenges, strict=True):
        first = code(keys[f"{user.name}@example.com"])
        answers.append((client, client.request(user.name, first, state=challenge.state)))
    assert results(submit(answers)) == {"accept": len(users)}


def kill(pid: int, after: float) -> None:
    """kill -9 after so many seconds; waits until it is buried."""
    time.sleep(after)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the end of the killed")


@pytest.mark.parametrize(("deaths", "hook"), ROUNDS)
def test_no_mail_is_lost_when_the_mail_child_dies(start: Start, deaths: int, hook: str) -> None:
    """kill -9 at random moments of deliveries while users enrol: each death sends one mail twice at most."""
    chance, there = random.Random(deaths), Sink()
    with there:
        server = start(clients=LOOPBACK, more=by_smtp(there) + MANY, hook=hook)
        users = newcomers(server, EACH * deaths)
        with crowd(server, size=len(users)) as clients, ThreadPoolExecutor(1) as other:
            challenges: list[Reply] = []
            for first in range(0, len(users), EACH):
                some = slice(first, first + EACH)
                there.begun.clear()
                replies = other.submit(log_in, clients[some], users[some])
                assert there.begun.wait(60)
                (pid,) = wait_for(lambda: server.alone("mail"), "a mail child")
                kill(pid, chance.uniform(0, 0.03))
                challenges += replies.result()
            took = wait_until_sent(server, 600)
            finish(clients, users, challenges, received(there.mails))
    mails = [mail for mail in received(there.mails) if mail.invites]
    ids = Counter(mail.id for mail in mails)
    twice = ids.total() - len(users)
    print(f"\n{deaths} deaths of the mail child, {len(users)} mails: 0 lost, {twice} sent twice, one at most ", end="")
    print(f"{max(ids.values())} times; the last left {took:.1f} s after the last death")
    assert server.log().count("has ended with status -9") == deaths
    assert set(invitations(mails)) == {f"{user.name}@example.com" for user in users}
    assert len(ids) == len(users)
    assert twice <= deaths


@pytest.mark.parametrize(("deaths", "hook"), ROUNDS)
def test_no_mail_is_lost_when_the_worker_dies(start: Start, tmp_path: Path, deaths: int, hook: str) -> None:
    """kill -9 at random moments of first rounds while users enrol: each gets one token, one mail, and in."""
    chance, box = random.Random(deaths), tmp_path / "box"
    server = start(clients=LOOPBACK, more=by_file(box) + MANY, hook=hook)
    users = newcomers(server, EACH * deaths)
    with crowd(server, size=len(users)) as clients, ThreadPoolExecutor(1) as other:
        challenges: list[Reply] = []
        for first in range(0, len(users), EACH):
            some = slice(first, first + EACH)
            asker = server.client()
            asker.ask(asker.status())  # a worker is there
            replies = other.submit(log_in, clients[some], users[some])
            kill(server.worker(), chance.uniform(0, 0.02))
            challenges += replies.result()
        wait_until_sent(server, 60)
        mails = in_directory(box)
        finish(clients, users, challenges, mails)
    told = Counter(line["reason"] for line in server.audit_lines() if line["result"] == "challenge")
    twice = told.total() - len(users)
    print(f"\n{deaths} deaths of the worker, {len(users)} users, as many mails; {twice} replies were decided twice")
    assert server.log().count("has ended with status -9") == deaths
    assert invitations(mails) == {f"{user.name}@example.com": 1 for user in users}


def test_death_between_the_deed_and_the_word(start: Start) -> None:
    """With token and mail stored and no reply sent, with a mail taken and not written down: one twin each, no more."""
    with Sink() as there:
        server = start(clients=LOOPBACK, more=by_smtp(there) + MANY, hook=BETWEEN)
        users = newcomers(server, 5)
        with crowd(server, size=len(users)) as clients:
            challenges = log_in(clients, users)
            assert all(len(tokens_of(server, user.name)) == 1 for user in users)
            wait_until_sent(server, 60)
            mails = received(there.mails)
            finish(clients, users, challenges, mails)
    assert invitations(mails) == {f"{user.name}@example.com": 2 for user in users}
    assert len({mail.content for mail in mails}) == len(users)  # a mail sent twice is the same twice
    assert server.log().count("has ended with status -9") >= 2 * len(users)
