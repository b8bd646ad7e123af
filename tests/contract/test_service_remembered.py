"""Logins with `passwords.remember`: which of them spare the hash, and which never do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from radius_mfa.auth.asks import Checked
from radius_mfa.auth.model import Account, Challenge, ClientPolicy, Dialogue, Reject
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.tries import TryLimits
from radius_mfa.backends.local import LocalPasswords, hash_password
from radius_mfa.backends.slots import HashSlots
from radius_mfa.ports import Remembered
from radius_mfa.service import Authenticator
from radius_mfa.store import accounts, shared, tokens
from radius_mfa.store.accounts import Changes
from radius_mfa.store.remembered import PasswordDigests, RememberedPasswords
from radius_mfa.store.tries import SharedTries
from tests.contract.judging import APPEND, CODE, PASSWORD, PBX, Recorder, asking, finish
from tests.contract.stores import SqliteStores

LIFETIME = 300.0
OTHER_HASH = hash_password("another")


class Counted(LocalPasswords):
    """Local passwords, and how many were hashed."""

    def __init__(self, remembered: Remembered) -> None:
        super().__init__(remembered)
        self.hashes = 0

    def check(self, account: Account | None, name: str, password: bytes, rhost: str) -> Checked:
        self.hashes += 1
        return super().check(account, name, password, rhost)


class Desk:
    """One worker that remembers passwords, and its numbers."""

    def __init__(self, stores: SqliteStores, world: Recorder, slots: HashSlots, path: Path) -> None:
        shared.create(str(path), 1, 1, ["pbx"], os.urandom(32))
        self.tries = SharedTries(str(path), 0, TryLimits())
        remembered = RememberedPasswords(PasswordDigests(os.urandom), LIFETIME, stores.clock)
        self.backend = Counted(remembered)
        self.authenticator = Authenticator(
            Rules(), world, {"local": self.backend}, slots, world, stores.clock, os.urandom, self.tries,  # type: ignore[arg-type]
            remembered=remembered,
        )  # fmt: skip
        self._numbers = iter(range(1, 1000))

    def log_in(
        self, password: str = PASSWORD, client: ClientPolicy = PBX, **facts: object
    ) -> tuple[Reason, int]:  # fmt: skip
        """How a first round ends, and how many hashes it took."""
        before = self.backend.hashes
        verdict = self.authenticator.run([asking(next(self._numbers), password, client, **facts)])[0]
        return verdict.reason, self.backend.hashes - before


@pytest.fixture
def desk(stores: SqliteStores, world: Recorder, slots: HashSlots, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(stores, world, slots, tmp_path / "shared")
    yield made
    made.tries.close()


def test_a_right_password_is_hashed_once(desk: Desk) -> None:
    """The second login with it is answered without a slot, by the same challenge."""
    assert [(Reason.OK, 1), (Reason.OK, 0), (Reason.OK, 0)] == [desk.log_in() for _ in range(3)]


def test_it_is_answered_in_the_same_turn(desk: Desk) -> None:
    """advance() brings the verdict at once: nothing waits for a thread."""
    desk.log_in()
    begun = desk.authenticator.begin(asking(500, PASSWORD, PBX))
    assert [begun] == desk.authenticator.advance([begun])
    assert isinstance(begun.verdict, Challenge)


def test_password_and_code_in_one_field_spare_the_hash_too(desk: Desk) -> None:
    """The code is judged as ever: it is taken once, also behind a remembered password."""
    desk.log_in()
    assert (Reason.OK, 0) == desk.log_in(PASSWORD + CODE, client=APPEND)
    assert (Reason.STALE_CODE, 0) == desk.log_in(PASSWORD + CODE, client=APPEND)


def test_a_wrong_password_costs_what_it_cost(desk: Desk) -> None:
    """One hash each, and it counts, before and after the right one was remembered; so does an unknown name."""
    assert (Reason.WRONG_PASSWORD, 1) == desk.log_in("wrong")
    desk.log_in()
    assert (Reason.WRONG_PASSWORD, 1) == desk.log_in("wrong")
    assert (Reason.UNKNOWN_ACCOUNT, 1) == desk.log_in(name=b"nobody")
    assert [(Reason.WRONG_PASSWORD, 1)] * 3 == [desk.log_in("wrong") for _ in range(3)]
    assert Reason.THROTTLED is desk.log_in("wrong")[0]


def test_a_wrong_password_is_not_remembered(desk: Desk) -> None:
    """However often it comes."""
    assert [(Reason.WRONG_PASSWORD, 1)] * 3 == [desk.log_in("wrong") for _ in range(3)]


def test_while_throttled_the_remembered_password_is_wrong_like_any_other(desk: Desk) -> None:
    """Nobody finds out by it whether a guess was right, not even by how long the answer takes."""
    desk.log_in(calling_station="192.0.2.1")
    for _ in range(5):
        desk.log_in("wrong", calling_station="192.0.2.66")
    assert (Reason.THROTTLED, 1) == desk.log_in(calling_station="192.0.2.66")
    assert (Reason.OK, 0) == desk.log_in(calling_station="192.0.2.1")


def test_it_takes_no_try(desk: Desk) -> None:
    """So many logins with the right password at once leave all tries for others."""
    desk.log_in()
    rounds = [desk.authenticator.begin(asking(number, PASSWORD, PBX)) for number in range(500, 564)]
    ended = desk.authenticator.advance(rounds)
    assert 64 == sum(isinstance(one.verdict, Challenge) for one in ended)
    assert (Reason.WRONG_PASSWORD, 1) == desk.log_in("wrong")


def test_after_its_time_it_is_hashed_again(desk: Desk, stores: SqliteStores) -> None:
    """Five minutes from the hash, not from the last login."""
    desk.log_in()
    stores.clock.time += LIFETIME - 1
    assert (Reason.OK, 0) == desk.log_in()
    stores.clock.time += 1
    assert [(Reason.OK, 1), (Reason.OK, 0)] == [desk.log_in(), desk.log_in()]


def _lock(stores: SqliteStores) -> None:
    stores.edit("UPDATE account SET locked_until = ?, epoch = epoch + 1", stores.clock.time + 10)


def _disable_and_enable(stores: SqliteStores) -> None:
    accounts.disable(stores.database, "alice")
    accounts.enable(stores.database, "alice")


CHANGES: dict[str, Callable[[SqliteStores], object]] = {
    "password": lambda stores: accounts.set_password_hash(stores.database, "alice", OTHER_HASH),
    "mail": lambda stores: accounts.change(stores.database, "alice", Changes(mail="b@example.com")),
    "groups": lambda stores: accounts.change(stores.database, "alice", Changes(groups=frozenset({"new"}))),
    "disable and enable": _disable_and_enable,
    "unlock": lambda stores: accounts.unlock(stores.database, "alice"),
    "lock": _lock,
    "reset": lambda stores: tokens.reset(stores.database, "alice"),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_ends_an_epoch_ends_what_is_remembered(desk: Desk, stores: SqliteStores, change: str) -> None:
    """The next login with the same password pays for its hash again."""
    desk.log_in()
    assert 0 == desk.log_in()[1]
    CHANGES[change](stores)
    assert 1 == desk.log_in()[1]


def test_another_stored_hash_of_the_same_epoch_ends_it_too(desk: Desk, stores: SqliteStores, world: Recorder) -> None:
    """Whatever has written it there: the password is checked against the one that stands there now."""
    desk.log_in()
    asked = world.load_all
    world.load_all = lambda names: [  # type: ignore[method-assign]
        replace(account, password_hash=OTHER_HASH) if account else None for account in asked(names)
    ]
    assert (Reason.WRONG_PASSWORD, 1) == desk.log_in()


def test_a_disabled_account_is_refused_all_the_same(desk: Desk, stores: SqliteStores) -> None:
    """A remembered password is a right one and nothing more."""
    desk.log_in()
    stores.edit("UPDATE account SET disabled = 1")
    assert (Reason.DISABLED, 0) == desk.log_in()


def test_who_may_not_use_the_client_is_refused_all_the_same(desk: Desk) -> None:
    """The groups of the client are looked at after it."""
    desk.log_in()
    client = replace(PBX, groups=frozenset({"admins"}))
    assert (Reason.NOT_ALLOWED, 0) == desk.log_in(client=client)


def test_without_remembering_each_login_is_hashed(service_of: Authenticator, slots: HashSlots) -> None:
    """`off`, the default: a second login waits for a slot like the first."""
    assert not isinstance(service_of.run([asking(1, PASSWORD, PBX)])[0], Reject)
    begun = service_of.begin(asking(2, PASSWORD, PBX))
    assert [] == service_of.advance([begun])
    slots.wait()
    assert [begun] == service_of.advance()


def test_guesses_in_one_turn_are_no_more_than_in_many(desk: Desk, slots: HashSlots) -> None:
    """Of a crowd that comes at once from elsewhere, those beyond the limit are not even looked up."""
    desk.log_in(calling_station="192.0.2.1")
    guesses = [*["wrong"] * 10, PASSWORD]
    rounds = [
        desk.authenticator.begin(asking(500 + number, guess, PBX, calling_station="192.0.2.66"))
        for number, guess in enumerate(guesses)
    ]
    finish(desk.authenticator, slots, rounds)
    reasons = [one.verdict.reason for one in rounds if one.verdict]
    assert [Reason.WRONG_PASSWORD] * 5 == reasons[:5]
    assert [Reason.THROTTLED] * 6 == reasons[5:]


def test_a_right_password_among_few_wrong_ones_is_remembered(desk: Desk, slots: HashSlots) -> None:
    """Each round of a turn is looked up in its own place."""
    desk.log_in()
    before = desk.backend.hashes
    rounds = [desk.authenticator.begin(asking(500 + n, field, PBX)) for n, field in enumerate(["x", PASSWORD, "y"])]
    finish(desk.authenticator, slots, rounds)
    assert [Reason.WRONG_PASSWORD, Reason.OK, Reason.WRONG_PASSWORD] == [
        one.verdict.reason for one in rounds if one.verdict
    ]
    assert 2 == desk.backend.hashes - before


def test_both_readings_of_a_field_are_looked_up(desk: Desk) -> None:
    """Where the whole field may be the password as well, the one that is right is found."""
    both = replace(PBX, dialogue=Dialogue.BOTH)
    desk.log_in()
    assert (Reason.OK, 0) == desk.log_in(client=both)
    assert (Reason.OK, 0) == desk.log_in(PASSWORD + CODE, client=both)
    assert (Reason.WRONG_PASSWORD, 2) == desk.log_in("wrong123456", client=both)


def test_a_lookup_that_fails_denies(desk: Desk, stores: SqliteStores, caplog: pytest.LogCaptureFixture) -> None:
    """One round is a Reject, and the others of its turn go on."""
    desk.log_in()
    asked = desk.tries.room

    def room(account: str, place: str, at: float) -> bool:
        if not asked(account, place, at):
            raise KeyError
        return True

    desk.tries.room = room  # type: ignore[method-assign]
    for _ in range(5):
        desk.log_in("wrong", calling_station="192.0.2.66")
    requests = [asking(500, PASSWORD, PBX, calling_station="192.0.2.66"), asking(501, PASSWORD, PBX)]
    assert [Reason.INTERNAL, Reason.OK] == [verdict.reason for verdict in desk.authenticator.run(requests)]
