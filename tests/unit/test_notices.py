"""What is stored of a mail until it leaves."""

from __future__ import annotations

import pytest

from radius_mfa.auth.notices import KINDS, Facts, dumps, loads
from radius_mfa.errors import OperationFailed
from radius_mfa.mail.samples import KEY, SAMPLES


@pytest.mark.parametrize("facts", SAMPLES, ids=lambda facts: str(facts.kind))
def test_facts_come_back_from_the_store_as_they_went(facts: Facts) -> None:
    """JSON and back changes nothing."""
    assert loads(dumps(facts)) == facts


def test_every_mail_names_its_template() -> None:
    """An invitation to a page is worded by a template of its own, all others by that of their kind."""
    assert {one.template for one in SAMPLES} == set(KINDS) | {"link"}
    assert {one.kind for one in SAMPLES if one.template == "link"} == {"invitation"}


def test_there_is_a_sample_of_every_kind() -> None:
    """A new kind of mail gets its sample, and with it its checks."""
    assert {facts.kind for facts in SAMPLES} == set(KINDS)


def test_the_key_does_not_show_in_a_trace() -> None:
    """Facts printed by mistake do not give the key away."""
    assert KEY not in repr(SAMPLES[0])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"kind": "x"}',
        b'{"kind": "test"}',
        b'{"kind": "test", "at": 1, "more": 2}',
        b"\xff",
    ],
)
def test_what_another_version_wrote_is_refused_and_not_repeated(body: bytes) -> None:
    """Unknown kinds, missing and additional facts end in one clear error."""
    with pytest.raises(OperationFailed, match="another version"):
        loads(body)
