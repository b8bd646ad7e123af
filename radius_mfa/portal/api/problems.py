"""What the API says when it does not do what was asked: problem documents (RFC 9457), of a closed list of types."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus

from starlette.responses import Response

from radius_mfa.portal.api.answers import Mistake, ProblemDocument

TYPE = "application/problem+json"
SCHEME = "Bearer"
RETRY = 5
"""Seconds after which it is worth trying again when something does not answer."""


class Kind(Enum):
    """Every problem: the last part of its `type`, its status, its title."""

    MALFORMED = "malformed", 400, "This cannot be read as a request of this API"
    UNAUTHORIZED = "unauthorized", 401, "No token that is known and alive"
    MISSING_SCOPE = "missing-scope", 403, "The token may not do this"
    NOT_FOUND = "not-found", 404, "There is no such thing"
    METHOD = "method-not-allowed", 405, "This path does not know the method"
    SLOW = "slow", 408, "The request took too long to arrive"
    TAKEN = "taken", 409, "The name is taken"
    CONFLICT = "conflict", 409, "The account does not allow this"
    TOO_LARGE = "too-large", 413, "The body is too large"
    NOT_JSON = "not-json", 415, "The body is not said to be JSON"
    MISDIRECTED = "misdirected", 421, "This server has another name"
    INVALID = "invalid", 422, "Some of the values are not what this takes"
    FAULT = "fault", 500, "A fault of the program"
    UNAVAILABLE = "unavailable", 503, "Not available at the moment"

    def __init__(self, slug: str, status: int, title: str) -> None:
        self.type = f"urn:radius-mfa:problem:{slug}"
        self.status = HTTPStatus(status)
        self.title = title


class Problem(Exception):
    """Ends an operation with it: `detail` says what is wrong this time, or `errors` do, with their places."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        errors: tuple[Mistake, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind.title)
        self.kind = kind
        listed = "; ".join(f"{one.pointer or one.parameter}: {one.detail}" for one in errors)
        self.detail = detail or listed or kind.title
        self.errors = errors
        self.headers = headers

    def response(self) -> Response:
        """As it goes over the wire."""
        kind = self.kind
        document = ProblemDocument(
            type=kind.type,
            title=kind.title,
            status=kind.status,
            detail=self.detail,
            errors=list(self.errors) or None,
        )
        return Response(document.model_dump_json(exclude_none=True), kind.status, self.headers, TYPE)


def refused(status: int, headers: Mapping[str, str]) -> Response:
    """For a request that was refused with this status before the API saw it."""
    kind = next((kind for kind in Kind if kind.status == status), Kind.MALFORMED)
    return Problem(kind, headers=headers).response()


def unauthorized(detail: str, error: str = "") -> Problem:
    """Nobody we know; `error` as RFC 6750 section 3.1 has it, empty where no token was shown."""
    challenge = f'{SCHEME} realm="radius-mfa"' + (f', error="{error}"' if error else "")
    return Problem(Kind.UNAUTHORIZED, detail, headers={"WWW-Authenticate": challenge})


def missing(scope: str) -> Problem:
    """The token would need this scope."""
    challenge = f'{SCHEME} realm="radius-mfa", error="insufficient_scope", scope="{scope}"'
    return Problem(
        Kind.MISSING_SCOPE, f"this needs a token with the scope {scope}", headers={"WWW-Authenticate": challenge}
    )


def unavailable() -> Problem:
    """Something does not answer; which, is for the log."""
    return Problem(Kind.UNAVAILABLE, "nothing was changed", headers={"Retry-After": str(RETRY)})


def invalid(pointer: str, detail: str) -> Problem:
    """One value of the body, at this JSON pointer, is not what it could be."""
    return Problem(Kind.INVALID, errors=(Mistake(pointer=pointer, detail=detail),))
