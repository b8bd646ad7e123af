"""What a code once more rests on, and that its refusal takes as long as any other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

from radius_mfa.auth.model import Accept, Door, FirstFactor, LoginRequest, Method, Mfa, Reject, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.errors import StoreBusy
from radius_mfa.portal import cookies
from radius_mfa.portal.confirm import StepUp
from radius_mfa.portal.delay import Delay
from radius_mfa.portal.desk import Desk
from radius_mfa.portal.logins import Logins
from radius_mfa.portal.visits import Visits
from radius_mfa.settings.doors import Portal
from radius_mfa.store import accounts, sessions
from radius_mfa.store.database import Database
from radius_mfa.store.sessions import Session
from tests.contract.stores import SetClock, SqliteStores
from tests.portal.test_changes import REQUEST, Written

TOKEN = b"a browser's"


class Noted(Delay):
    """Does not wait; `ended` are the requests whose refusal would have."""

    def __init__(self) -> None:
        super().__init__(SetClock(), 1.0)
        self.ended: list[float] = []

    async def end(self, began: float) -> None:
        self.ended.append(began)


class Asked:
    """alice's session without a code, and a step-up whose rounds end as a test wants."""

    def __init__(self, directory: Path) -> None:
        self.stores = SqliteStores(directory)
        account = self.stores.account("alice")
        sessions.begin(self.stores.database, TOKEN, account.id, account.epoch, code_given=False)
        self.desk = Desk(Database(self.stores.path, self.stores.database.keys, self.stores.clock), Written())
        self.delay = Noted()
        self.requests: list[LoginRequest] = []
        self.verdict: Verdict | Exception = Accept(Method.TOTP)
        visits = Visits(self.desk, Portal(url="https://localhost"), self.stores.clock, bytes)
        self.step_up = StepUp(visits, Logins(self.judge, self.stores.clock, bytes), self.desk, self.delay)

    async def judge(self, request: LoginRequest) -> Verdict:
        self.requests.append(request)
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    def takes(self, code: str = "123 456", request: Request = REQUEST) -> bool:
        return asyncio.run(self.step_up.takes(request, self.session(), code))

    def session(self) -> Session:
        found = sessions.find(self.stores.database, TOKEN, idle=1800, lifetime=43200)
        assert found is not None
        return found


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    made = Asked(tmp_path)
    yield made
    made.desk.close()


def test_the_session_stands_for_the_password(asked: Asked) -> None:
    """The round is one of the portal for this account, with a code and nothing else."""
    assert asked.takes()
    (request,) = asked.requests
    assert (Door.PORTAL, FirstFactor.SESSION, b"alice", b"123456", "192.0.2.7") == (
        request.door, request.first_factor, request.name, request.password, request.source,
    )  # fmt: skip
    assert ("portal", Mfa.REQUIRED, None, None, False) == (
        request.client.shortname, request.client.mfa, request.state, request.device_token, request.trust_wish,
    )  # fmt: skip


def test_a_right_code_is_noted_in_the_session(asked: Asked) -> None:
    """At once: it holds from then on."""
    assert asked.takes()
    assert (asked.stores.clock.time, []) == (asked.session().code_at, asked.delay.ended)


@pytest.mark.parametrize("reason", [Reason.WRONG_CODE, Reason.NOT_A_CODE, Reason.STALE_CODE, Reason.LOCKED])
def test_every_refusal_is_held_back(asked: Asked, reason: Reason) -> None:
    """By as much as any other refusal, whatever the reason; and nothing is noted."""
    asked.verdict = Reject(reason)
    assert not asked.takes()
    assert (None, 1) == (asked.session().code_at, len(asked.delay.ended))


def test_without_a_verdict_nothing_is_noted(asked: Asked) -> None:
    """Whatever does not answer."""
    asked.verdict = StoreBusy("too slow")
    with pytest.raises(StoreBusy):
        asked.takes()
    assert asked.session().code_at is None


def test_a_delay_is_from_the_request_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the check took is part of it; one that took longer is not held back."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("radius_mfa.portal.delay.asyncio.sleep", sleep)
    clock = SetClock(100.0)
    held = Delay(clock, 1.0)
    for took in (0.25, 3.0):
        began = held.begin()
        clock.time += took
        asyncio.run(held.end(began))
    assert [0.75, 0.0] == slept


def test_a_session_that_has_ended_is_over(asked: Asked) -> None:
    """The round before may have ended it."""
    cookie = f"{cookies.SESSION}={cookies.text(TOKEN)}".encode()
    request = Request({"type": "http", "client": ("192.0.2.7", 0), "headers": [(b"cookie", cookie)]})
    assert not asyncio.run(asked.step_up.over(request))
    accounts.unlock(asked.stores.database, "alice")
    assert asyncio.run(asked.step_up.over(request))
