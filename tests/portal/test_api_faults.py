"""What the API answers when something behind it fails."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

import httpx
import pytest

from radius_mfa.auth.policy import Names
from radius_mfa.errors import AuditLost, NotFound, OperationFailed, StoreBusy, StoreFailed, Taken
from radius_mfa.portal.api.answers import Health
from radius_mfa.portal.api.gate import Gate
from radius_mfa.portal.api.operation import Answer, Call, Operation
from radius_mfa.portal.api.problems import Kind, refused
from radius_mfa.portal.desk import Desk
from tests.portal.api import kind


def answer_to(error: Exception) -> httpx.Response:
    """What comes of a request whose operation ends with this error."""

    async def work(_: Call) -> Answer:
        raise error

    desk = cast("Desk", None)  # nobody has to be looked up
    gate = Gate(desk, Names(), [Operation("fail", "GET", "/fail", "Fail", work, Health, None)])

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate)) as client:
            return await client.get("https://localhost/api/v1/fail")

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (StoreBusy("hunter2"), 503, "unavailable"),
        (StoreFailed("hunter2"), 503, "unavailable"),
        (AuditLost("hunter2"), 503, "unavailable"),
        (ValueError("hunter2"), 500, "fault"),
        (NotFound("no hunter", "hunter2"), 404, "not-found"),
        (Taken("a hunter", "hunter2"), 409, "taken"),
        (OperationFailed("no", "hunter2"), 409, "conflict"),
    ],
)
def test_an_error_becomes_a_problem(error: Exception, status: int, slug: str, caplog: pytest.LogCaptureFixture) -> None:
    """What concerns the server alone stands in the log, and hints about commands in neither."""
    with caplog.at_level(logging.WARNING):
        answer = answer_to(error)
    assert (status, slug) == (answer.status_code, kind(answer))
    assert "hunter2" not in answer.text
    assert (status == 503) == ("retry-after" in answer.headers)
    assert (status >= 500) == bool(caplog.records)


def test_a_fault_is_logged_by_its_place(caplog: pytest.LogCaptureFixture) -> None:
    """Not by its text, which may quote a password."""
    answer_to(ValueError("hunter2"))
    assert "ValueError at " in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("one", Kind)
def test_a_request_refused_before_is_a_problem_of_the_same_kinds(one: Kind) -> None:
    """The guards of the portal know a status alone."""
    answer = refused(one.status, {"Retry-After": "60"})
    assert (one.status, "60") == (answer.status_code, answer.headers["retry-after"])
    first = next(kind for kind in Kind if kind.status == one.status)
    assert first.type.encode() in bytes(answer.body)


def test_the_types_of_problems_differ() -> None:
    """Programs tell them apart by their type."""
    assert len(Kind) == len({kind.type for kind in Kind})
