"""Hash slots: bounded, fair, and never blocking whoever submits."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Iterator

import pytest

from radius_mfa.backends.slots import HashSlots
from radius_mfa.errors import PasswordsBusy

NEVER = 1e9


class FrozenClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def make(clock: FrozenClock) -> Iterator[Callable[[int, int], HashSlots]]:
    made: list[HashSlots] = []

    def build(threads: int, queue: int) -> HashSlots:
        made.append(HashSlots(threads, queue, clock))
        return made[-1]

    yield build
    for slots in made:
        slots.close()


class Gate:
    """Work that says when it has begun and waits to be let go."""

    def __init__(self) -> None:
        self.began = threading.Semaphore(0)
        self.go = threading.Event()
        self.order: list[str] = []

    def work(self, name: str) -> Callable[[], str]:
        def run() -> str:
            self.order.append(name)
            self.began.release()
            self.go.wait()
            return name

        return run


def collect(slots: HashSlots, count: int) -> dict[object, object]:
    done: dict[object, object] = {}
    while len(done) < count:
        slots.wait()
        done |= {one.key: one.error or one.answer for one in slots.finished()}
    return done


def test_answers_and_errors_come_back_under_their_keys(make: Callable[[int, int], HashSlots]) -> None:
    """What the work returned or raised is fetched with the key it was submitted under."""
    slots = make(2, 8)
    slots.submit("a", "pbx", lambda: 7, NEVER)
    slots.submit("b", "pbx", lambda: 1 // 0, NEVER)
    done = collect(slots, 2)
    assert 7 == done["a"]
    assert isinstance(done["b"], ZeroDivisionError)
    assert 0 == slots.pending


def test_a_full_queue_refuses_at_once(make: Callable[[int, int], HashSlots]) -> None:
    """Beyond the bound nothing waits: the submitter is told so and goes on."""
    slots, gate = make(1, 4), Gate()
    slots.submit(0, "running", gate.work("r"), NEVER)
    assert gate.began.acquire(timeout=10)
    for number, client in enumerate(["a", "a", "b", "b"]):
        slots.submit(number + 1, client, gate.work(client), NEVER)
    with pytest.raises(PasswordsBusy):
        slots.submit(9, "c", gate.work("c"), NEVER)
    gate.go.set()
    assert {0, 1, 2, 3, 4} == collect(slots, 5).keys()


def test_one_client_fills_at_most_half_of_the_queue(make: Callable[[int, int], HashSlots]) -> None:
    """A flood of one client leaves room for the next."""
    slots, gate = make(1, 4), Gate()
    slots.submit(0, "flood", gate.work("r"), NEVER)
    assert gate.began.acquire(timeout=10)
    slots.submit(1, "flood", gate.work("f"), NEVER)
    slots.submit(2, "flood", gate.work("f"), NEVER)
    with pytest.raises(PasswordsBusy):
        slots.submit(3, "flood", gate.work("f"), NEVER)
    slots.submit(4, "pbx", gate.work("p"), NEVER)
    gate.go.set()
    assert {0, 1, 2, 4} == collect(slots, 4).keys()


def test_a_client_that_holds_half_of_the_slots_stands_back(make: Callable[[int, int], HashSlots]) -> None:
    """With two slots and one of them taken by a flood, the next free slot is another client's."""
    slots, gate, other = make(2, 16), Gate(), Gate()
    slots.submit(0, "flood", gate.work("flood"), NEVER)
    assert gate.began.acquire(timeout=10)
    slots.submit(1, "flood", other.work("flood"), NEVER)
    assert other.began.acquire(timeout=10)
    for key in (2, 3, 4):
        slots.submit(key, "flood", gate.work("flood"), NEVER)
    slots.submit(5, "pbx", gate.work("pbx"), NEVER)
    other.go.set()
    assert gate.began.acquire(timeout=10)
    assert ["flood", "pbx"] == gate.order
    gate.go.set()
    collect(slots, 6)


def test_work_past_its_deadline_is_not_run(make: Callable[[int, int], HashSlots], clock: FrozenClock) -> None:
    """A request whose client has given up costs no hash."""
    slots, gate = make(1, 4), Gate()
    slots.submit("first", "pbx", gate.work("first"), clock.time + 1.5)
    assert gate.began.acquire(timeout=10)
    slots.submit("late", "pbx", gate.work("late"), clock.time + 1.5)
    clock.time += 1.6
    gate.go.set()
    done = collect(slots, 2)
    assert isinstance(done["late"], PasswordsBusy)
    assert ["first"] == gate.order


def test_the_descriptor_is_readable_only_while_something_is_finished(make: Callable[[int, int], HashSlots]) -> None:
    """A loop that polls the slots is woken by results and sleeps without them."""
    slots = make(1, 4)
    assert [] == select.select([slots], [], [], 0)[0]
    slots.submit(1, "pbx", lambda: 1, NEVER)
    assert [slots] == select.select([slots], [], [], 10)[0]
    slots.finished()
    assert [] == select.select([slots], [], [], 0)[0]


def test_who_waits_for_another_process_keeps_nobody_from_computing(make: Callable[[int, int], HashSlots]) -> None:
    """A directory that hangs holds threads of its own, and the hashes of others go on."""
    slots, gate = make(1, 64), Gate()
    for number in range(20):
        slots.submit(number, "pbx", gate.work("w"), NEVER, waits=True)
    assert gate.began.acquire(timeout=10)
    slots.submit("hash", "pbx", lambda: 7, NEVER)
    assert {"hash": 7} == collect(slots, 1)
    gate.go.set()
    assert set(range(20)) == collect(slots, 20).keys()


def test_a_host_without_threads_is_busy_until_it_has_one(
    make: Callable[[int, int], HashSlots], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that cannot be started is none: nothing waits for it, and the next job tries again."""
    slots, start = make(2, 8), threading.Thread.start

    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    for _ in range(3):
        with pytest.raises(PasswordsBusy, match="no thread"):
            slots.submit("a", "pbx", lambda: 7, NEVER)
    assert 0 == slots.pending
    monkeypatch.setattr(threading.Thread, "start", start)
    slots.submit("b", "pbx", lambda: 7, NEVER)
    assert {"b": 7} == collect(slots, 1)
    monkeypatch.setattr(threading.Thread, "start", refused)
    slots.submit("c", "pbx", lambda: 8, NEVER)
    assert {"c": 8} == collect(slots, 1)


def test_memory_goes_back_when_nothing_is_to_be_done(
    make: Callable[[int, int], HashSlots], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once after the last job, and again only after another."""
    given_back = threading.Semaphore(0)
    monkeypatch.setattr("radius_mfa.backends.slots.IDLE", 0.01)
    monkeypatch.setattr("radius_mfa.backends.heap.give_back", given_back.release)
    made = make(1, 4)
    for key in range(2):
        made.submit(key, "pbx", lambda: None, NEVER)
        made.wait()
        assert given_back.acquire(timeout=20)
        assert not given_back.acquire(timeout=0.1)
        assert [key] == [done.key for done in made.finished()]
