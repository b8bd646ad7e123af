"""Tables for people, and build/bench.json for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

FILE = ROOT / "build" / "bench.json"


def record(section: str, figures: Any, file: Path = FILE) -> None:  # noqa: ANN401 - whatever JSON has
    """Put the figures of one table into the file, in place of those of an earlier run."""
    file.parent.mkdir(exist_ok=True)
    whole = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(whole | {section: figures}, indent=1) + "\n")


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table: the first column to the left, the others to the right."""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    print(f"\n{title}")
    for row in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join([row[0].ljust(len(first)), *others]).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
