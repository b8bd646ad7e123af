"""DB.shared: wrong passwords, counted by several processes and seen by all."""

from __future__ import annotations

import os
import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.auth.tries import TryLimits, account_key
from radius_mfa.store.shared import SLOT, SLOTS, create
from radius_mfa.store.tries import AccountTries, SharedTries, tries_of
from tests.unit.driving import NOW

KEY = bytes(range(32))
LIMITS = TryLimits()
ALICE = account_key("alice", 3)
OFFICE, ELSEWHERE = "radius\0pbx\x00192.0.2.7", "radius\0pbx\x00192.0.2.66"


@pytest.fixture
def path(tmp_path: Path) -> str:
    made = str(tmp_path / "DB.shared")
    create(made, 1, 2, ["pbx"], KEY)
    return made


Open = Callable[[int], SharedTries]


@pytest.fixture
def opened(path: str) -> Iterator[Open]:
    """The tries of a process, closed in the end."""
    made: list[SharedTries] = []

    def one(process: int) -> SharedTries:
        made.append(SharedTries(path, process, LIMITS))
        return made[-1]

    yield one
    for tries in made:
        tries.close()


def taken(tries: SharedTries, times: int, place: str = ELSEWHERE, at: float = NOW, account: str = ALICE) -> int:
    """How many of so many tries are admitted, from a place the account is known from if it is the office."""
    return sum(tries.take(account, place, at, lambda: place == OFFICE) is not None for _ in range(times))


def in_a_process(work: Callable[[], int]) -> int:
    """The exit status of a process that does this work."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            status = work()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_two_processes_count_as_one(path: str) -> None:
    """What one process has counted leaves that much less for another; a third may read it, and nothing is locked."""

    def some(process: int, times: int) -> int:
        return in_a_process(lambda: taken(SharedTries(path, process, LIMITS), times))

    assert [3, 2, 0, 0] == [some(0, 3), some(1, 9), some(0, 9), some(1, 9)]
    assert AccountTries(5, 0.0) == tries_of(path, ALICE, NOW, LIMITS)


def test_processes_that_try_at_the_same_time_share_the_limits(path: str) -> None:
    """Two processes at once admit no more than the limit, but for what they had not seen of each other yet."""
    ready, go = os.pipe()

    def flood(process: int) -> int:
        tries = SharedTries(path, process, LIMITS)
        os.read(ready, 1)
        return sum(taken(tries, 3, str(place)) for place in range(40))

    children = []
    for process in range(2):
        child = os.fork()
        if child == 0:
            os._exit(flood(process))
        children.append(child)
    os.write(go, b"12")
    counts = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert 20 <= sum(counts) <= 21
    assert sum(counts) == tries_of(path, ALICE, NOW, LIMITS).wrong
    os.close(ready)
    os.close(go)


def test_an_account_is_throttled_until_its_window_is_over(path: str, opened: Open) -> None:
    """From however many places: 20 are looked at, and the reader says until when no others are."""
    tries = opened(0)
    assert 20 == sum(taken(tries, 1, f"place {number}", NOW + number) for number in range(50))
    assert AccountTries(20, NOW + 600) == tries_of(path, ALICE, NOW + 50, LIMITS)
    assert AccountTries() == tries_of(path, ALICE, NOW + 600, LIMITS)
    assert 1 == taken(tries, 1, at=NOW + 600)


def test_a_place_the_account_is_known_from_goes_on(opened: Open) -> None:
    """Ten more, then one every five seconds, over both processes; whether it is known is asked only then."""
    first, second = opened(0), opened(1)
    assert 5 == taken(first, 5, OFFICE)
    assert 10 == taken(first, 4, OFFICE) + taken(second, 20, OFFICE)
    assert [0, 1, 0] == [taken(first, 2, OFFICE, NOW + later) for later in (4.9, 5.0, 9.9)]

    def asked() -> bool:
        pytest.fail("nobody has to know")

    assert second.take(account_key("bob", 1), OFFICE, NOW, asked) is not None


def test_a_try_that_is_given_back_was_none(path: str, opened: Open) -> None:
    """Right passwords fill nothing, however many there are."""
    tries = opened(0)
    for number in range(1000):
        one = tries.take(ALICE, OFFICE, NOW + number, lambda: False)
        assert one is not None
        tries.give_back(one)
    assert AccountTries() == tries_of(path, ALICE, NOW + 1000, LIMITS)


def test_another_epoch_begins_with_fresh_tries(path: str, opened: Open) -> None:
    """After `user unlock` or a new password nothing of before counts."""
    tries = opened(0)
    assert 5 == taken(tries, 9)
    assert 5 == taken(tries, 9, account=account_key("alice", 4))
    assert 0 == taken(tries, 9)


def test_a_table_stays_as_large_as_it_is(path: str, opened: Open) -> None:
    """A dozen buckets for each slot take no more room than none, and push out nobody who has used up the tries."""
    size = Path(path).stat().st_size
    tries = opened(0)
    sum(taken(tries, 1, str(place)) for place in range(20))
    for number in range(6 * SLOTS):  # each has a bucket for the account and one for the place
        tries.take(f"user{number}", "", NOW + number / 400, lambda: False)
    assert size == Path(path).stat().st_size
    assert 0 == taken(tries, 9, at=NOW + 500)
    assert AccountTries(20, NOW + 600) == tries_of(path, ALICE, NOW + 500, LIMITS)


def test_who_has_no_room_makes_it_for_the_next(path: str, opened: Open) -> None:
    """Where all slots of a set have the same count, the oldest goes."""
    tries = opened(0)
    for number in range(SLOTS):
        taken(tries, 1, "", NOW + number / 1000, f"user{number}")
    left = [tries_of(path, f"user{number}", NOW + 33, LIMITS).wrong for number in range(0, SLOTS, 64)]
    assert [1] * 32 == left[-32:]
    assert sum(left[:256]) < sum(left[256:])


def test_what_is_given_back_after_it_made_room_takes_from_nobody(path: str, opened: Open) -> None:
    """A password may take so long that its slot is another account's by then."""
    tries = opened(0)
    late = tries.take(ALICE, ELSEWHERE, NOW, lambda: False)
    assert late is not None
    for number in range(SLOTS):
        after = f"user{number}"
        taken(tries, 2, account=after)
        if not tries_of(path, ALICE, NOW, LIMITS).wrong:
            break
    tries.give_back(late)
    assert AccountTries(2, 0.0) == tries_of(path, after, NOW, LIMITS)
    assert 3 == taken(tries, 9, account=after)


def test_a_reload_keeps_the_tries_and_a_restart_forgets_them(path: str, opened: Open) -> None:
    """The key of the start decides: with the same, tables are carried over, whatever clients there are now."""
    opened(0)
    assert 5 == taken(opened(0), 3) + taken(opened(1), 3)
    create(path, 1, 2, ["another", "pbx"], KEY)
    assert AccountTries(5, 0.0) == tries_of(path, ALICE, NOW, LIMITS)
    assert 0 == taken(opened(1), 9)
    create(path, 1, 3, ["pbx"], KEY)
    assert AccountTries() == tries_of(path, ALICE, NOW, LIMITS)
    assert 5 == taken(opened(2), 9)
    create(path, 1, 3, ["pbx"], KEY[::-1])
    assert not any(Path(path).read_bytes()[-3 * SLOTS * SLOT.size :])


def test_what_another_process_has_in_use_may_come_back(path: str, opened: Open) -> None:
    """Until it is said whether the password was right; not what the process itself has, and not for ever."""
    one, other = opened(0), opened(1)
    in_use = [one.take(ALICE, OFFICE, NOW, lambda: True) for _ in range(5)]
    assert [True, False] == [tries.may_come_back(ALICE, OFFICE, NOW) for tries in (other, one)]
    assert [True, False] == [other.may_come_back(ALICE, OFFICE, NOW + later) for later in (4.9, 5.0)]
    for each in in_use:
        one.spend(each)
    assert not other.may_come_back(ALICE, OFFICE, NOW)
    as_known = one.take(ALICE, OFFICE, NOW, lambda: True)
    assert [True, False] == [other.may_come_back(ALICE, place, NOW) for place in (OFFICE, ELSEWHERE)]
    one.give_back(as_known)
    assert not other.may_come_back(ALICE, OFFICE, NOW)
    assert AccountTries(5, 0.0) == tries_of(path, ALICE, NOW, LIMITS)


def test_a_try_of_before_a_reload_is_given_back_after_it(path: str, opened: Open) -> None:
    """Where nothing else has changed, both generations count in the same file."""
    old = opened(0)
    right = old.take(ALICE, OFFICE, NOW, lambda: False)
    assert right is not None
    create(path, 1, 2, ["pbx"], KEY)
    assert 4 == taken(opened(0), 4)
    old.give_back(right)
    assert AccountTries(4, 0.0) == tries_of(path, ALICE, NOW, LIMITS)


def test_who_reads_the_file_learns_no_names(path: str, opened: Open) -> None:
    """Neither accounts nor places stand in it, and without its key nothing can be looked up."""
    taken(opened(0), 3)
    data = Path(path).read_bytes()
    assert not [text for text in (b"alice", b"192.0.2") if text in data]


@pytest.mark.parametrize("seed", range(20))
def test_a_slot_that_is_half_written_is_a_miscount(path: str, opened: Open, seed: int) -> None:
    """Whatever octets another process's slots hold for a moment: an answer, and with the next window the right one."""
    numbers = random.Random(seed)
    other, tries = opened(1), opened(0)
    assert 5 == taken(other, 5)
    data = bytearray(Path(path).read_bytes())
    start = len(data) - SLOTS * SLOT.size
    for offset in range(start, len(data), SLOT.size):
        if any(data[offset : offset + SLOT.size]):
            cut = numbers.randrange(16, SLOT.size)
            data[offset + cut : offset + SLOT.size] = numbers.randbytes(SLOT.size - cut)
    Path(path).write_bytes(data)
    assert 0 <= taken(tries, 9) <= 5
    assert 0 <= tries_of(path, ALICE, NOW, LIMITS).wrong
    assert 0 <= taken(tries, 9, OFFICE) <= 15


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -1.0, 0.0])
def test_no_number_in_a_slot_breaks_a_round(path: str, opened: Open, value: float) -> None:
    """Times that are none and counts past all counting: a try is admitted or not."""
    tries = opened(0)
    assert 3 == taken(tries, 3)
    data = bytearray(Path(path).read_bytes())
    for offset in range(len(data) - 2 * SLOTS * SLOT.size, len(data), SLOT.size):
        if any(data[offset : offset + SLOT.size]):
            struct.pack_into("=ddQ", data, offset + 16, value, value, 2**64 - 1)
    Path(path).write_bytes(data)
    assert taken(tries, 9) in {0, 5}
    assert taken(tries, 9, OFFICE) <= 15


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    """The reader of a host where no server has run yet, or of another version's file, is told nothing."""
    assert AccountTries() == tries_of(str(tmp_path / "none"), ALICE, NOW, LIMITS)
    (tmp_path / "other").write_bytes(b"rmfa-shm" + bytes(500))
    assert AccountTries() == tries_of(str(tmp_path / "other"), ALICE, NOW, LIMITS)


@given(st.lists(st.tuples(st.sampled_from([OFFICE, ELSEWHERE]), st.integers(0, 1), st.booleans()), max_size=60))
def test_there_is_room_where_anybody_could_take_a_try(steps: list[tuple[str, int, bool]]) -> None:
    """At every step the same answer as that of a try of somebody unknown, and nothing is taken by asking."""
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/DB.shared"
        create(path, 1, 2, ["pbx"], KEY)
        both = [SharedTries(path, process, LIMITS) for process in (0, 1)]
        for place, process, right in steps:
            room = [tries.room(ALICE, place, NOW) for tries in (*both, *both)]
            tried = both[process].take(ALICE, place, NOW, lambda: False)
            assert {tried is not None} == set(room)
            if tried is not None and right:
                both[process].give_back(tried)
        for tries in both:
            tries.close()
