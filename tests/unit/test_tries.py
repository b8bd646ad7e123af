"""Wrong passwords: buckets that fill, places that are known, clocks that step back."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.auth import tries
from radius_mfa.auth.tries import EMPTY, Bucket, TryLimits, account_key
from tests.unit.driving import NOW

LIMITS = TryLimits(after=3, account=5, window=100.0, known_every=5.0, known=2)
HOME = "home"
Taken = list[tuple[tuple[int, str], Bucket, Bucket]]


@dataclass
class Daemon:
    """Processes that count by the laws alone, each in buckets of its own. The account is known from HOME."""

    processes: int = 2
    buckets: dict[tuple[int, str], Bucket] = field(default_factory=lambda: defaultdict(lambda: EMPTY))

    def total(self, name: str, at: float) -> Bucket:
        whole = EMPTY
        for process in range(self.processes):
            whole = tries.joined(whole, self.buckets[process, name], at, LIMITS.window)
        return whole

    def take(self, process: int, place: str, at: float) -> Taken | None:
        here, everywhere = self.total(place, at), self.total("", at)
        if tries.admits(here, everywhere, LIMITS):
            return [self.count(process, place, here, at), self.count(process, "", everywhere, at)]
        known = self.total("known " + place, at)
        if place != HOME or not tries.admits_known(known, at, LIMITS):
            return None
        return [self.count(process, "known " + place, known, at)]

    def count(self, process: int, name: str, whole: Bucket, at: float) -> tuple[tuple[int, str], Bucket, Bucket]:
        before = self.buckets[process, name]
        after = self.buckets[process, name] = tries.counted(before, whole, at, LIMITS.window)
        return (process, name), after, before

    def give_back(self, taken: Taken) -> None:
        for where, after, before in taken:
            self.buckets[where] = tries.given_back(self.buckets[where], after, before)

    def spend(self, taken: Taken) -> None:
        for where, after, _ in taken:
            self.buckets[where] = tries.spent(self.buckets[where], after)


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([HOME, "elsewhere", "far"]), st.floats(0, 40), st.booleans()),
    max_size=80,
)


@given(STEPS)
def test_no_window_has_more_tries_than_the_limits(steps: list[tuple[int, str, float, bool]]) -> None:
    """Over any order, places and processes: what is not given back keeps within the limits of each window."""
    daemon, at = Daemon(3), NOW
    counted: Counter[tuple[str, float]] = Counter()
    for process, place, wait, right in steps:
        at += wait
        taken = daemon.take(process, place, at)
        if taken is None:
            continue
        if right:
            daemon.give_back(taken)
            continue
        for (_, name), after, _ in taken:
            counted[name, after.started] += 1
    for (name, _), times in counted.items():
        if not name.startswith("known"):
            assert times <= (LIMITS.after if name else LIMITS.account)


@given(STEPS)
def test_windows_of_all_processes_are_one(steps: list[tuple[int, str, float, bool]]) -> None:
    """Windows of one bucket do not overlap, whichever process counts: a new one starts when the old one is over."""
    daemon, at = Daemon(3), NOW
    starts: dict[str, float] = {}
    for process, place, wait, _ in steps:
        at += wait
        for (_, name), after, _ in daemon.take(process, place, at) or []:
            before = starts.get(name, after.started)
            assert after.started == before or after.started >= before + LIMITS.window
            starts[name] = after.started


@given(STEPS)
def test_a_known_place_has_a_try_every_few_seconds(steps: list[tuple[int, str, float, bool]]) -> None:
    """Whatever happened, and from wherever: known_every seconds after its last try there is another."""
    daemon, at = Daemon(3), NOW
    for process, place, wait, _ in steps:
        at += wait
        daemon.take(process, place, at)
    assert daemon.take(0, HOME, at + LIMITS.known_every) is not None
    assert daemon.take(1, HOME, at + 2 * LIMITS.known_every) is not None


@given(STEPS)
def test_what_is_given_back_was_never_there(steps: list[tuple[int, str, float, bool]]) -> None:
    """Right passwords alone, however many and from wherever, are all looked at."""
    daemon, at = Daemon(3), NOW
    for process, place, wait, _ in steps:
        at += wait
        taken = daemon.take(process, place, at)
        assert taken is not None
        daemon.give_back(taken)


def taken(daemon: Daemon, place: str, times: int, at: float = NOW) -> int:
    """How many of so many tries at once are admitted."""
    return sum(daemon.take(number % 2, place, at) is not None for number in range(times))


def test_a_place_and_an_account_have_limits_of_their_own() -> None:
    """One place gets `after` tries, all places together `account`; two processes count as one."""
    daemon = Daemon()
    assert [3, 2, 0] == [taken(daemon, place, 10) for place in ("one", "two", "three")]


def test_a_refused_try_is_not_counted() -> None:
    """A flood does not make the window longer."""
    daemon = Daemon()
    taken(daemon, "one", 10)
    taken(daemon, "one", 10, NOW + 99)
    assert (0, 3) == (taken(daemon, "one", 3, NOW + 99.9), taken(daemon, "one", 10, NOW + 100))


def test_a_known_place_has_a_bucket_of_its_own() -> None:
    """Past the limits it has `known` tries, then one every few seconds; and those burden nobody else."""
    daemon = Daemon()
    assert 5 == taken(daemon, "one", 9) + taken(daemon, "two", 9)
    before = daemon.total("", NOW)
    assert 2 == taken(daemon, HOME, 9)
    assert [0, 1, 0, 1] == [taken(daemon, HOME, 9, NOW + later) for later in (4.9, 5, 9.9, 10)]
    assert before == daemon.total("", NOW + 10)


def test_a_right_password_from_a_known_place_keeps_nobody_waiting() -> None:
    """When it is given back, the next try is as near as it was before."""
    daemon = Daemon()
    taken(daemon, "one", 9), taken(daemon, "two", 9), taken(daemon, HOME, 9)
    one = daemon.take(0, HOME, NOW + 20)
    assert one is not None
    daemon.give_back(one)
    assert daemon.take(0, HOME, NOW + 20.1) is not None


def test_a_try_of_a_window_that_is_over_is_not_given_back_to_the_next() -> None:
    """A password that takes long enough does not open the window that began since."""
    daemon = Daemon()
    late = daemon.take(0, "one", NOW)
    assert late is not None
    taken(daemon, "one", 3, NOW + 100)
    daemon.give_back(late)
    assert 0 == taken(daemon, "one", 1, NOW + 101)


@pytest.mark.parametrize("back", [1.0, 99.0, 100.0, 1e9])
def test_a_clock_set_back_frees_nobody_and_keeps_known_places_going(back: float) -> None:
    """A bucket of the future is still full; the place the account is known from soon has a try every few seconds."""
    daemon = Daemon()
    taken(daemon, "one", 9), taken(daemon, "two", 9), taken(daemon, HOME, 9)
    at = NOW - back
    assert [0, 0] == [taken(daemon, place, 3, at) for place in ("one", "three")]
    first, *later = (taken(daemon, HOME, 3, at + 5.1 * turn) for turn in range(2, 6))
    assert 1 >= first
    assert [1, 1, 1] == later


def test_the_end_of_the_throttle_is_that_of_the_window() -> None:
    """`until` is told once the account's bucket is full."""
    assert 0.0 == tries.throttled_until(Bucket(NOW, NOW + 9, 4), LIMITS)
    assert NOW + 100 == tries.throttled_until(Bucket(NOW, NOW + 9, 5), LIMITS)


def test_an_account_has_another_key_in_another_epoch() -> None:
    """`user unlock` and a new password need write nothing down to give fresh tries."""
    assert 3 == len({account_key("alice", 1), account_key("alice", 11), account_key("alice1", 1)})


def test_a_try_that_comes_back_after_others_is_one_less() -> None:
    """The first of two, given back last or first, leaves one; one of a window that began since is left alone."""
    first, second = Bucket(NOW, NOW, 1), Bucket(NOW, NOW + 1, 2)
    assert Bucket(NOW, NOW + 1, 1) == tries.given_back(second, first, EMPTY)
    assert first == tries.given_back(second, second, first)
    later = Bucket(NOW + 200, NOW + 200, 1)
    assert later == tries.given_back(later, first, EMPTY)


@given(STEPS, st.randoms(use_true_random=False))
def test_nothing_stays_in_use(steps: list[tuple[int, str, float, bool]], chance: Random) -> None:
    """Once every try is given back or spent, in whatever order, nobody waits for another process."""
    daemon, at = Daemon(3), NOW
    out: list[tuple[Taken, bool]] = []
    for process, place, wait, right in steps:
        at += wait
        if (taken := daemon.take(process, place, at)) is not None:
            out.append((taken, right))
    chance.shuffle(out)
    for taken, right in out:
        (daemon.give_back if right else daemon.spend)(taken)
    assert {0} >= {daemon.total(name, at).in_use for _, name in list(daemon.buckets)}


def test_what_others_have_in_use_may_come_back_for_a_moment() -> None:
    """Not what the process itself has; and a process that was killed gives nothing back."""
    one, two = Bucket(NOW, NOW, 1, 1), Bucket(NOW, NOW, 2, 2)
    assert tries.may_come_back(one, two, NOW)
    assert tries.may_come_back(EMPTY, one, NOW + tries.IN_USE - 0.1)
    assert not tries.may_come_back(one, one, NOW)
    assert not tries.may_come_back(EMPTY, one, NOW + tries.IN_USE)
