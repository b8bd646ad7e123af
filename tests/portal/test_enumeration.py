"""Nobody learns at the door who has an account, and in what state it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from radius_mfa.auth.model import Accept, Method, Reject, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.portal.signin import SignIn
from radius_mfa.store import accounts, tokens
from tests.daemon.server import PASSWORD
from tests.portal.site import Browser, Site


def _disabled(site: Site) -> str:
    user = site.user()
    accounts.disable(site.server.database, user.name)
    return user.name


def _locked(site: Site) -> str:
    user = site.user()
    with site.browser() as other:
        for _ in range(2):
            other.submit("/login", name=user.name, password=user.password)
            for _ in range(3):
                other.submit("/login/code", code="000000")
    return user.name


def _without_token(site: Site) -> str:
    user = site.user()
    tokens.disable(site.server.database, user.name)
    return user.name


REFUSED: dict[str, Callable[[Site], tuple[str, str]]] = {
    "unknown": lambda _: ("nobody-of-that-name", PASSWORD),
    "no name": lambda _: ("", PASSWORD),
    "too long": lambda _: ("a" * 300, PASSWORD),
    "wrong": lambda site: (site.user().name, "wrong"),
    "disabled": lambda site: (_disabled(site), PASSWORD),
    "locked": lambda site: (_locked(site), "wrong"),
    "no authenticator and no address": lambda site: (site.user(token=False).name, PASSWORD),
    "authenticator disabled": lambda site: (_without_token(site), PASSWORD),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_the_same(site: Site, browser: Browser, case: str) -> None:
    """But for the name that was typed, octet by octet, headers included: nobody learns who has an account."""
    name, password = REFUSED[case](site)
    told = browser.submit("/login", name=name, password=password)
    other = browser.submit("/login", name="n" * len(name), password="wrong")
    assert (403, 403) == (told.status_code, other.status_code)
    assert other.text.replace("n" * len(name), "") == told.text.replace(name, "") or not name
    assert [pair for pair in other.headers.multi_items() if pair[0] != "date"] == [
        pair for pair in told.headers.multi_items() if pair[0] != "date"
    ]


@pytest.mark.parametrize("reason", [*Reason, None])
def test_refusals_leave_a_fixed_time_after_their_request(reason: Reason | None) -> None:
    """Whatever the reason; a right password whose account has changed meanwhile (None) is one too."""
    told: list[str] = []

    async def judge(*_: object) -> Verdict:
        told.append("judged")
        return Reject(reason) if reason is not None else Accept(Method.PASSWORD)

    def began() -> float:
        told.append("began")
        return 7.0

    async def end(began: float) -> None:
        told.append(f"held back since {began}")

    async def begin(*_: object) -> bool:
        return False

    def show(page: str, status: int, **_: object) -> Response:
        told.append(f"{page} {status}")
        return Response()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"name=alice&password=x"}

    signin_of: Any = SignIn
    signin = signin_of(
        pages=SimpleNamespace(show=show),
        visits=SimpleNamespace(begin=begin, visitor=lambda _: None),
        logins=SimpleNamespace(password=judge),
        started=SimpleNamespace(),
        delay=SimpleNamespace(begin=began, end=end),
        enrolments=SimpleNamespace(),
        trusted_for="",
    )
    form = [(b"content-type", b"application/x-www-form-urlencoded")]
    request = Request({"type": "http", "method": "POST", "headers": form}, receive)
    asyncio.run(signin.take_password(request))
    assert ["began", "judged", "held back since 7.0", "login 403"] == told
