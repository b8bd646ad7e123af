"""The OpenAPI 3.1 document, made of the operations and their models: there is no other list of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from radius_mfa import __version__
from radius_mfa.portal.api.answers import Document, ProblemDocument
from radius_mfa.portal.api.operation import BASE, Answer, Call, Operation
from radius_mfa.portal.api.problems import RETRY, TYPE, Kind
from radius_mfa.store.api_tokens import PREFIX

Json = dict[str, Any]

PATH = "/openapi.json"
_SCHEMAS = "#/components/schemas/"
_IN_PATH: dict[str, Json] = {
    "name": {
        "description": "Percent-encoded UTF-8, a slash too; as a client may send it: `Alice` finds alice.",
        "schema": {"type": "string", "minLength": 1},
        "example": "alice",
    },
    "id": {
        "description": "The `id` that the list has.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
        "example": 1,
    },
}
_INTRODUCTION = (
    "Accounts, recovery codes and trusted devices, for the pages of a PBX. "
    f"Make a token with `radius-mfa api-token create` and send it as `Authorization: Bearer {PREFIX}...`. "
    "Everything that goes wrong is a problem document (RFC 9457)."
)
_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    403: {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    503: {"Retry-After": {"schema": {"type": "integer"}, "required": True, "example": RETRY}},
}
_LOCATION = {"Location": {"schema": {"type": "string"}, "required": True, "description": "Where it is now."}}


class Described:
    """Operations, and one more that gives the document of all of them, itself included."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        itself = Operation("describe", "GET", PATH, "This document", self.tell, Document, None)
        self.all = [*operations, itself]
        self._document = Document(document(self.all))

    async def tell(self, _: Call) -> Answer:
        return Answer(self._document)


def document(operations: Sequence[Operation]) -> Json:
    """What there is, what it takes, and every way in which it answers."""
    models: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [(ProblemDocument, "serialization")]
    models += [(one.gives, "serialization") for one in operations if one.gives is not None]
    models += [(one.takes, "validation") for one in operations if one.takes is not None]
    _, definitions = models_json_schema(list(dict.fromkeys(models)), ref_template=_SCHEMAS + "{model}")
    answered = {kind for one in operations for kind in one.problems}
    paths: dict[str, Json] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "radius-mfa", "version": __version__, "description": _INTRODUCTION},
        "servers": [{"url": BASE}],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "responses": {f"{status}": _refusal(status) for status in _statuses(answered)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "A token of the API."}},
        },
    }


def _operation(one: Operation) -> Json:
    responses: Json = {str(one.status): _success(one)}
    responses |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in _statuses(one.problems)}
    described: Json = {
        "operationId": one.id,
        "summary": one.title,
        "security": [] if one.scope is None else [{"token": [one.scope]}],
        "responses": responses,
    }
    needs = "" if one.scope is None else f"Needs the scope `{one.scope}`."
    described["description"] = " ".join(filter(None, (one.describes, needs))) or one.title
    if parameters := [*_path_parameters(one.path), *_query_parameters(one.query)]:
        described["parameters"] = parameters
    if one.takes is not None:
        described["requestBody"] = {"required": True, "content": _content(one.takes, "application/json")}
    return described


def _success(one: Operation) -> Json:
    described: Json = {"description": (one.gives.__doc__ if one.gives else None) or one.title}
    if one.gives is not None:
        described["content"] = _content(one.gives, "application/json")
    if one.located:
        described["headers"] = _LOCATION
    return described


def _refusal(status: int) -> Json:
    kinds = [kind for kind in Kind if kind.status == status]
    described: Json = {
        "description": "; ".join(f"{kind.title} (`{kind.type}`)" for kind in kinds),
        "content": _content(ProblemDocument, TYPE),
    }
    if status in _HEADERS:
        described["headers"] = _HEADERS[status]
    return described


def _content(model: type[BaseModel], media: str) -> Json:
    return {media: {"schema": {"$ref": f"{_SCHEMAS}{model.__name__}"}}}


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, **described}
        for name, described in _IN_PATH.items()
        if f"{{{name}}}" in path
    ]


def _query_parameters(model: type[BaseModel] | None) -> list[Json]:
    if model is None:
        return []
    found = []
    for name, schema in model.model_json_schema()["properties"].items():
        described = {"name": name, "in": "query", "required": False, "schema": schema}
        found.append(described | {"description": schema.pop("description")} if "description" in schema else described)
    return found


def _statuses(kinds: Iterable[Kind]) -> list[int]:
    return sorted({int(kind.status) for kind in kinds})
