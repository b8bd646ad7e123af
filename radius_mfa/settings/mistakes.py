"""What pydantic found, in the words of the person who wrote the file, at the place where it stands.

No value of the file is repeated. Keys are, so a key is shown only if it is one of ours or looks like a word that was
meant as a key: `{secret=hunter2}` or `secret: {hunter2}` must not end up in a log.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from radius_mfa.settings.document import Document, Loc, Problem
from radius_mfa.settings.model import Settings

_SECRET = {"secret", "password", "master_key"}
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_LITERAL = re.compile(r"'([^']*)'")


def explain(error: ValidationError, document: Document) -> list[Problem]:
    """One problem for every error; a misspelt key is not missing as well."""
    meant: set[Loc] = set()
    problems = []
    for detail in error.errors(include_url=False, include_input=False):
        loc = _locate(detail["loc"], document)
        if detail["type"] == "missing":
            problems.append(_missing(loc, str(detail["loc"][-1]), document))
        elif detail["type"] == "extra_forbidden":
            close = _close(loc[-1], _fields(loc[:-1]))
            meant.update((*loc[:-1], name) for name in close)
            problems.append(Problem(loc, document.key_mark(loc), f"unknown key{_did_you_mean(close)}"))
        elif _is_news(detail["type"], document.at(loc)):
            problems.append(Problem(loc, document.value_mark(loc), _text(detail, loc, document)))
    return [problem for problem in problems if problem.loc not in meant]


def path(loc: Loc, document: Document) -> str:
    """`clients[2].secret`, as far as it can be shown."""
    shown = ""
    for depth, step in enumerate(loc):
        if isinstance(step, int):
            shown += f"[{step}]"
        elif _showable(loc[: depth + 1], document):
            shown += f".{step}" if shown else step
        else:
            break
    return shown


def _showable(loc: Loc, document: Document) -> bool:
    key = str(loc[-1])
    if len(loc) > 1 and loc[-2] in _SECRET:
        return False
    if key in _known_names():
        return True
    return bool(_WORD.fullmatch(key)) and not (document.has(loc) and document.at(loc) is None)


def _is_news(kind: str, given: object) -> bool:
    """A missing value has been reported; and pydantic finds a list too short when its items are wrong."""
    return given is not None and not (kind == "too_short" and bool(given))


def _missing(section: Loc, key: str, document: Document) -> Problem:
    infos = [
        info for model in _models(section) for name, info in model.model_fields.items() if key == (info.alias or name)
    ]
    example = next((f", such as {key}: {info.examples[0]}" for info in infos if info.examples), "")
    return Problem((*section, key), document.value_mark(section), f"is missing{example}")


def _text(detail: ErrorDetails, loc: Loc, document: Document) -> str:
    match detail["type"]:
        case "mistake":
            return detail["msg"]
        case "literal_error":
            expected = _LITERAL.findall(detail["ctx"]["expected"])
            return f"takes {_alternatives(expected)}{_did_you_mean(_close(document.at(loc), expected))}"
        case "model_type" | "model_attributes_type":
            return f"takes keys under it: {', '.join(_fields(loc))}"
        case "mapping_type" | "dict_type":
            return "takes keys and values under it"
        case "tuple_type" | "list_type" | "frozen_set_type":
            return "takes a list, such as [one, two]"
        case "too_short":
            return "must not be empty"
    return "is not what this key takes"


def _locate(loc: tuple[int | str, ...], document: Document) -> Loc:
    """pydantic's place of an error as a place in the file: without the steps that are names of types."""
    found: Loc = ()
    for step in loc:
        inner = (*found, step)
        if document.has(inner):
            found = inner
    return found


def _close(given: object, known: list[str]) -> list[str]:
    """The known word that is nearest to `given`, if one is near."""
    return get_close_matches(given.lower(), known, 1) if isinstance(given, str) else []


def _did_you_mean(close: list[str]) -> str:
    return f" (did you mean '{close[0]}'?)" if close else ""


def _alternatives(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _fields(loc: Loc) -> list[str]:
    """The keys that may stand at `loc`."""
    names = [info.alias or name for model in _models(loc) for name, info in model.model_fields.items()]
    return list(dict.fromkeys(names))


def _models(loc: Loc) -> list[type[BaseModel]]:
    """The sections that `loc` may hold; names of entries and numbers of items do not lead further down."""
    models: list[type[BaseModel]] = [Settings]
    for step in loc:
        infos = [info for model in models for name, info in model.model_fields.items() if step == (info.alias or name)]
        models = [inner for info in infos for inner in _inside(info)] if infos else models
    return models


def _inside(info: FieldInfo) -> list[type[BaseModel]]:
    return _sections(info.annotation)


def _sections(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _sections(argument)]


@cache
def _known_names() -> frozenset[str]:
    """Every key of every section."""
    names: set[str] = set()
    waiting: list[type[BaseModel]] = [Settings]
    while waiting:
        for name, info in waiting.pop().model_fields.items():
            names.add(info.alias or name)
            waiting += _inside(info)
    return frozenset(names)
