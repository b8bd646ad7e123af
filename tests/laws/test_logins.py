"""Laws over any order of events: what holds whatever people, networks, admins and clocks do."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radius_mfa.auth.asks import ActivateToken, CheckPassword, UseRecoveryCode, UseToken
from radius_mfa.auth.model import (
    INVALID_STATE,
    Accept,
    Account,
    Challenge,
    ClientPolicy,
    CodeHistory,
    LoginRequest,
    Mfa,
    OpenedState,
    Reject,
    Stage,
    TokenStatus,
    Verdict,
)
from radius_mfa.auth.otp import Skew, Skewed
from radius_mfa.auth.reasons import Reason
from tests.unit.driving import (
    APPEND,
    BOTH,
    NOW,
    PASSWORD,
    PBX,
    RECOVERY,
    SHY,
    World,
    alice,
    code,
    dashed,
    hotp,
    opened,
    pending,
    request,
    totp,
)

CLIENTS = st.sampled_from([PBX, APPEND, BOTH, SHY])
OTHER = "QRSTUVWXYZ234567"
ADMIN: list[Callable[[World], None]] = [
    lambda world: world.change(disabled=True),
    lambda world: world.change(disabled=False),
    lambda world: world.change(epoch=world.accounts["alice"].epoch + 1),
    lambda world: world.change(history=CodeHistory(locked_until=NOW + 60)),
    lambda world: world.change(history=CodeHistory()),
]


class Ledger:
    """A world in which events happen one after another, and what has to hold after each."""

    def __init__(self) -> None:
        account = alice(totp(), pending(id=2, secret=b"the second one's key"))
        self.world = World(account, codes=[RECOVERY, OTHER])
        self.world.skew = lambda ask: Skewed(Skew.UNKNOWN)  # the search is slow, and nothing here hangs on it
        self.states: list[OpenedState] = []
        self.seen: list[LoginRequest] = []
        self.accepts = 0

    def happens(self, what: str, pick: int, off: int, client: ClientPolicy, at: float) -> None:
        if what == "admin":
            ADMIN[pick % len(ADMIN)](self.world)
            return
        if what == "again" and self.seen:
            datagram = replace(self.seen[pick % len(self.seen)], at=at)
        else:
            datagram = self._new(what, pick, off, client, at)
            self.seen.append(datagram)
        before = len(self.world.taken)
        self._holds(self.world.login(datagram), len(self.world.taken) - before, at)

    def _new(self, what: str, pick: int, off: int, client: ClientPolicy, at: float) -> LoginRequest:
        token = self.world.accounts["alice"].tokens[pick % 2]
        typed = [code(at, token, off), dashed(), OTHER.encode()][min(pick, 2)]
        if what == "answer" and self.states:
            return request(typed, client, at=at, state=self.states[pick % len(self.states)])
        return request(PASSWORD if what == "password" else PASSWORD + typed, client, at=at)

    def _holds(self, verdict: Verdict, taken: int, at: float) -> None:
        fresh = isinstance(verdict, Accept) and verdict.reason is Reason.OK
        assert isinstance(verdict, Accept | Reject | Challenge)
        assert fresh == (taken == 1), "an Accept and a consumption are one"
        assert taken <= 1
        if isinstance(verdict, Challenge):
            self.states.append(opened(verdict, at))
        steps: dict[int, list[int]] = {}
        for one in self.world.taken:
            if not isinstance(one, UseToken | ActivateToken):
                continue
            steps.setdefault(one.token_id, []).append(one.step)
        assert all(first < second for line in steps.values() for first, second in pairwise(line))
        used = Counter(one.code_id for one in self.world.taken if isinstance(one, UseRecoveryCode))
        assert all(times == 1 for times in used.values())


EVENTS = st.tuples(
    st.sampled_from(["append", "append", "password", "answer", "answer", "again", "again", "admin"]),
    st.integers(0, 5),
    st.integers(-2, 2),
    CLIENTS,
    st.sampled_from([-40.0, -1.0, 0.0, 0.0, 1.0, 29.0, 31.0, 95.0]),
)


@settings(max_examples=300)
@given(st.lists(EVENTS, max_size=30))
def test_no_code_is_accepted_twice_in_any_order_of_events(
    events: list[tuple[str, int, int, ClientPolicy, float]],
) -> None:
    """Each Accept takes one step or recovery code that nobody took before, steps only ever grow, and nothing raises."""
    ledger = Ledger()
    for what, pick, off, client, shift in events:
        ledger.happens(what, pick, off, client, NOW + shift)


def test_a_hundred_thousand_interleavings_never_step_back() -> None:
    """Codes of the window, in a random order over a moving clock: the last step never decreases, none comes twice."""
    dice = random.Random(3)
    world = World(alice(totp()))
    world.skew = lambda ask: Skewed(Skew.UNKNOWN)
    at, last = NOW, -1
    for _ in range(100_000):
        at += dice.choice((-30, 0, 0, 0, 10, 30))
        world.login(request(PASSWORD + code(at, off=dice.randint(-1, 1)), APPEND, at=at))
        world.asked.clear()
        (token,) = world.accounts["alice"].tokens
        assert last <= token.last_step
        last = token.last_step
    steps = [one.step for one in world.taken if isinstance(one, UseToken | ActivateToken)]
    assert 1000 < len(steps) == len(set(steps))


@pytest.mark.parametrize("client", [PBX, APPEND, BOTH, SHY], ids=lambda client: client.shortname)
def test_ten_thousand_wrong_codes_let_nobody_in(client: ClientPolicy) -> None:
    """Random codes behind the right password, of the authenticator and of the recovery set: not one Accept."""
    dice = random.Random(11)
    codes = [PASSWORD, b"", b"\0", b"\xff\xfe", code()[:5], code() + b"0"]
    world = World(alice(totp()), codes=[RECOVERY])
    world.skew = lambda ask: Skewed(Skew.UNKNOWN)
    for number in range(10_000):
        guess = b"%06d" % dice.randrange(10**6) if number % 10 else dice.choice(codes)
        state = None if client is APPEND else OpenedState(Stage.CODE, 1, 1, int(NOW) + 9, number.to_bytes(12, "big"))
        typed = guess if state else PASSWORD + guess
        assert isinstance(world.login(request(typed, client, state=state)), Reject)
        world.asked.clear()
    assert [] == world.taken


ACCOUNTS: dict[str, Account | None] = {
    "unknown": None,
    "not enrolled": alice(),
    "six digits": alice(totp()),
    "eight digits": alice(totp(digits=8)),
    "counter": alice(hotp()),
    "pending": alice(pending()),
    "unreadable": alice(totp(secret=None)),
    "token disabled": alice(totp(status=TokenStatus.DISABLED)),
    "disabled": alice(totp(), disabled=True),
    "locked": alice(totp(), history=CodeHistory(locked_until=NOW + 60)),
    "no mfa": alice(totp(), mfa=Mfa.OFF),
}
FIELDS = st.one_of(
    st.binary(min_size=1, max_size=128),
    st.binary(max_size=40).map(lambda start: start + code()),
    st.binary(max_size=40).map(lambda start: start + b"12345678"),
    st.binary(max_size=40).map(lambda start: start + dashed()),
    st.sampled_from([PASSWORD, PASSWORD + code(), PASSWORD + dashed(), PASSWORD + b"12345678"]),
)


@given(field=FIELDS, client=CLIENTS)
def test_a_field_costs_every_account_the_same_hashes(field: bytes, client: ClientPolicy) -> None:
    """How many passwords are checked depends on client and field, never on whose name is on it or what is right."""
    hashes = set()
    for account in ACCOUNTS.values():
        for codes in ([], [RECOVERY]):
            world = World(*([account] if account else []), codes=codes)
            world.skew = lambda ask: Skewed(Skew.UNKNOWN)
            world.login(request(field, client))
            hashes.add(world.count(CheckPassword))
    assert hashes in ({1}, {2})
    assert {1} == hashes or client is BOTH


@given(password=st.binary(min_size=1, max_size=64), client=CLIENTS)
def test_any_octets_can_be_a_password(password: bytes, client: ClientPolicy) -> None:
    """Whatever the password is, it gets in with its code and never without; another one gets no real challenge."""
    world = World(alice(totp()))
    world.passwords[1] = password
    alone = world.login(request(password, client))
    other = world.login(request(password + b"\xff", client))
    assert not isinstance(alone, Accept)
    assert isinstance(other, Reject) or (isinstance(other, Challenge) and other.stage is Stage.DECOY)
    if isinstance(alone, Challenge):
        assert isinstance(world.login(request(code(), client, state=opened(alone))), Accept)
    if client in (APPEND, BOTH):
        assert isinstance(world.login(request(password + code(off=1), client)), Accept)


@given(password=st.binary(min_size=1, max_size=64), client=CLIENTS)
def test_without_mfa_any_octets_get_in_alone(password: bytes, client: ClientPolicy) -> None:
    """An account that owes no code gets in with exactly its password."""
    world = World(alice(totp(), mfa=Mfa.OFF))
    world.passwords[1] = password
    assert isinstance(world.login(request(password, client)), Accept)
    assert not isinstance(world.login(request(password + code(), client)), Accept)


STATES = st.one_of(
    st.none(),
    st.just(INVALID_STATE),
    st.builds(
        OpenedState,
        st.sampled_from(Stage),
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(int(NOW) - 1, int(NOW) + 1),
        st.binary(min_size=12, max_size=12),
    ),
)


@given(
    name=st.one_of(st.none(), st.binary(max_size=300), st.sampled_from([b"alice", b"ALICE", b"alice@x", b" "])),
    field=st.one_of(st.none(), FIELDS),
    state=STATES,
    client=CLIENTS,
    kind=st.sampled_from(sorted(ACCOUNTS)),
    at=st.floats(0, 2.0**40),
)
def test_any_request_ends_in_a_verdict(
    name: bytes | None, field: bytes | None, state: OpenedState | None, client: ClientPolicy, kind: str, at: float
) -> None:
    """No name, field, State or time raises, and nobody who owes a code gets in without taking one."""
    account = ACCOUNTS[kind]
    world = World(*([account] if account else []), codes=[RECOVERY])
    verdict = world.login(request(field, client, name=name, state=state, at=at))
    assert isinstance(verdict, Accept | Reject | Challenge)
    if isinstance(verdict, Accept):
        assert 1 == len(world.taken) or kind == "no mfa"
