"""Links to the enrolment page: made for one pending token, and by nobody else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.store.keys import DataKeys

KEYS = DataKeys(*(bytes([number]) * 32 for number in range(5)))
OTHER = DataKeys(*(bytes([number]) * 32 for number in range(5, 10)))


@given(st.integers(1, 2**63 - 1))
def test_a_link_leads_to_its_token(token_id: int) -> None:
    """And can stand in an address as it is."""
    link = KEYS.link(token_id)
    assert token_id == KEYS.token_of(link)
    assert re.fullmatch("[A-Za-z0-9_-]{54}", link)


@given(st.integers(1, 2**63 - 1), st.integers(0, 53), st.sampled_from("AZaz09-_=%é"))
def test_a_changed_link_leads_nowhere(token_id: int, place: int, other: str) -> None:
    """Whatever character is another one."""
    link = KEYS.link(token_id)
    changed = link[:place] + other + link[place + 1 :]
    assert changed == link or KEYS.token_of(changed) is None


@pytest.mark.parametrize(
    "link", ["", "=", "A", "A" * 54, "A" * 10_000, "\0", "é", "../..", KEYS.link(7) + "=", KEYS.link(7)[:-1]]
)
def test_what_was_not_made_here_leads_nowhere(link: str) -> None:
    """Too short, too long, no base64."""
    assert KEYS.token_of(link) is None


def test_links_of_another_installation_lead_nowhere() -> None:
    """They are made with its own key."""
    assert KEYS.token_of(OTHER.link(7)) is None
