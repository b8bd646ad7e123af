"""Laws of enrolment over any order of events: nobody comes in, is mailed or counted without a first factor."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radius_mfa.auth.asks import Commit, Invite, InviteAgain, Loss, Outcome
from radius_mfa.auth.model import (
    Accept,
    Account,
    Challenge,
    ClientPolicy,
    CodeHistory,
    LoginRequest,
    OpenedState,
    Reject,
    Stage,
    TokenStatus,
)
from radius_mfa.auth.otp import Skew, Skewed
from radius_mfa.auth.policy import Enrolment, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.throttle import Lockout
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
    opened,
    pending,
    request,
    totp,
    wrong,
)
from tests.unit.memory import MAILED

RULES = Rules(mails=True, enrolment=Enrolment(per_day=3), lockout=Lockout(after=3))
ADDRESS = "alice@example.com"
GUESTS = ClientPolicy("guests", groups=frozenset({"guests"}))
CLIENTS = st.sampled_from([PBX, PBX, APPEND, BOTH, SHY, GUESTS])
PHONE = totp(secret=MAILED)
WRONG = wrong()


NOT_HERE = {
    Reason.NOT_ENROLLED_ACCEPTED,
    Reason.UNSUPPORTED_METHOD,
    Reason.BAD_NAME,
    Reason.NO_PASSWORD,
    Reason.UNKNOWN_ACCOUNT,
    Reason.NOT_ENROLLED,
    Reason.NO_ADDRESS,
    Reason.TOKEN_UNREADABLE,
    Reason.SKEWED_CODE,
    Reason.USED_CODE,
    Reason.STATE_INVALID,
    Reason.THROTTLED,
    Reason.TRUSTED,
    Reason.WRONG_CODE_DISABLES,
    Reason.UNAVAILABLE,
    Reason.INTERNAL,
}
"""What needs another account, request or configuration."""


class Recorded(World):
    """alice, invited by nobody yet; what is lost is remembered, and what time it is."""

    def __init__(self) -> None:
        super().__init__(alice(mail=ADDRESS), rules=RULES)
        self.skew = lambda ask: Skewed(Skew.UNKNOWN)  # the search is slow, and nothing here hangs on it
        self.lost: list[Loss] = []
        self.at = NOW

    @property
    def alice(self) -> Account:
        return self.accounts["alice"]

    def commit(self, commit: Commit) -> Outcome:
        outcome = super().commit(commit)
        if outcome.lost is not None:
            self.lost.append(outcome.lost)
        return outcome


def _disable_tokens(world: Recorded) -> None:
    kept = [replace(one, status=TokenStatus.DISABLED) for one in world.alice.tokens if one.status != "pending"]
    world.change(tokens=tuple(kept), epoch=world.alice.epoch + 1)


ADMIN: list[Callable[[Recorded], None]] = [
    lambda world: None,
    lambda world: world.change(tokens=(), epoch=world.alice.epoch + 1),
    _disable_tokens,
    lambda world: world.change(disabled=True),
    lambda world: world.change(disabled=False),
    lambda world: world.change(epoch=world.alice.epoch + 1),
    lambda world: world.change(history=replace(world.alice.history, locked_until=world.at + 300)),
    lambda world: world.change(history=CodeHistory()),
]


class Ledger:
    """A world in which events happen one after another, and what has to hold after each."""

    def __init__(self) -> None:
        self.world = Recorded()
        self.states: list[tuple[OpenedState, bool]] = []
        """Each with whether a right password lies behind it."""
        self.seen: list[tuple[LoginRequest, bool]] = []
        self.reached: set[Reason] = set()

    def happens(self, what: str, pick: int, meanwhile: int, client: ClientPolicy, at: float) -> None:
        self.world.at = at
        if what == "admin":
            ADMIN[pick % len(ADMIN)](self.world)
            return
        if what == "again" and self.seen:
            datagram, proven = self.seen[pick % len(self.seen)]
            datagram = replace(datagram, at=at)
        else:
            datagram, proven = self._new(what, pick, client, at)
            self.seen.append((datagram, proven))
        self.world.meanwhile = lambda: ADMIN[meanwhile](self.world)
        self._login(datagram, proven)

    def _new(self, what: str, pick: int, client: ClientPolicy, at: float) -> tuple[LoginRequest, bool]:
        typed = (b"mail", code(at, PHONE), code(at, PHONE), WRONG, b"mail", PASSWORD)[pick % 6]
        if what == "answer" and self.states:
            state, proven = self.states[-1 - pick // 6 % len(self.states)]
            return request(typed, client, at=at, state=state), proven and client is not GUESTS
        field = (PASSWORD, PASSWORD, PASSWORD + typed, b"wrong" + typed, b"mail", typed)[pick // 2]
        appended = client in (APPEND, BOTH) and field != PASSWORD + b"mail"
        right = field == PASSWORD or (appended and field.startswith(PASSWORD))
        return request(field, client, at=at), right and client is not GUESTS

    def _login(self, datagram: LoginRequest, proven: bool) -> None:
        world, before = self.world, self.world.alice
        mails, taken, lost = len(world.mails), len(world.taken), len(world.lost)
        verdict = world.login(datagram)
        self.reached.add(verdict.reason)
        fresh = isinstance(verdict, Accept) and verdict.reason is not Reason.REPEATED
        assert fresh == (len(world.taken) == taken + 1), "an Accept and a code that was taken are one"
        assert not fresh or len(world.lost) == lost, "nobody comes in while a part of the round was lost"
        if not proven or before.disabled or datagram.at < before.history.locked_until:
            assert not fresh
            assert mails == len(world.mails)
            assert before.history.failures >= world.alice.history.failures, "nothing is counted either"
        if isinstance(verdict, Challenge):
            self._asked(datagram, verdict, proven, sent=len(world.mails) > mails)
        self._one_invitation(before)

    def _asked(self, datagram: LoginRequest, verdict: Challenge, proven: bool, *, sent: bool) -> None:
        assert proven or verdict.stage is Stage.DECOY, "only who has the password gets a State for it"
        assert datagram.client is not APPEND
        state = opened(verdict, datagram.at)
        assert datagram.state is None or sent or state.expires <= datagram.state.expires, "only a mail buys time"
        self.states.append((state, verdict.stage is not Stage.DECOY))

    def _one_invitation(self, before: Account) -> None:
        after, at = self.world.alice, self.world.at
        assert 1 >= sum(token.status is TokenStatus.PENDING for token in after.tokens)
        sent = [when for when, mail in self.world.mails if isinstance(mail, Invite | InviteAgain)]
        assert all(sum(start <= when < start + 86400 for when in sent) <= 3 for start in sent)
        if before.epoch != after.epoch:
            return  # an admin came in between, who may end a token
        living = [one for one in before.tokens if one.status is not TokenStatus.PENDING or at < (one.expires or 0)]
        if living:
            assert [(one.id, one.secret) for one in living] == [(one.id, one.secret) for one in after.tokens]


EVENTS = st.tuples(
    st.sampled_from(["login", "login", "answer", "answer", "answer", "again", "admin"]),
    st.integers(0, 11),
    st.sampled_from([0] * 8 + [*range(len(ADMIN))]),
    CLIENTS,
    st.sampled_from([-40.0, 0.0, 0.0, 1.0, 30.0, 300.0, 601.0, 40_000.0]),
)


@settings(max_examples=400)
@given(st.lists(EVENTS, max_size=30))
def test_in_any_order_of_events_only_password_and_code_let_in(
    events: list[tuple[str, int, int, ClientPolicy, float]],
) -> None:
    """Invitations, `mail`, codes, admins in between, repeated datagrams, a clock that steps back: no law is broken."""
    ledger, at = Ledger(), NOW
    for what, pick, meanwhile, client, later in events:
        at += later
        ledger.happens(what, pick, meanwhile, client, at)


def test_fifty_thousand_events_of_people_who_mostly_know_their_password() -> None:
    """The same laws on a walk that gets everywhere: each end that an enrolment has is met."""
    dice, reached = random.Random(7), set[Reason]()
    for _ in range(1000):
        ledger, at = Ledger(), NOW
        for _ in range(50):
            at += dice.choice([0.0, 0.0, 1.0, 1.0, 30.0, 30.0, 300.0, 599.0, 40_000.0, -40.0][: dice.choice([6, 10])])
            what = dice.choice(["login", "answer", "answer", "answer", *(["again", "admin"] * dice.randint(0, 1))])
            meanwhile = dice.choice([0] * 20 + [*range(len(ADMIN))])
            pick = dice.choice([0, 0, 1, 2, 3, 4, 5, dice.randint(0, 11)])
            ledger.happens(what, pick, meanwhile, dice.choice([PBX, PBX, PBX, APPEND, BOTH, SHY, GUESTS]), at)
        reached |= ledger.reached
    assert set(Reason) - NOT_HERE == reached


class Losing(World):
    """A store in which some part of every commit is lost."""

    def __init__(self, account: Account, loss: Loss) -> None:
        super().__init__(account, rules=RULES, codes=[RECOVERY])
        self._lose = loss

    def commit(self, commit: Commit) -> Outcome:
        return Outcome(self._lose)


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize("client", [PBX, APPEND, BOTH, SHY], ids=lambda client: client.shortname)
def test_whatever_is_lost_lets_nobody_in(loss: Loss, client: ClientPolicy) -> None:
    """With every kind of loss, for every account and answer: no Accept, and after an answer no time that is new."""
    accounts = (alice(), alice(mail=ADDRESS), alice(totp(), mail=ADDRESS), alice(pending(), mail=ADDRESS))
    for account, typed in product(accounts, (b"mail", code(), code(off=1), WRONG, dashed())):
        for stage in (Stage.CODE, Stage.ENROLMENT):
            state = OpenedState(stage, 1, 1, int(NOW) + 9, b"n" * 12)
            verdict = Losing(account, loss).login(request(typed, client, state=state))
            assert isinstance(verdict, Reject) or (isinstance(verdict, Challenge) and verdict.lifetime <= 9)
        assert not isinstance(Losing(account, loss).login(request(PASSWORD + typed, client)), Accept)
        assert not isinstance(Losing(account, loss).login(request(PASSWORD, client)), Accept)


@pytest.mark.parametrize("loss", [Loss.STATE, Loss.ACCOUNT, Loss.CONSUMED])
def test_only_a_mail_that_waits_asks_again(loss: Loss) -> None:
    """When State, account or token are lost, `mail` is answered with the Reject."""
    state = OpenedState(Stage.ENROLMENT, 1, 1, int(NOW) + 9, b"n" * 12)
    account = alice(pending(), mail=ADDRESS)
    verdict = Losing(account, loss).login(request(b"mail", state=state))
    assert isinstance(verdict, Reject)
    late = Losing(account, loss).login(request(b"mail", state=state, at=NOW + 9))
    assert (late.reason is Reason.STATE_EXPIRED) == (loss is Loss.STATE)
