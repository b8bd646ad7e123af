"""Pages for what goes wrong: each says what to do, and none what went wrong inside."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from radius_mfa.errors import StoreBusy
from radius_mfa.portal.app import application
from radius_mfa.portal.faults import Faults
from radius_mfa.portal.pages import Pages
from tests.portal.site import Browser, heading

ERRORS = {
    "busy": StoreBusy("another writer held the database too long"),
    "slow": TimeoutError("correct horse"),
    "fault": ValueError("correct horse"),
    "refused": HTTPException(415),
    "unheard-of": HTTPException(418),
}


async def fail(request: Request) -> Response:
    raise ERRORS[request.path_params["how"]]


class BrokenOff(Response):
    """An answer that fails in its midst."""

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"so far ", "more_body": True})
        raise ValueError("correct horse")


async def break_off(_: Request) -> Response:
    return BrokenOff()


ROUTES = [Route("/fail/{how}", fail), Route("/break-off", break_off), Route("/form", fail, methods=["POST"])]
APPLICATION = application(Faults(Pages("PBX", "")), ROUTES)


def get(path: str) -> httpx.Response:
    """What the application answers, without a server before it."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=APPLICATION)
        async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as client:
            return await client.get(path)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/fail/busy", 503, "Not at the moment"),
        ("/fail/slow", 503, "Not at the moment"),
        ("/fail/fault", 500, "Something is broken here"),
        ("/fail/refused", 415, "That is no form of ours"),
        ("/fail/unheard-of", 418, "That did not arrive whole"),
        ("/missing", 404, "There is no such page"),
        ("/static/missing.css", 404, "There is no such page"),
        ("/form", 405, "Not that way"),
    ],
)
def test_there_is_a_page_for_it(path: str, status: int, title: str) -> None:
    """With the status of what happened, and the way back."""
    page = get(path)
    assert (status, title) == (page.status_code, heading(page))
    assert '<a href="/">' in page.text


def test_a_page_keeps_the_headers_of_its_error() -> None:
    """What may be done instead, and when to come back."""
    assert "POST" == get("/form").headers["Allow"]
    assert "60" == get("/fail/busy").headers["Retry-After"]


@pytest.mark.parametrize("how", ["fault", "slow"])
def test_a_fault_is_logged_by_its_place_alone(how: str, caplog: pytest.LogCaptureFixture) -> None:
    """Its message may quote what somebody has typed."""
    page = get(f"/fail/{how}")
    assert "test_faults.py" in caplog.text
    assert "correct horse" not in caplog.text + page.text


def test_a_page_that_breaks_off(caplog: pytest.LogCaptureFixture) -> None:
    """It cannot be taken back: what is there of it is all there is, and the log says where."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": "/break-off", "headers": [], "query_string": b""}
    with caplog.at_level(logging.ERROR):
        asyncio.run(APPLICATION(scope, receive, send))
    assert [200, b"so far "] == [sent[0]["status"], sent[1]["body"]]
    assert 2 == len(sent)
    assert "test_faults.py" in caplog.text
    assert "correct horse" not in caplog.text


def test_a_body_that_is_no_form(browser: Browser) -> None:
    """Another type, or octets that no form of ours has."""
    assert "That is no form of ours" == heading(browser.post("/login", json={"name": "alice"}))
    form = {"content-type": "application/x-www-form-urlencoded"}
    for content in (b"name=\xff", b"&".join(b"a=b" for _ in range(100))):
        page = browser.post("/login", content=content, headers=form)
        assert (400, "That did not arrive whole") == (page.status_code, heading(page))
