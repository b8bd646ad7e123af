"""Guessing codes with the right password: what is counted, when it ends, and that nobody can tell."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator

import pytest

from radius_mfa.auth import otp
from radius_mfa.auth.asks import Trust
from radius_mfa.auth.model import Algorithm, Claim, DeviceKind
from radius_mfa.store import accounts, devices
from radius_mfa.store.database import Database
from tests.daemon.conftest import APPEND, Start
from tests.daemon.crowd import LOOPBACK, crowd, results, source_of, submit
from tests.daemon.mailbox import CHEAP
from tests.daemon.raw import RawClient, Reply
from tests.daemon.server import Server, User

PLENTY = "passwords: {throttle: {after: 1000, account: 100000}}"
"""Passwords are no matter here."""


def wrong_codes(user: User) -> Iterator[str]:
    """Codes that the authenticator shows at no time near now."""
    step, key = int(time.time()) // user.totp.interval, user.totp.byte_secret()
    near = {otp.code_at(key, step + steps, 6, Algorithm.SHA1) for steps in range(-20_300, 40)}
    return (code for code in map("{:06}".format, itertools.count()) if code not in near)


def history(server: Server, user: User) -> tuple[int, int, float]:
    row = accounts.get(server.database, user.name)
    return row.failures, row.window_failures, row.locked_until


def trust(database: Database, user: User) -> None:
    """A device of the user, as a login makes it."""
    claim = Claim(DeviceKind.TOKEN, "test", os.urandom(32))
    keyed = database.keys.device_hash(user.id, claim)
    trust = Trust(claim, "desk", database.clock.now() + 600, 10)
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO device (account_id, kind, client, label, hash, created, last_used, expires)"
            " VALUES (?, 'token', 'test', ?, ?, ?, ?, ?)",
            (user.id, trust.label, keyed, trust.expires - 600, trust.expires - 600, trust.expires),
        )


def bare(reply: Reply) -> tuple[int, bytes]:
    """What a reply says: code and attributes, without the two authenticators and, of a challenge, its State."""
    attributes, rest = [], reply.octets[20:]
    while rest:
        kind, length = rest[0], rest[1]
        attributes.append(bytes((kind, length)) if kind in {24, 80} else rest[:length])
        rest = rest[length:]
    return reply.octets[0], b"".join(attributes)


def test_five_hundred_wrong_codes_at_once(start: Start) -> None:
    """At four workers, each with a State of its own: five are counted, the rest find the lock, and one audit line each.

    THREATS 31. The right code finds the lock too, and the devices of the account are gone.
    """
    server = start(clients=LOOPBACK, more=PLENTY, workers=4)
    user = server.add_user()
    trust(server.database, user)
    codes = wrong_codes(user)
    with crowd(server, size=100) as clients:
        requests = []
        for number in range(500):
            client, source = clients[number % 100], source_of(number % 100)
            state = server.seal_state(user, source=source)
            requests.append((client, client.request(user.name, next(codes), state=state, identifier=number // 100)))
        state = server.seal_state(user, source=source_of(0))
        late = clients[0].request(user.name, user.code(), state=state, identifier=99)
        assert results(submit(requests)) == {"reject": 500}
        assert "reject" == clients[0].ask(late).result
    told = [line["reason"] for line in server.audit_of(user.name)]
    assert (501, 4, 1) == (len(told), told.count("wrong-code"), told.count("wrong-code-locks"))
    assert {"wrong-code", "wrong-code-locks", "locked", "state-outdated"} >= set(told)
    failures, in_window, locked_until = history(server, user)
    assert (5, 5) == (failures, in_window)
    assert locked_until > server.database.clock.now()
    assert [] == devices.all_devices(server.database, user.name)
    assert 1 == server.log().count(f"{user.name} at test is locked")


def test_an_admin_unlocks(start: Start) -> None:
    """States of before are dead, and the next login with the right code gets in."""
    server = start(more=PLENTY)
    user, client = server.add_user(), server.client()
    asked = client.ask(client.request(user.name, user.password))
    for code in itertools.islice(wrong_codes(user), 5):
        state = client.ask(client.request(user.name, user.password)).state
        assert "reject" == client.ask(client.request(user.name, code, state=state)).result
    accounts.unlock(server.database, user.name)
    assert (0, 0, 0.0) == history(server, user)
    assert "reject" == client.ask(client.request(user.name, user.code(), state=asked.state)).result
    state = client.ask(client.request(user.name, user.password)).state
    assert "accept" == client.ask(client.request(user.name, user.code(), state=state)).result


def test_what_locks_nobody(start: Start) -> None:
    """A capture sent a thousand times, a spent State, seven digits, an old code: none of them is counted."""
    server = start(more=PLENTY)
    user, client = server.add_user(), server.client()
    state = client.ask(client.request(user.name, user.password)).state
    wrong = next(wrong_codes(user))
    capture = client.request(user.name, wrong, state=state)
    assert "reject" == client.ask(capture).result
    assert 1 == history(server, user)[0]
    for _ in range(20):
        client.ask(client.request(user.name, wrong, state=state))
    for typed in ("1234567", "12345", "correct horse", "", "0" * 120, user.code(-40), user.code(10)):
        state = client.ask(client.request(user.name, user.password)).state
        client.ask(client.request(user.name, typed or " ", state=state))
    for number in range(1000):  # past the duplicate cache: another port each time
        if number % 100 == 0:
            client = server.client()
        client.send(capture)
        client.receive()
    assert 1 == history(server, user)[0]
    assert 0.0 == history(server, user)[2]


class Guesser:
    """Logs in again and again in one way, and keeps what every reply says."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self.seen: dict[str, set[tuple[int, bytes]]] = {}
        self.exchanges = 0

    def challenge(self, what: str, name: str, password: str, answer: str) -> None:
        asked = self._ask(f"{what}: password", self.client.request(name, password))
        if asked.result == "challenge":
            self._ask(f"{what}: code", self.client.request(name, answer, state=asked.state))

    def append(self, what: str, name: str, field: str) -> None:
        self._ask(what, self.client.request(name, field))

    def _ask(self, what: str, datagram: bytes) -> Reply:
        reply = self.client.ask(datagram)
        self.exchanges += 1
        self.seen.setdefault(what, set()).add(bare(reply))
        return reply


@pytest.mark.parametrize("always", ["yes", "no"])
def test_challenges_say_the_same(start: Start, always: str) -> None:
    """Locked or not, right or wrong code, known or unknown account: the same octets, authenticators aside (THREATS 37).

    Without `always_challenge` the challenge itself tells that a password was right; what follows it tells nothing.
    """
    client_line = f"- {{shortname: test, ipaddr: 127.0.0.1, secret: SECRET, always_challenge: {always}}}"
    server = start(clients=client_line, more=PLENTY)
    locked, free, gone = (server.add_user(hashed=CHEAP) for _ in range(3))
    accounts.disable(server.database, gone.name)
    with server.database.write() as connection:
        connection.exec_driver_sql("UPDATE account SET locked_until = 4e9 WHERE id = ?", (locked.id,))
    guesser = Guesser(server.client())
    codes = wrong_codes(free)
    while guesser.exchanges < 350:
        accounts.unlock(server.database, free.name)
        guesser.challenge("locked, right code", locked.name, locked.password, locked.code())
        guesser.challenge("locked, wrong code", locked.name, locked.password, next(codes))
        guesser.challenge("free, wrong code", free.name, free.password, next(codes))
        guesser.challenge("wrong password", free.name, "wrong", free.code())
        guesser.challenge("locked, wrong password", locked.name, "wrong", locked.code())
        guesser.challenge("disabled", gone.name, gone.password, gone.code())
        guesser.challenge("unknown", "nobody there", "wrong", "123456")
    rounds = {kind: set[tuple[int, bytes]]() for kind in ("password", "code")}
    for what, said in guesser.seen.items():
        assert 1 == len(said), what
        rounds[what.rpartition(": ")[2]] |= said
    assert 1 == len(rounds["code"])
    assert (1 if always == "yes" else 2) == len(rounds["password"])


def test_append_says_the_same(start: Start) -> None:
    """One reply for all that is refused where password and code come in one field."""
    server = start(clients=APPEND, more=PLENTY)
    locked, free = server.add_user(hashed=CHEAP), server.add_user(hashed=CHEAP)
    with server.database.write() as connection:
        connection.exec_driver_sql("UPDATE account SET locked_until = 4e9 WHERE id = ?", (locked.id,))
    guesser, codes = Guesser(server.client()), wrong_codes(free)
    while guesser.exchanges < 350:
        accounts.unlock(server.database, free.name)
        guesser.append("locked, right", locked.name, locked.password + locked.code())
        guesser.append("locked, wrong", locked.name, locked.password + next(codes))
        guesser.append("free, wrong", free.name, free.password + next(codes))
        guesser.append("free, no code", free.name, free.password)
        guesser.append("wrong password", free.name, "wrong" + free.code())
        guesser.append("unknown", "nobody there", "wrong" + next(codes))
    assert 1 == len(set().union(*guesser.seen.values()))
