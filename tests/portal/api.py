"""A program that uses the admin API, as the pages of a PBX would."""

from __future__ import annotations

from itertools import count
from typing import Any
from urllib.parse import quote

import httpx

from radius_mfa.store import api_tokens
from radius_mfa.store.api_tokens import Scope
from tests.portal.site import Site

BASE = "/api/v1"
_NUMBERS = count()


class Caller(httpx.Client):
    """Sends requests with a token of its own that has these scopes, without cookies and without what browsers say."""

    def __init__(self, site: Site, *scopes: Scope, lifetime: float = 3600.0) -> None:
        super().__init__(base_url=site.url + BASE, verify=False, timeout=20.0, trust_env=False)
        self.name = f"caller-{next(_NUMBERS)}"
        self.token = api_tokens.make(site.server.database, self.name, scopes, lifetime)
        self.headers["Authorization"] = f"Bearer {self.token}"


def user_path(name: str, *more: str) -> str:
    """The path of an account, or of what is under it."""
    return "/users/" + "/".join([quote(name, safe=""), *more])


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem document of an answer that is one."""
    assert "application/problem+json" == answer.headers["content-type"], answer.text
    document: dict[str, Any] = answer.json()
    assert answer.status_code == document["status"]
    assert {"type", "title", "status", "detail"} <= set(document)
    return document


def kind(answer: httpx.Response) -> str:
    """The last part of the type of a problem."""
    return str(problem(answer)["type"]).rpartition(":")[2]
