"""One file per mistake (NAME.yaml) with what is said about it (NAME.expected), without the path of the file."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from radius_mfa.errors import SettingsError
from radius_mfa.settings import load

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.yaml"))
SECRET = "hunter2"  # in every file of this directory that holds a secret


def judge(attributes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Stands for the RADIUS dictionary: one attribute with one value."""
    wrong = [(key, "unknown attribute") for key in attributes if key != "Service-Type"]
    if attributes.get("Service-Type", "Administrative-User") != "Administrative-User":
        wrong.append(("Service-Type", "unknown value"))
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_is_reported_with_line_column_and_fix(name: str) -> None:
    """Every mistake in the file is reported, in the order of the file, and no message holds a secret."""
    path = HERE / f"{name}.yaml"

    with pytest.raises(SettingsError) as caught:
        load(path, judge)

    expected = (HERE / f"{name}.expected").read_text(encoding="utf-8").splitlines()
    assert expected == [problem.removeprefix(f"{path}:") for problem in caught.value.problems]
    assert SECRET not in str(caught.value)


def test_every_mistake_has_its_message() -> None:
    """No file stands without its pair, and there are as many as the field makes mistakes."""
    assert {path.stem for path in HERE.glob("*.expected")} == set(NAMES)
    assert len(NAMES) >= 40
