"""An operation of the API, and one call of it. The table of all of them is routes and documentation in one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from radius_mfa.portal.api.problems import Kind, missing
from radius_mfa.store.api_tokens import ApiToken, Scope

BASE = "/api/v1"
"""What all paths begin with."""
_ALWAYS = (Kind.MALFORMED, Kind.SLOW, Kind.TOO_LARGE, Kind.MISDIRECTED, Kind.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be worked on: the token has the scope, and what came with it is what the operation takes.

    `token` is None where none is needed. `name` is canonical, `device` a number; each is empty where the path has none.
    `body` and `query` are of the operation's models.
    """

    token: ApiToken | None
    source: str
    name: str = ""
    device: int = 0
    body: Any = field(default=None, repr=False)
    query: Any = None

    @property
    def actor(self) -> str:
        """Who acts, as the audit has it."""
        return f"api:{self.token.name}" if self.token else ""

    def require(self, scope: Scope) -> None:
        """Raise Problem unless the token has this scope."""
        if self.token is None or scope not in self.token.scopes:
            raise missing(scope)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation came to; without a body, nothing but its status."""

    body: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """`method` and `path` (under BASE, with {name} and {id}) call `work`; `id` is its name in generated clients.

    `scope`: what the token has to have, None where nobody needs one. `takes`, `query`, `gives`: the models of body,
    query and answer, None for none. `refuses`: what it may say beyond what follows from the others. `located`: its
    answer has a Location.
    """

    id: str
    method: str
    path: str
    title: str
    work: Callable[[Call], Awaitable[Answer]]
    gives: type[BaseModel] | None
    scope: Scope | None
    status: int = 200
    takes: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    refuses: tuple[Kind, ...] = ()
    located: bool = False
    describes: str = ""

    @property
    def problems(self) -> list[Kind]:
        """Every problem that it may answer."""
        found = [*_ALWAYS, *self.refuses]
        if self.scope is not None:
            found += [Kind.UNAUTHORIZED, Kind.MISSING_SCOPE]
        if "{" in self.path:
            found.append(Kind.NOT_FOUND)
        if self.takes is not None:
            found += [Kind.NOT_JSON, Kind.INVALID]
        if self.query is not None:
            found.append(Kind.INVALID)
        return [kind for kind in Kind if kind in found]
