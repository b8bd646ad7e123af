"""Sizes and names the house keeps: short files, short functions, telling names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.qa.tree import ROOT, tracked

SOURCES = [path for path in tracked("radius_mfa") if path.suffix == ".py"]
PYTHON = [path for path in tracked() if path.suffix == ".py"]
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "lib", "misc"}
EMPTY_CLASSES = re.compile(r"(Manager|Handler|Helper|Processor|Util|Utils)$")
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK|NotImplemented" + r"Error)\b")


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def lines(path: Path) -> int:
    return len((ROOT / path).read_text().splitlines())


@pytest.mark.parametrize("path", PYTHON, ids=str)
def test_a_file_is_short(path: Path) -> None:
    """No file has more than 350 lines, and no function more than 50."""
    assert lines(path) <= 350
    assert [] == [(name, length) for name, length in functions(path) if length > 50]


def test_most_files_and_functions_are_shorter_than_that() -> None:
    """The median file has at most 150 lines, the median function at most 10."""
    assert median(lines(path) for path in SOURCES) <= 150
    assert median(length for path in SOURCES for _, length in functions(path)) <= 10


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_name_says_what_it_names(path: Path) -> None:
    """No module is called utils, no class a Manager."""
    classes = [node.name for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.ClassDef)]
    assert path.stem not in EMPTY_NAMES
    assert not EMPTY_NAMES & set(path.parts)
    assert [] == [name for name in classes if EMPTY_CLASSES.search(name)]


@pytest.mark.parametrize("path", PYTHON, ids=str)
def test_nothing_is_left_for_later(path: Path) -> None:
    """No marker of unfinished work, and no exception swallowed in silence."""
    text = (ROOT / path).read_text()
    assert [] == UNFINISHED.findall(text)
    silent = [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ExceptHandler) and isinstance(node.body[0], ast.Pass)
    ]
    assert [] == silent


@pytest.mark.parametrize("path", [path for path in PYTHON if path.name.startswith("test_")], ids=str)
def test_a_test_says_what_it_shows(path: Path) -> None:
    """Every test has a sentence."""
    tests = [
        node
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert [] == [node.name for node in tests if not ast.get_docstring(node)]
