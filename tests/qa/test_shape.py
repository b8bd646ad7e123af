"""Sizes and names the house keeps: short files, short functions, telling names."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

from tests.qa.tree import ROOT, tracked

SOURCES = [path for path in tracked("radius_mfa") if path.suffix == ".py"]
PYTHON = [path for path in tracked() if path.suffix == ".py"]
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "lib", "misc"}
EMPTY_CLASSES = re.compile(r"(Manager|Handler|Helper|Processor|Util|Utils)$")
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK|NotImplemented" + r"Error)\b")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the tests ask of a file: functions with their lengths, and what it should not have."""

    functions: tuple[tuple[str, int], ...]
    classes: tuple[str, ...]
    silent: tuple[int, ...]
    """Lines of handlers that swallow an exception."""
    unexplained: tuple[str, ...]
    """Tests without a sentence."""


@cache
def shape(path: Path) -> Shape:
    """Read once; the trees themselves would fill the memory of whoever runs the tests after these."""
    nodes = list(ast.walk(ast.parse((ROOT / path).read_text())))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    handlers = [node for node in nodes if isinstance(node, ast.ExceptHandler)]
    return Shape(
        tuple(
            (f"{path}:{one.lineno} {one.name}", (one.end_lineno or one.lineno) - one.lineno + 1) for one in functions
        ),
        tuple(node.name for node in nodes if isinstance(node, ast.ClassDef)),
        tuple(one.lineno for one in handlers if isinstance(one.body[0], ast.Pass)),
        tuple(one.name for one in functions if one.name.startswith("test_") and not ast.get_docstring(one)),
    )


def lines(path: Path) -> int:
    return len((ROOT / path).read_text().splitlines())


def test_a_file_is_short() -> None:
    """No file has more than 350 lines, and no function more than 50."""
    assert [] == [str(path) for path in PYTHON if lines(path) > 350]
    assert [] == [(name, length) for path in PYTHON for name, length in shape(path).functions if length > 50]


def test_most_files_and_functions_are_shorter_than_that() -> None:
    """The median file has at most 150 lines, the median function at most 10."""
    assert median(lines(path) for path in SOURCES) <= 150
    assert median(length for path in SOURCES for _, length in shape(path).functions) <= 10


def test_a_name_says_what_it_names() -> None:
    """No module is called utils, no class a Manager."""
    assert [] == [str(path) for path in SOURCES if EMPTY_NAMES & {path.stem, *path.parts}]
    assert [] == [(str(path), name) for path in SOURCES for name in shape(path).classes if EMPTY_CLASSES.search(name)]


def test_nothing_is_left_for_later() -> None:
    """No marker of unfinished work, and no exception swallowed in silence."""
    assert [] == [str(path) for path in PYTHON if UNFINISHED.search((ROOT / path).read_text())]
    assert [] == [(str(path), shape(path).silent) for path in PYTHON if shape(path).silent]


def test_a_test_says_what_it_shows() -> None:
    """Every test has a sentence."""
    tests = [path for path in PYTHON if path.name.startswith("test_")]
    assert [] == [(str(path), shape(path).unexplained) for path in tests if shape(path).unexplained]
