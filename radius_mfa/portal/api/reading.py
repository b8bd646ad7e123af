"""From a request to what an operation takes; whatever is not exactly that is a Problem, which repeats no value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, quote

from pydantic import BaseModel, ValidationError

from radius_mfa.portal.api.answers import Mistake
from radius_mfa.portal.api.problems import SCHEME, Kind, Problem, unauthorized

_JSON = "application/json"
_PARAMETERS = 8


def bearer(given: Sequence[str]) -> str:
    """The token in the values of Authorization (RFC 6750 section 2.1)."""
    if not given:
        raise unauthorized("show a token: Authorization: Bearer rmfa_...")
    scheme, _, token = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != SCHEME.lower():
        raise unauthorized("show one token: Authorization: Bearer rmfa_...")
    return token.strip()


def body(content_type: str, octets: bytes, model: type[BaseModel] | None) -> BaseModel | None:
    """The JSON body as this model; None, and nothing is to be there, without one."""
    if model is None:
        if octets:
            raise Problem(Kind.MALFORMED, "this takes no body")
        return None
    if content_type.partition(";")[0].strip().lower() != _JSON:
        raise Problem(Kind.NOT_JSON, f"send Content-Type: {_JSON}")
    try:
        return model.model_validate_json(octets)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise Problem(Kind.MALFORMED, "the body is not JSON in UTF-8") from None
        raise Problem(Kind.INVALID, errors=tuple(_mistakes(error, "pointer"))) from None


def query(octets: bytes, model: type[BaseModel] | None) -> BaseModel | None:
    """The query as this model; without one, nothing is to be there."""
    try:
        pairs = parse_qsl(octets.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS)
    except ValueError:
        raise Problem(Kind.MALFORMED, "the query cannot be read") from None
    given = dict(pairs)
    if len(given) != len(pairs) or (model is None and given):
        raise Problem(Kind.MALFORMED, "a parameter comes twice" if given else "this takes no query")
    try:
        return None if model is None else model.model_validate(given)
    except ValidationError as error:
        raise Problem(Kind.INVALID, errors=tuple(_mistakes(error, "parameter"))) from None


def _mistakes(error: ValidationError, place: str) -> list[Mistake]:
    found = []
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        where = "#" + "".join(f"/{_step(step)}" for step in one["loc"]) if place == "pointer" else str(one["loc"][0])
        found.append(Mistake(**{place: where, "detail": _words(one["type"], one["msg"])}))
    return found


def _step(step: Any) -> str:  # noqa: ANN401 - a key or an index
    """A step of a JSON Pointer in a URI fragment (RFC 6901 section 6)."""
    return quote(str(step).replace("~", "~0").replace("/", "~1"), safe="~")


def _words(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "is not known here"
    return message.removeprefix("Value error, ")
