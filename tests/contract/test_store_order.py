"""Whatever the order: a step is taken once, never an older one after a newer, by however many at once."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable

from radius_mfa.auth.asks import Loss, Outcome
from radius_mfa.ports import Write
from tests.contract.stores import SqliteStores, code, state, step, use

BATCHES = 500
STEPS = 10
PARALLEL = 250
"""Batches a process commits, of two rounds each."""


def test_the_last_step_never_goes_back(stores: SqliteStores) -> None:
    """Over 100,000 commits in random orders a step wins exactly if it is newer than all that won before."""
    store = stores.store()
    accounts = [stores.account(f"user{number}", codes_of=[]) for number in range(20)]
    last = dict.fromkeys((account.name for account in accounts), 0)
    shuffled = random.Random(3)
    for order in range(BATCHES):
        # Each account meets ten steps around its last one, in any order and in among the others'.
        batch = [(account, last[account.name] + shuffled.randint(-4, 3)) for account in accounts * STEPS]
        outcomes = store.commit([use(account, step(account, number), request=order) for account, number in batch])
        for (account, number), outcome in zip(batch, outcomes, strict=True):
            assert (number > last[account.name]) == (outcome.lost is None)
            last[account.name] = max(last[account.name], number)
    for account in accounts:
        assert last[account.name] == stores.load(account.name).tokens[0].last_step


def test_one_of_a_thousand_parallel_rounds_takes_the_step(stores: SqliteStores) -> None:
    """Two processes with 500 commits each of the same step win it once between them, and lose it 999 times."""
    alice = stores.account("alice")
    won = both(stores, lambda _: [use(alice, step(alice, 5), request=os.getpid())])
    assert Counter({Loss.CONSUMED: 2 * 2 * PARALLEL - 1, None: 1}) == won


def test_no_step_is_won_by_two_processes(stores: SqliteStores) -> None:
    """Two processes that walk up the same steps side by side win each step once between them."""
    alice = stores.account("alice")
    won = both(stores, lambda number: [use(alice, step(alice, number + 1), request=os.getpid())])
    assert PARALLEL == stores.load("alice").tokens[0].last_step
    assert PARALLEL >= won[None]


def test_one_of_a_thousand_parallel_rounds_spends_the_state(stores: SqliteStores) -> None:
    """The same with one State and steps that are all free: one Accept, and one step taken."""
    alice = stores.account("alice")
    won = both(stores, lambda _: [use(alice, step(alice, 5), spend=state(alice, 1), request=os.getpid())])
    assert Counter({Loss.STATE: 2 * 2 * PARALLEL - 1, None: 1}) == won


def test_one_of_a_thousand_parallel_rounds_takes_the_recovery_code(stores: SqliteStores) -> None:
    """The same with a recovery code: one is won, and one less is left."""
    alice = stores.account("alice")
    taken = code(stores.store(), alice)
    won = both(stores, lambda _: [use(alice, taken, request=os.getpid())])
    assert Counter({Loss.CONSUMED: 2 * 2 * PARALLEL - 1, None: 1}) == won
    assert 2 == stores.load("alice").recovery_left


def test_the_reply_outlives_the_process_that_committed_it(stores: SqliteStores) -> None:
    """Killed between commit and send: the same datagram finds its reply, another with the same code is refused."""
    alice = stores.account("alice")
    same = use(alice, step(alice, 5), spend=state(alice, 1), request=1, reply=b"accept")
    child = os.fork()
    if child == 0:
        stores.store().commit([same])
        os._exit(0)
    os.waitpid(child, 0)
    other = use(alice, step(alice, 5), spend=state(alice, 2), request=2)
    assert [Outcome(Loss.STATE, b"accept"), Outcome(Loss.CONSUMED)] == stores.store().commit([same, other])


def both(stores: SqliteStores, round_of: Callable[[int], list[Write]]) -> Counter[Loss | None]:
    """What two processes that start together lost and won, each with a store of its own."""
    go, started = os.pipe(), os.pipe()
    results = [in_child(stores, round_of, go, started) for _ in range(2)]
    for _ in results:
        assert b"." == os.read(started[0], 1)
    os.write(go[1], b"..")
    losses = [Loss(word) if word != "-" else None for result in results for word in finished(result).split()]
    for end in (*go, *started):
        os.close(end)
    return Counter(losses)


def in_child(
    stores: SqliteStores, round_of: Callable[[int], list[Write]], go: tuple[int, int], started: tuple[int, int]
) -> tuple[int, int]:
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    status = 1
    try:
        store = stores.store()
        store.load("alice")
        os.write(started[1], b".")
        os.read(go[0], 1)
        outcomes = [outcome for number in range(PARALLEL) for outcome in store.commit(round_of(number) * 2)]
        os.write(writing, " ".join(outcome.lost or "-" for outcome in outcomes).encode())
        status = 0
    finally:
        os._exit(status)


def finished(result: tuple[int, int]) -> str:
    child, reading = result
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return text
