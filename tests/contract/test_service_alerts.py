"""What the service does about guessing: tries at passwords, alerts, sprays."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Callable

from radius_mfa.auth.asks import Checked
from radius_mfa.auth.model import Account
from radius_mfa.auth.reasons import Reason
from radius_mfa.backends.local import LocalPasswords
from radius_mfa.backends.slots import HashSlots
from radius_mfa.errors import AuditLost, PasswordsBusy, PasswordsUnavailable
from radius_mfa.service import Authenticator
from radius_mfa.spray import AT_A_CLIENT, IN_ALL
from radius_mfa.store.schema import metadata
from tests.contract.judging import CODE, PASSWORD, PBX, Recorder, answering, asking, challenge_of, judge, octets
from tests.contract.stores import NOW, NoLimit, SqliteStores


class Away(LocalPasswords):
    """A backend that does not answer."""

    def check(self, account: Account | None, name: str, password: bytes, rhost: str) -> Checked:
        raise PasswordsUnavailable("nobody there")


def test_a_right_password_leaves_no_try_behind_and_a_wrong_one_does(
    world: Recorder, slots: HashSlots, stores: SqliteStores
) -> None:
    """Counted under the account's name and epoch, so that an unlocked account begins anew."""
    tries = NoLimit()
    made = judge(world, slots, stores, tries)
    made.run([asking(1)])
    assert [] == tries.out
    made.run([asking(2, "wrong" + CODE, source="192.0.2.7")])
    assert [("alice\0" + "1", "radius\0gear\0" + "192.0.2.7")] == tries.out


def test_a_password_that_was_not_checked_is_no_try(world: Recorder, slots: HashSlots, stores: SqliteStores) -> None:
    """A backend that does not answer costs its users nothing."""
    tries = NoLimit()
    made = judge(world, slots, stores, tries, local=Away())
    assert Reason.UNAVAILABLE is made.run([asking(1)])[0].reason
    assert [] == tries.out


def test_a_spray_stands_in_the_audit_and_in_the_log(service_of: Authenticator, world: Recorder, caplog: object) -> None:
    """One line each at the client and over all, beside those of the logins; once."""
    service_of.run([asking(number, name=b"user%d" % number) for number in range(IN_ALL + 30)])
    alerts = [
        (record.event, record.client, record.reason, record.time) for record in world.records if record.event != "login"
    ]
    assert [("alert", "gear", "spray", NOW), ("alert", "", "spray", NOW)] == alerts
    assert IN_ALL + 32 == len(world.records)
    assert AT_A_CLIENT < IN_ALL
    assert [
        "many accounts are tried at gear; hint: run radius-mfa audit --last 100",
        "many accounts are tried over all clients; hint: run radius-mfa audit --last 100",
    ] == caplog.messages  # type: ignore[attr-defined]


def test_wrong_codes_lock_in_turn_and_at_once(service_of: Authenticator, stores: SqliteStores) -> None:
    """Of a hundred at one moment five are told, all others find the lock, and the right code too."""
    wrong = [code for code in (f"{number:06}" for number in range(120)) if code != CODE][:100]
    requests = [asking(number, PASSWORD + code) for number, code in enumerate(wrong)]
    verdicts = [verdict for start in (0, 50) for verdict in service_of.run(requests[start : start + 50])]
    told = [verdict.reason for verdict in verdicts]
    assert (4, 1) == (told.count(Reason.WRONG_CODE), told.count(Reason.WRONG_CODE_LOCKS))
    assert {Reason.LOCKED} == set(told) - {Reason.WRONG_CODE, Reason.WRONG_CODE_LOCKS}
    assert Reason.LOCKED is service_of.run([asking(999)])[0].reason
    history = stores.load("alice").history
    assert (5, 5, NOW + 300) == (history.failures, history.window_failures, history.locked_until)


def test_what_a_wrong_code_and_a_wrong_password_write(service_of: Authenticator, stores: SqliteStores) -> None:
    """A wrong code: one row of the account and one of the States. A wrong password: none. While locked: the State."""
    service_of.run([answering(1, challenge_of(service_of), "999999")])  # the place of the first connection
    writes = Written(stores)
    challenge = challenge_of(service_of)
    assert {} == writes.since(), "a challenge writes nothing"
    service_of.run([answering(2, challenge, "999998")])
    assert {"account": 1, "spent": 1} == writes.since()
    service_of.run([asking(3, "wrong", PBX), asking(4, "wrong" + CODE), asking(5, name=b"nobody")])
    assert {} == writes.since()
    stores.edit("UPDATE account SET locked_until = ?", NOW + 60)
    locked = challenge_of(service_of)
    writes.since()
    service_of.run([answering(6, locked, "999997"), asking(7)])
    assert {"spent": 1} == writes.since()


class Written:
    """Counts the rows that are written, by table, with triggers of its own."""

    def __init__(self, stores: SqliteStores) -> None:
        self._stores = stores
        stores.edit("CREATE TABLE written (what TEXT)")
        for table, event in itertools.product(metadata.tables, ("INSERT", "UPDATE", "DELETE")):
            noting = f"BEGIN INSERT INTO written VALUES ('{table}'); END"
            stores.edit(f"CREATE TRIGGER written_{table}_{event} AFTER {event} ON {table} {noting}")

    def since(self) -> dict[str, int]:
        """Rows written since the last call."""
        with contextlib.closing(sqlite3.connect(self._stores.path)) as connection, connection:
            found = dict(connection.execute("SELECT what, count(*) FROM written GROUP BY what").fetchall())
            connection.execute("DELETE FROM written")
        return found


class Few(NoLimit):
    """As many tries as `left`; those that are given back can be taken again."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def take(self, account: str, place: str, at: float, known: Callable[[], bool]) -> object | None:
        if len(self.out) >= self.left:
            return None
        return super().take(account, place, at, known)


def test_right_passwords_at_once_wait_for_each_other(world: Recorder, slots: HashSlots, stores: SqliteStores) -> None:
    """More of them than there are tries: all are checked, one after the other, and none is refused."""
    tries = Few(2)
    verdicts = judge(world, slots, stores, tries).run([asking(number, PASSWORD, PBX) for number in range(50)])
    assert [Reason.OK] * 50 == [verdict.reason for verdict in verdicts]
    assert [] == tries.out


def test_wrong_passwords_at_once_get_no_further_than_in_turn(
    world: Recorder, slots: HashSlots, stores: SqliteStores
) -> None:
    """Each keeps its try; who waits for one that does not come back is told so, the right password too."""
    fields = ["wrong"] * 50 + [PASSWORD]
    requests = [asking(number, field, PBX) for number, field in enumerate(fields)]
    told = [verdict.reason for verdict in judge(world, slots, stores, Few(3)).run(requests)]
    assert (3, 48) == (told.count(Reason.WRONG_PASSWORD), told.count(Reason.THROTTLED))


def test_a_lost_audit_leaves_nobody_waiting(world: Recorder, slots: HashSlots, stores: SqliteStores) -> None:
    """Whoever waits for a try goes unanswered with the one that has it, and after the outage all is as before."""
    tries = Few(1)
    made = judge(world, slots, stores, tries)
    rounds = [made.begin(asking(number, PASSWORD, PBX), octets) for number in range(3)]
    ended = made.advance(rounds)
    made._ledger.lost, world.lost = True, True
    while len(ended) < 3:
        slots.wait()
        ended += made.advance()
    assert [AuditLost] * 3 == [type(one.failed) for one in rounds]
    world.lost, stores.clock.time = False, stores.clock.time + 5
    assert [] == tries.out
    assert [Reason.OK] * 4 == [one.reason for one in made.run([asking(9 + n, PASSWORD, PBX) for n in range(4)])]


def test_who_waits_too_long_is_not_answered(world: Recorder, slots: HashSlots, stores: SqliteStores) -> None:
    """Its client has given up: the round fails, nothing is counted, and the next one is called."""
    tries = Few(1)
    made = judge(world, slots, stores, tries)
    rounds = [made.begin(asking(number, PASSWORD, PBX), octets) for number in range(3)]
    ended = made.advance(rounds)
    stores.clock.time += 60
    while len(ended) < 3:
        slots.wait()
        ended += made.advance()
    assert [PasswordsBusy] * 2 == [type(one.failed) for one in rounds[1:]]
    assert [] == tries.out
