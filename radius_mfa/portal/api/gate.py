"""The way in to the API: which operation is meant, who asks, and what becomes of whatever goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from radius_mfa.auth.policy import Names, canonical_name
from radius_mfa.errors import NotFound, OperationFailed, Taken, Unavailable, where
from radius_mfa.portal.api import reading
from radius_mfa.portal.api.operation import BASE, Answer, Call, Operation
from radius_mfa.portal.api.problems import Kind, Problem, unauthorized, unavailable
from radius_mfa.portal.desk import Desk
from radius_mfa.store import api_tokens
from radius_mfa.store.api_tokens import ApiToken

log = logging.getLogger(__name__)

_HIGHEST = 2**63 - 1


class Gate:
    """The API as an ASGI application. It reads no cookie, so no page of another site can act through a browser."""

    def __init__(self, desk: Desk, names: Names, operations: Sequence[Operation]) -> None:
        self._desk = desk
        self._names = names
        self._operations = [(_segments(f"{BASE}{one.path}".encode()), one) for one in operations]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            return _written(*await self._work(request))
        except Problem as problem:
            return problem.response()
        except NotFound as error:
            return Problem(Kind.NOT_FOUND, error.message).response()
        except Taken as error:
            return Problem(Kind.TAKEN, error.message).response()
        except OperationFailed as error:
            return Problem(Kind.CONFLICT, error.message).response()
        except Unavailable as error:
            log.warning("api: not available: %s", error)
            return unavailable().response()
        except Exception as fault:  # noqa: BLE001 - whatever it is, nothing of it reaches the caller
            log.error("api: a request failed: %s", where(fault))
            return Problem(Kind.FAULT).response()

    async def _work(self, request: Request) -> tuple[Operation, Answer]:
        operation, given = self._found(request)
        call = Call(await self._token(request, operation), request.client.host if request.client else "")
        if operation.scope is not None:
            call.require(operation.scope)
        name, device = self._named(given)
        query = reading.query(request.scope["query_string"], operation.query)
        body = reading.body(request.headers.get("content-type", ""), await request.body(), operation.takes)
        return operation, await operation.work(replace(call, name=name, device=device, query=query, body=body))

    async def _token(self, request: Request, operation: Operation) -> ApiToken | None:
        if operation.scope is None:
            return None
        token = await self._desk.look(
            partial(api_tokens.find, text=reading.bearer(request.headers.getlist("authorization")))
        )
        if token is None:
            raise unauthorized("the token is not known, has expired, or was revoked", "invalid_token")
        return token

    def _found(self, request: Request) -> tuple[Operation, dict[bytes, bytes]]:
        """The operation, and what stands in its path. A name may have a slash in it: the path is read undecoded."""
        path = _segments(request.scope["raw_path"])
        matching = [(one, given) for template, one in self._operations if (given := _given(template, path)) is not None]
        if not matching:
            raise Problem(Kind.NOT_FOUND, "there is no such path; see " + BASE + "/openapi.json")
        method = "GET" if request.method == "HEAD" else request.method
        for one, given in matching:
            if one.method == method:
                return one, given
        methods = [one.method for one, _ in matching]
        allowed = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
        raise Problem(Kind.METHOD, f"this path knows {allowed}", headers={"Allow": allowed})

    def _named(self, given: dict[bytes, bytes]) -> tuple[str, int]:
        """The canonical name and the number in the path; a Problem for what can be none."""
        raw, number = given.get(b"{name}"), given.get(b"{id}", b"0")
        name = "" if raw is None else canonical_name(raw, self._names)
        if name is None:
            raise Problem(Kind.NOT_FOUND, "there is no account of this name")
        if not number.isdigit() or len(number) > len(str(_HIGHEST)) or int(number) > _HIGHEST:
            raise Problem(Kind.NOT_FOUND, "there is no device of this number")
        return name, int(number)


def _segments(path: bytes) -> list[bytes]:
    """The parts of a path between its slashes, decoded."""
    return [unquote_to_bytes(part) for part in path.split(b"/")]


def _given(template: list[bytes], path: list[bytes]) -> dict[bytes, bytes] | None:
    """What stands in the path where the template has braces; None if it is another path."""
    if len(template) != len(path):
        return None
    pairs = list(zip(template, path, strict=True))
    if any(found != wanted for wanted, found in pairs if not wanted.startswith(b"{")):
        return None
    given = {wanted: found for wanted, found in pairs if wanted.startswith(b"{")}
    return given if all(given.values()) else None


def _written(operation: Operation, answer: Answer) -> Response:
    content = None if answer.body is None else answer.body.model_dump_json()
    media = None if answer.body is None else "application/json"
    return Response(content, operation.status, answer.headers, media)
