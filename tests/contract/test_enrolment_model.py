"""The rules on a real store beside the rules on the model that the laws are proven with: both say the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from radius_mfa.auth.asks import Commit, Outcome
from radius_mfa.auth.model import Account, Challenge, ClientPolicy, CodeHistory, OpenedState, TokenStatus
from radius_mfa.auth.otp import Skew, Skewed
from radius_mfa.auth.policy import Enrolment, Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.ports import Write
from radius_mfa.store import accounts, tokens
from radius_mfa.store.accounts import NewAccount
from radius_mfa.store.queue import queue
from tests.contract.stores import SqliteStores
from tests.unit.driving import APPEND, BOTH, NOW, PASSWORD, PBX, SHY, World, alice, code, opened, request
from tests.unit.memory import octets

RULES = Rules(mails=True, enrolment=Enrolment(per_day=3))
EVENTS = 400


class Real(World):
    """The same world, but accounts and commits are those of a store."""

    def __init__(self, stores: SqliteStores, account: Account) -> None:
        super().__init__(account, rules=RULES)
        self.stores = stores
        self.store = stores.store()

    def _load(self, name: str) -> Account | None:
        self.stores.clock.time = self.at
        return self.store.load(name)

    def commit(self, commit: Commit) -> Outcome:
        (outcome,) = self.store.commit([Write(commit, octets(commit.verdict))])
        return outcome


def _lock(model: World, real: Real, at: float) -> None:
    account = model.accounts["alice"]
    model.change(history=replace(account.history, locked_until=at + 90))
    real.stores.edit("UPDATE account SET locked_until = ?", at + 90)


def _unlock(model: World, real: Real, _: float) -> None:
    model.change(history=CodeHistory(), epoch=model.accounts["alice"].epoch + 1)
    accounts.unlock(real.stores.database, "alice")


def _reset(model: World, real: Real, _: float) -> None:
    model.change(tokens=(), history=CodeHistory(), epoch=model.accounts["alice"].epoch + 1)
    tokens.reset(real.stores.database, "alice")


def _disable(model: World, real: Real, _: float) -> None:
    account = model.accounts["alice"]
    disabled = not account.disabled
    kept = [token for token in account.tokens if not (disabled and token.status is TokenStatus.PENDING)]
    model.change(disabled=disabled, epoch=account.epoch + 1, tokens=tuple(kept))
    (accounts.disable if disabled else accounts.enable)(real.stores.database, "alice")


ADMIN: list[Callable[[World, Real, float], None]] = [_lock, _unlock, _reset, _disable, _disable]


class Pair:
    """Both worlds, which hear the same and have to answer the same."""

    def __init__(self, stores: SqliteStores) -> None:
        accounts.add(stores.database, NewAccount("alice", "alice@example.com"))
        account = stores.load("alice")
        self.model, self.real = World(alice(id=account.id, mail=account.mail), rules=RULES), Real(stores, account)
        self.worlds = (self.model, self.real)
        for world in self.worlds:
            world.passwords = {account.id: PASSWORD}
            world.skew = lambda ask: Skewed(Skew.UNKNOWN)
        self.states: list[tuple[OpenedState, OpenedState]] = []

    def happens(self, what: str, typed: str, pick: int, client: ClientPolicy, at: float) -> Reason:
        states = self.states[-1 - pick % len(self.states)] if self.states and what == "answer" else (None, None)
        asked = [
            request(self._typed(world, typed, client, at, state is None), client, at=at, state=state)
            for world, state in zip(self.worlds, states, strict=True)
        ]
        said = [
            world.login(replace(one, digest=asked[0].digest)) for world, one in zip(self.worlds, asked, strict=True)
        ]
        assert said[0] == said[1]
        if isinstance(said[0], Challenge):
            self.states.append((opened(said[0], at), opened(said[1], at)))
        return said[0].reason

    def _typed(self, world: World, typed: str, client: ClientPolicy, at: float, first: bool) -> bytes:
        """The password, with what is typed behind it where that is how the client works."""
        account = world._load("alice")
        assert account is not None
        shown = code(at, account.tokens[0]) if account.tokens else b"000000"
        second = {"code": shown, "mail": b"mail", "wrong": b"%06d" % ((int(shown) + 500_000) % 10**6)}[typed]
        if not first:
            return second
        return PASSWORD + second if client in (APPEND, BOTH) and typed != "mail" else PASSWORD


@pytest.mark.parametrize("seed", range(3))
def test_store_and_model_say_the_same(seed: int, stores: SqliteStores) -> None:
    """Invitations, `mail`, codes and an admin's commands in a random order: verdicts, tokens and mails are the same."""
    dice, pair, at, reached = random.Random(seed), Pair(stores), NOW, set[Reason]()
    for _ in range(EVENTS):
        at += dice.choice([0.0, 1.0, 1.0, 30.0, 30.0, 300.0, 601.0, *([40_000.0] * dice.randint(0, 1))])
        if dice.random() < 0.06:
            dice.choice(ADMIN)(pair.model, pair.real, at)
        what = dice.choice(["login", "answer", "answer"])
        client = dice.choice([PBX, PBX, PBX, PBX, APPEND, BOTH, SHY])
        typed = dice.choice(["mail", "mail", "mail", "code", "wrong"])
        reached.add(pair.happens(what, typed, dice.choice([0, 0, 0, 1]), client, at))
        stores.edit("UPDATE outbox SET sent_at = created, body = x'' WHERE sent_at IS NULL")  # the mail child is quick
        model, real = pair.model.accounts["alice"], stores.load("alice")
        assert [(one.status, one.expires, one.last_step) for one in model.tokens] == [
            (one.status, one.expires, one.last_step) for one in real.tokens
        ]
        assert model.history == real.history
    wanted = {Reason.INVITED, Reason.INVITED_AGAIN, Reason.INVITATION_WAITS, Reason.OK, Reason.LOCKED}
    assert wanted <= reached
    assert {"alice@example.com"} == {one.recipient for one in queue(stores.database)}
