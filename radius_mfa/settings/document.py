"""A YAML file as plain data that remembers where every key and value stands.

PyYAML resolves `no`, `0123`, `10:30` and `11:22:33:44:55:10` to something else than was written. Here nothing is
resolved but the missing value: every scalar keeps its text, and the model says what it should be. What a settings file
does not need is refused: aliases (they multiply), tags, deep nesting, control characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml
from yaml.error import Mark as YamlMark
from yaml.reader import ReaderError

Loc = tuple[str | int, ...]  # ("clients", 2, "secret")

DEPTH = 12
_NULL = "tag:yaml.org,2002:null"
_TAGS = {_NULL, "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

# What PyYAML says (its words may quote the file) and what is said instead.
_SYNTAX = (
    ("alias", "aliases (*name) are not taken: write the value out, and quote a text that begins with *"),
    ("depth", f"nested deeper than {DEPTH} levels"),
    (
        "mapping values are not allowed",
        "a ':' where none can stand (wrong indentation, or a text that needs quotes)",
    ),
    (
        "that cannot start any token",
        "begins with a character YAML reserves (a tab? indent with spaces; a text? quote it)",
    ),
    ("could not find expected ':'", "a line that is no 'key: value'"),
    ("while scanning a quoted scalar", "a quote is not closed"),
    ("found unknown escape character", "an unknown escape in a double-quoted text (use single quotes)"),
    ("expected <block end>", "does not line up with the lines above it (or a quoted text goes on after its quote)"),
    ("expected ',' or '}'", "a { is not closed, or a comma is missing before this"),
    ("expected ',' or ']'", "a [ is not closed, or a comma is missing before this"),
    ("expected a single document", "a second document begins here (remove the ---)"),
)
_NO_YAML = "this is not YAML"


class Mark(NamedTuple):
    """A place in the file, both counted from 1."""

    line: int
    column: int


class Problem(NamedTuple):
    """One mistake: the key it is about, where it stands, and what is wrong, without any text of the file."""

    loc: Loc
    mark: Mark
    text: str


@dataclass
class Document:
    """`data` holds dict, list, str and None; it is None when the file cannot be read further than its problems.

    `keys` and `values` say where each begins.
    """

    data: dict[str, object] | None = None
    problems: list[Problem] = field(default_factory=list)
    keys: dict[Loc, Mark] = field(default_factory=dict)
    values: dict[Loc, Mark] = field(default_factory=dict)

    def at(self, loc: Loc) -> object:
        """The value at `loc`, which the file has."""
        value: Any = self.data
        for step in loc:
            value = value[step]
        return value

    def has(self, loc: Loc) -> bool:
        """Whether the file says anything at `loc`."""
        return loc in self.values

    def key_mark(self, loc: Loc) -> Mark:
        """Where the key stands; of a list's item, where the item does."""
        return self.keys.get(loc) or self.value_mark(loc)

    def value_mark(self, loc: Loc) -> Mark:
        """Where the value begins; of a missing one, where what should hold it begins."""
        while loc and loc not in self.values:
            loc = loc[:-1]
        return self.values.get(loc, Mark(1, 1))


def parse(text: str) -> Document:
    """Read one YAML document. Never raises: what is wrong is in `problems`."""
    document = Document()
    node = _compose(text, document)
    if document.problems:
        return document
    if not isinstance(node, yaml.MappingNode):
        what = "the file is empty" if node is None else "takes keys at its left margin, such as issuer: Example PBX"
        document.problems.append(Problem((), Mark(1, 1), what))
        return document
    document.data = _mapping(node, (), document)
    return document


class _Loader(yaml.SafeLoader):
    """Composes nodes; resolves nothing but null."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        self.depth += 1
        if isinstance(event, yaml.AliasEvent) or self.depth > DEPTH:
            problem = "alias" if isinstance(event, yaml.AliasEvent) else "depth"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag == _NULL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _compose(text: str, document: Document) -> yaml.Node | None:
    """The root node, or None with a problem added."""
    try:
        loader = _Loader(text)
    except ReaderError as error:
        mark = mark_of(text, error.position)
        document.problems.append(Problem((), mark, "a control character (save the file as plain UTF-8 text)"))
        return None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        opened = error.context in {"while scanning a quoted scalar", "while scanning a simple key"}
        place = error.context_mark if opened else error.problem_mark
        document.problems.append(Problem((), _mark(place) if place else Mark(1, 1), _syntax(error)))
    except (ValueError, OverflowError):  # an escape or a %YAML directive beyond what Python converts
        document.problems.append(Problem((), _mark(loader.get_mark()), _NO_YAML))
    finally:
        loader.dispose()
    return None


def _syntax(error: yaml.MarkedYAMLError) -> str:
    said = f"{error.context or ''} {error.problem or ''}"
    return next((ours for theirs, ours in _SYNTAX if theirs in said), _NO_YAML)


def mark_of(text: str, position: int) -> Mark:
    """Line and column of the character at `position`."""
    before = text[:position]
    return Mark(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def _mark(mark: YamlMark) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def _mapping(node: yaml.MappingNode, loc: Loc, document: Document) -> dict[str, object]:
    document.values.setdefault(loc, _mark(node.start_mark))
    data: dict[str, object] = {}
    for key_node, value_node in node.value:
        mark = _mark(key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode) or not key_node.value or _CONTROL.search(key_node.value):
            document.problems.append(Problem(loc, mark, "a key is a plain word"))
            continue
        inner = (*loc, str(key_node.value))
        if inner in document.keys:
            first = document.keys[inner].line
            document.problems.append(
                Problem(inner, mark, f"stands here a second time (first in line {first}): keep one")
            )
            continue
        document.keys[inner] = mark
        data[key_node.value] = _value(value_node, inner, document)
    return data


def _value(node: yaml.Node, loc: Loc, document: Document) -> object:
    mark = _mark(node.start_mark)
    document.values[loc] = mark
    if node.tag not in _TAGS:
        document.problems.append(Problem(loc, mark, "tags (!name) are not taken: quote a text that begins with !"))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, loc, document)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*loc, index), document) for index, item in enumerate(node.value)]
    return _scalar(node, loc, document)


def _scalar(node: yaml.Node, loc: Loc, document: Document) -> str | None:
    if node.tag == _NULL:
        # An empty value stands nowhere; its key does.
        document.values[loc] = mark = document.keys.get(loc, document.values[loc])
        document.problems.append(Problem(loc, mark, "has no value: write one, or remove the line"))
        return None
    if _CONTROL.search(node.value):
        document.problems.append(Problem(loc, document.values[loc], "holds a control character"))
    return str(node.value)
