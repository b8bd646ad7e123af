"""However often somebody logs in for the first time, and however many do: the mails are bounded (THREATS 45)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from radius_mfa.auth.asks import Checked
from radius_mfa.auth.model import Account, ClientPolicy, Door, LoginRequest
from radius_mfa.auth.policy import Rules
from radius_mfa.backends.slots import HashSlots
from radius_mfa.ports import AuditRecord
from radius_mfa.service import Authenticator
from radius_mfa.store import accounts
from radius_mfa.store.queue import queue
from tests.contract.stores import NOW, NoLimit, SqliteStores
from tests.daemon.conftest import Start
from tests.daemon.crowd import LOOPBACK, crowd, results, submit
from tests.daemon.mailbox import age, edit, in_directory, invitations, newcomers, tokens_of, wait_until_sent
from tests.daemon.mails import by_file
from tests.daemon.mails import queue as rows
from tests.daemon.server import PASSWORD, Server

BATCH = 250


class Remembered:
    """Passwords whose hash was checked a moment ago."""

    name, waits, brings = "local", False, False

    def check(self, account: Account | None, name: str, password: bytes, rhost: str) -> Checked:
        return Checked(passed=account is not None and password == PASSWORD.encode())


class Reasons(Counter[str]):
    """An audit that counts."""

    def write(self, records: Sequence[AuditRecord]) -> None:
        self.update(record.reason for record in records)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[SqliteStores]:
    made = SqliteStores(tmp_path)
    yield made
    made.close()


def test_ten_thousand_first_logins_are_one_mail(stores: SqliteStores) -> None:
    """250 at a time in ten minutes, by two workers in turn: one mail, one pending token, and its key stays."""
    accounts.add(stores.database, accounts.NewAccount("alice", "alice@example.com"))
    slots, audit = HashSlots(2, 2 * BATCH, stores.clock), Reasons()
    two = [
        Authenticator(
            Rules(mails=True),
            stores.store(),
            {"local": Remembered()},
            slots,
            audit,
            stores.clock,
            os.urandom,
            NoLimit(),
        )
        for _ in range(2)
    ]
    keys = set()
    for start in range(0, 10_000, BATCH):
        stores.clock.time = NOW + start * 0.06
        run(
            two[start // BATCH % 2],
            slots,
            [first_login(number, stores.clock.time) for number in range(start, start + BATCH)],
        )
        keys |= {token.secret for token in stores.load("alice").tokens}
    slots.close()
    assert audit.total() == 10_000
    assert audit["invited"] == BATCH  # nobody had a token yet when the first batch was read
    assert audit["ok"] == 10_000 - BATCH
    assert [mail.recipient for mail in queue(stores.database)] == ["alice@example.com"]
    assert len(keys) == 1


def first_login(number: int, at: float) -> LoginRequest:
    digest = number.to_bytes(32, "big")
    return LoginRequest(Door.RADIUS, ClientPolicy("pbx"), at, b"alice", PASSWORD.encode(), digest, "192.0.2.1")


def run(authenticator: Authenticator, slots: HashSlots, requests: Sequence[LoginRequest]) -> None:
    """Drive them all at once to their verdicts."""
    rounds = [authenticator.begin(request, lambda verdict: b"") for request in requests]
    left = len(rounds) - len(authenticator.advance(rounds))
    while left:
        slots.wait()
        left -= len(authenticator.advance())
    assert not [one.failed for one in rounds if one.failed]


def test_a_crowd_of_first_logins_is_a_mail_each(start: Start, tmp_path: Path) -> None:
    """100 users at once, the first of them from 900 ports more: 100 mails, one to each address."""
    box = tmp_path / "box"
    server = start(clients=LOOPBACK, more=by_file(box) + "enrollment: {per_minute: 10000, mail: key}\n")
    users = newcomers(server, 100)
    names = [user.name for user in users] + [users[0].name] * 900
    with crowd(server, size=200) as clients:
        requests = [
            (clients[number % 200], clients[number % 200].request(name, PASSWORD, identifier=number // 200))
            for number, name in enumerate(names)
        ]
        assert results(submit(requests)) == {"challenge": 1000}
    wait_until_sent(server, 60)
    assert invitations(in_directory(box)) == {f"{user.name}@example.com": 1 for user in users}


def test_so_many_mails_a_minute_and_no_more(start: Start, tmp_path: Path) -> None:
    """Of twelve users at once five are invited; the others are refused, untouched, and invited a minute later."""
    box = tmp_path / "box"
    server = start(clients=LOOPBACK, more=by_file(box) + "enrollment: {per_minute: 5}\n")
    users = newcomers(server, 12)
    for invited in (5, 10, 12):
        refused = {user.name for user in users if not tokens_of(server, user.name)}
        with crowd(server, size=len(users)) as clients:
            requests = [(one, one.request(user.name, PASSWORD)) for one, user in zip(clients, users, strict=True)]
            replies = submit(requests)
        assert results(replies)["challenge"] == invited
        left = {user.name for user in users if not tokens_of(server, user.name)}
        assert len(left) == 12 - invited
        assert left <= refused
        assert_refused(server, left)
        age(server, 61)
    wait_until_sent(server)
    assert invitations(in_directory(box)) == {f"{user.name}@example.com": 1 for user in users}


def assert_refused(server: Server, names: set[str]) -> None:
    """Audit and log say why no mail went to them."""
    for name in names:
        assert server.audit_of(name)[-1]["reason"] == "mail-limit"
        assert f"warning {name} at test gets no mail: enrollment.per_day or enrollment.per_minute" in server.log()


def test_so_many_mails_a_day_and_no_more(start: Start, tmp_path: Path) -> None:
    """An account whose invitations end unanswered gets two a day here; a day later, another one."""
    box = tmp_path / "box"
    server = start(more=by_file(box) + "enrollment: {per_day: 2}\n")
    ((alice,), client) = newcomers(server, 1), server.client()
    for expected in ("invited", "invited", "mail-limit"):
        client.ask(client.request(alice.name, PASSWORD))
        assert server.audit_of(alice.name)[-1]["reason"] == expected
        expire(server)
    age(server, 86401)
    assert client.ask(client.request(alice.name, PASSWORD)).result == "challenge"
    assert len(rows(server)) == 3


def expire(server: Server) -> None:
    """Let every pending token end now."""
    edit(server, "UPDATE token SET expires = 1")
