"""What a user is told of a change in the portal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radius_mfa.auth.notices import Change, Changed
from radius_mfa.mail.samples import LETTERHEAD, SAMPLES
from radius_mfa.mail.wording import Wording

CHANGED = next(one for one in SAMPLES if isinstance(one, Changed))


@pytest.mark.parametrize("what", Change)
def test_every_change_has_its_words(what: Change) -> None:
    """A title and a sentence, the same ones in both parts."""
    mail = Wording().render(replace(CHANGED, what=what), LETTERHEAD)
    title, _, rest = mail.text.partition("\n\n")
    assert title.lower() in mail.html.lower()
    sentence = " ".join(rest.split("Account:")[0].split())
    assert 40 < len(sentence)


def test_no_two_changes_read_alike() -> None:
    """Each one says what it was."""
    texts = {Wording().render(replace(CHANGED, what=what), LETTERHEAD).text for what in Change}
    assert len(Change) == len(texts)
