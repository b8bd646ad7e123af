"""Remembered passwords: right ones alone, for a while, of the account as it was, and for all processes of one start."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from radius_mfa.auth.model import Account
from radius_mfa.store import remembered
from radius_mfa.store.remembered import PLACES, PasswordDigests, RememberedPasswords
from tests.contract.stores import SetClock

ALICE = Account(7, "alice", password_hash="$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", epoch=3)
PASSWORD = b"correct horse"
LIFETIME = 300.0


class Shown(PasswordDigests):
    """With its memory where a test can reach it."""

    @property
    def octets(self) -> bytes:
        return bytes(self._places)

    def flip(self, offset: int) -> None:
        self._places[offset] ^= 1


@pytest.fixture
def clock() -> SetClock:
    return SetClock(1000.0)


@pytest.fixture
def digests() -> Shown:
    return Shown(os.urandom)


@pytest.fixture
def passwords(digests: Shown, clock: SetClock) -> RememberedPasswords:
    return RememberedPasswords(digests, LIFETIME, clock)


def test_a_password_that_was_kept_is_remembered(passwords: RememberedPasswords) -> None:
    """Before that it is not."""
    assert not passwords.has(ALICE, PASSWORD)
    passwords.keep(ALICE, PASSWORD)
    assert passwords.has(ALICE, PASSWORD)


@pytest.mark.parametrize(
    ("account", "password"),
    [
        (ALICE, PASSWORD[:-1]),
        (ALICE, PASSWORD + b"\0"),
        (ALICE, b""),
        (replace(ALICE, epoch=4), PASSWORD),
        (replace(ALICE, id=8), PASSWORD),
        (replace(ALICE, id=7 + PLACES), PASSWORD),
        (replace(ALICE, password_hash=None), PASSWORD),
        (replace(ALICE, password_hash="$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$b3RoZXJoYXNo"), PASSWORD),
    ],
    ids=["shorter", "longer", "empty", "epoch", "account", "account of the same place", "no hash", "hash"],
)
def test_nothing_else_is(passwords: RememberedPasswords, account: Account, password: bytes) -> None:
    """Another password, account, epoch or stored hash is not what was kept."""
    passwords.keep(ALICE, PASSWORD)
    assert not passwords.has(account, password)


def test_hash_and_password_do_not_run_together(passwords: RememberedPasswords) -> None:
    """What ends one cannot begin the other."""
    passwords.keep(replace(ALICE, password_hash="hash"), b"password")
    assert not passwords.has(replace(ALICE, password_hash="hashpass"), b"word")


def test_it_is_forgotten_in_time_however_often_it_is_used(passwords: RememberedPasswords, clock: SetClock) -> None:
    """The time runs from the check in full."""
    passwords.keep(ALICE, PASSWORD)
    for second in (0.0, 100.0, 299.9):
        clock.time = 1000.0 + second
        assert passwords.has(ALICE, PASSWORD)
    clock.time = 1300.0
    assert not passwords.has(ALICE, PASSWORD)


def test_a_shorter_time_holds_for_what_was_kept_before(digests: Shown, clock: SetClock) -> None:
    """A reload with another duration judges by its own."""
    RememberedPasswords(digests, LIFETIME, clock).keep(ALICE, PASSWORD)
    clock.time += 60.0
    assert RememberedPasswords(digests, 61.0, clock).has(ALICE, PASSWORD)
    assert not RememberedPasswords(digests, 60.0, clock).has(ALICE, PASSWORD)


def test_the_later_of_two_accounts_has_their_place(passwords: RememberedPasswords) -> None:
    """Accounts whose ids are so far apart share one, and never each other's password."""
    other = replace(ALICE, id=7 + PLACES)
    passwords.keep(ALICE, PASSWORD)
    passwords.keep(other, b"another")
    assert [False, True] == [passwords.has(ALICE, PASSWORD), passwords.has(other, b"another")]


def test_a_torn_write_is_not_remembered(digests: Shown, passwords: RememberedPasswords) -> None:
    """Whatever octet of a place is another one, the time included, nobody gets in by it."""
    passwords.keep(ALICE, PASSWORD)
    size = len(digests.octets) // PLACES
    for offset in range(ALICE.id * size, (ALICE.id + 1) * size):
        digests.flip(offset)
        assert not passwords.has(ALICE, PASSWORD), offset
        digests.flip(offset)
    assert passwords.has(ALICE, PASSWORD)


def test_the_memory_holds_no_password_and_does_not_grow(digests: Shown, passwords: RememberedPasswords) -> None:
    """Four MiB, with keyed digests in them."""
    for number in range(1000):
        passwords.keep(replace(ALICE, id=number * 977), PASSWORD)
    assert PASSWORD not in digests.octets
    assert 4 << 20 == len(digests.octets)


def test_another_start_remembers_nothing(digests: Shown, passwords: RememberedPasswords, clock: SetClock) -> None:
    """Not even with the same memory: its key is another."""
    passwords.keep(ALICE, PASSWORD)
    later = Shown(os.urandom)
    for offset, octet in enumerate(digests.octets[: 16 * 32]):
        later._places[offset] = octet
    assert not RememberedPasswords(later, LIFETIME, clock).has(ALICE, PASSWORD)


def in_a_child(work: Callable[[], bool]) -> bool:
    """What `work` gives in a process that is forked for it."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if work() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_what_one_process_keeps_the_others_remember(passwords: RememberedPasswords) -> None:
    """Both ways, for those that were forked after the memory was made."""

    def keep() -> bool:
        passwords.keep(ALICE, PASSWORD)
        return True

    assert in_a_child(keep)
    assert passwords.has(ALICE, PASSWORD)
    assert in_a_child(lambda: passwords.has(ALICE, PASSWORD))


def test_the_time_of_a_check_is_no_number(digests: Shown) -> None:
    """A place may hold anything: what is not our digest of it counts for nothing."""
    digests._places[ALICE.id * remembered._PLACE.size : (ALICE.id + 1) * remembered._PLACE.size] = b"\xff" * 32
    assert digests.since(ALICE, PASSWORD) is None
