"""docs/mail.md is about the templates that there are."""

from __future__ import annotations

import re

import pytest

from radius_mfa.auth.notices import Facts
from radius_mfa.mail.samples import LETTERHEAD, SAMPLES
from radius_mfa.mail.wording import BUILT_IN, variables
from tests.conftest import ROOT

TEXT = (ROOT / "docs/mail.md").read_text()
SHARED = {"issuer", "account", "help", "portal", "language", "subject"}


@pytest.mark.parametrize("facts", SAMPLES, ids=lambda facts: str(facts.kind))
def test_every_variable_of_a_mail_is_described(facts: Facts) -> None:
    """In the row of its mail or among those of every mail, and no other is."""
    [row] = [line for line in TEXT.splitlines() if line.startswith(f"| `{facts.template}` ")]
    described = set(re.findall(r"`([a-z]+)`", row.split("|")[3])) - {"picture", "size"}
    assert described == set(variables(facts, LETTERHEAD, "en")) - SHARED


def test_every_template_is_described() -> None:
    """Each file has its place in the text."""
    names = {path.stem for path in BUILT_IN.rglob("*.*")}
    assert [] == [
        name for name in sorted(names) if f"`{name}`" not in TEXT and not re.search(rf"`(en/)?{name}\.", TEXT)
    ]
