"""docs/reasons.md explains every reason there is, in its order, and none that there is not."""

from __future__ import annotations

import re
from enum import StrEnum

import pytest

from radius_mfa.auth.reasons import Reason
from radius_mfa.radius.drops import Drop
from tests.qa.tree import ROOT

_, LOGIN, DATAGRAM = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8").split("\n## ")
ROW = re.compile(r"^\| `([a-z-]+)` \| (\S.*\S) \| (\S.*\S) \|$", re.MULTILINE)


@pytest.mark.parametrize(("section", "reasons"), [(LOGIN, Reason), (DATAGRAM, Drop)], ids=["login", "drop"])
def test_every_reason_is_explained(section: str, reasons: type[StrEnum]) -> None:
    """Each reason has its row with what happened and what to do, in the order of the list."""
    assert [reason.value for reason in reasons] == [row[0] for row in ROW.findall(section)]


@pytest.mark.parametrize("drop", Drop, ids=str)
def test_a_hint_names_only_settings_that_the_explanation_names(drop: Drop) -> None:
    """What the log advises about a drop is found in its row as well."""
    row = next(row for row in ROW.findall(DATAGRAM) if row[0] == drop)
    settings = re.findall(r"[a-z]+[._][a-z_.]+", drop.hint("pbx"))
    assert [] == [setting for setting in settings if setting.strip(".") not in row[2]]
