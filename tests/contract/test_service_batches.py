"""A turn of the service: all that is ready in one lookup and one transaction, and nobody pays for another's fault."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from radius_mfa.auth.model import Accept, Account, Challenge, Reject
from radius_mfa.auth.reasons import Reason
from radius_mfa.backends.slots import HashSlots
from radius_mfa.errors import StoreBusy, StoreFailed
from radius_mfa.service import Authenticator
from tests.contract.judging import CODE, PASSWORD, PBX, Recorder, answering, asking, challenge_of, finish, octets
from tests.contract.stores import SqliteStores

NAMES = ["alice", "bob", "nobody", "carol"]


@pytest.fixture(autouse=True)
def others(world: Recorder, stores: SqliteStores) -> None:
    for name in ("bob", "carol"):
        stores.account(name, codes_of=())


def watched(world: Recorder, fault: type[Exception] | None = None, name: str = "") -> list[list[str]]:
    """The names of each lookup from now on; those with `name` among them raise `fault`."""
    asked: list[list[str]] = []
    look_up = world.load_all

    def load_all(names: Sequence[str]) -> list[Account | None]:
        asked.append(list(names))
        if fault is not None and name in names:
            raise fault("the database is damaged")
        return look_up(names)

    world.load_all = load_all  # type: ignore[method-assign]
    return asked


def test_all_accounts_of_a_turn_are_looked_up_at_once(
    service_of: Authenticator, world: Recorder, slots: HashSlots
) -> None:
    """Each round gets its own, also where two ask for the same and one for nobody."""
    asked = watched(world)
    names = [*NAMES, "alice"]
    rounds = [service_of.begin(asking(number, PASSWORD, PBX, name=name.encode())) for number, name in enumerate(names)]
    finish(service_of, slots, rounds)
    assert [names] == asked
    assert [Challenge, Challenge, Reject, Challenge, Challenge] == [type(one.verdict) for one in rounds]
    challenges = [one.verdict for one in rounds if isinstance(one.verdict, Challenge)]
    assert 3 == len({challenge.account_id for challenge in challenges})
    assert challenges[0].account_id == challenges[-1].account_id


def test_a_lookup_that_fails_is_tried_name_by_name(
    service_of: Authenticator, world: Recorder, slots: HashSlots
) -> None:
    """A damaged row costs the logins of its own account alone."""
    asked = watched(world, StoreFailed, "bob")
    rounds = [service_of.begin(asking(number, PASSWORD, PBX, name=name.encode())) for number, name in enumerate(NAMES)]
    finish(service_of, slots, rounds)
    assert [NAMES, ["alice"], ["bob"], ["nobody"], ["carol"]] == asked
    assert [False, True, False, False] == [isinstance(one.failed, StoreFailed) for one in rounds]


def test_a_busy_lookup_answers_nobody(service_of: Authenticator, world: Recorder, slots: HashSlots) -> None:
    """What waits for the database is not asked again one by one."""
    asked = watched(world, StoreBusy, "alice")
    rounds = [service_of.begin(asking(number, PASSWORD, PBX), octets) for number in range(3)]
    finish(service_of, slots, rounds)
    assert 1 == len(asked)
    assert all(isinstance(one.failed, StoreBusy) and one.reply == b"" for one in rounds)


def test_any_other_fault_of_the_lookup_denies(
    service_of: Authenticator, world: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a Reject for all of them, and the log says where."""
    watched(world, KeyError, "alice")
    verdicts = service_of.run([asking(number, PASSWORD, PBX) for number in range(2)])
    assert [Reason.INTERNAL] * 2 == [verdict.reason for verdict in verdicts]
    assert "KeyError" in caplog.text


def test_what_is_ready_in_a_turn_is_one_transaction(
    service_of: Authenticator, world: Recorder, slots: HashSlots
) -> None:
    """Rounds that come back from a slot and those that have just begun are committed together."""
    challenge = challenge_of(service_of)
    waiting = service_of.begin(asking(1, name=b"bob"))
    assert [] == service_of.advance([waiting])
    slots.wait()
    fresh = service_of.begin(answering(2, challenge, CODE))
    assert {waiting, fresh} == set(service_of.advance([fresh]))
    assert [2] == world.batches
    assert isinstance(waiting.verdict, Accept)
    assert isinstance(fresh.verdict, Accept)


def test_nothing_waits_for_more(service_of: Authenticator, world: Recorder) -> None:
    """One round alone is committed in the turn in which it is ready."""
    challenge = challenge_of(service_of)
    begun = service_of.begin(answering(1, challenge, CODE))
    assert [begun] == service_of.advance([begun])
    assert [1] == world.batches


def test_a_round_sees_what_came_before_it_in_its_turn(service_of: Authenticator, world: Recorder) -> None:
    """The first of two answers with one code is accepted, in the order in which they came."""
    challenge = challenge_of(service_of)
    rounds = [service_of.begin(answering(number, challenge, CODE)) for number in (1, 2)]
    service_of.advance(rounds)
    assert [2] == world.batches
    assert [Reason.OK, Reason.STALE_CODE] == [one.verdict.reason for one in rounds if one.verdict]
