"""The mails as people see them: on a phone and on a desk, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from radius_mfa.auth.notices import Facts, Invitation
from radius_mfa.mail import otpauth
from radius_mfa.mail.message import preview
from radius_mfa.mail.samples import LETTERHEAD, SAMPLES
from tests.mail.chromium import CHROMIUM, CONTRAST, OVERFLOW, Chromium
from tests.mail.reading import WORDING, scan

pytestmark = pytest.mark.needs(CHROMIUM, package="chromium")
INVITATION = next(facts for facts in SAMPLES if isinstance(facts, Invitation))
LONG = replace(INVITATION, account="a-name-without-any-place-to-break-" * 5)
VIEWS = list(product((390, 600), ("light", "dark")))


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("chromium") / "profile") as browser:
        yield browser


def page(facts: Facts, folder: Path) -> Path:
    """The HTML of a mail as a file, its picture inside."""
    path = folder / "mail.html"
    path.write_text(preview(facts, LETTERHEAD, WORDING).html)
    return path


@pytest.mark.parametrize("facts", [*SAMPLES, LONG], ids=lambda facts: str(facts.kind))
def test_nothing_is_cut_off_and_everything_can_be_read(facts: Facts, chromium: Chromium, tmp_path: Path) -> None:
    """At 390 and 600 pixels nothing is wider than the window or its box; text has 4.5:1 in light and dark."""
    for width, scheme in VIEWS:
        chromium.load(page(facts, tmp_path), width, scheme)
        assert chromium.ask("document.documentElement.scrollWidth") == width
        assert chromium.ask(OVERFLOW) == []
        contrast = chromium.ask(CONTRAST)
        assert isinstance(contrast, float)
        assert contrast >= 4.5


@pytest.mark.needs("zbarimg", package="zbar-tools")
@pytest.mark.parametrize(("width", "scheme"), VIEWS)
@pytest.mark.parametrize("facts", [INVITATION, LONG], ids=["short", "long"])
def test_the_code_can_be_scanned_from_the_screen(
    facts: Invitation, width: int, scheme: str, chromium: Chromium, tmp_path: Path
) -> None:
    """zbarimg reads the whole URI in a picture of the mail, at both widths and in both colour schemes."""
    chromium.load(page(facts, tmp_path), width, scheme)
    shown = chromium.shot(tmp_path / f"{width}-{scheme}.png")
    assert scan(shown) == otpauth.of(facts, LETTERHEAD.issuer)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_colour_scheme_has_its_own_colours(scheme: str, chromium: Chromium, tmp_path: Path) -> None:
    """Dark is dark, light is light, and the picture has white of its own around it in both."""
    chromium.load(page(INVITATION, tmp_path), 600, scheme)
    colour = chromium.ask("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert colour == {"light": "rgb(255, 255, 255)", "dark": "rgb(29, 35, 42)"}[scheme]
    assert chromium.ask("getComputedStyle(document.querySelector('img')).backgroundColor") == "rgb(255, 255, 255)"


def test_who_listens_to_the_mail_hears_all_of_it(chromium: Chromium, tmp_path: Path) -> None:
    """One heading of the first order, a language, a title, words for the picture, and tables that are only layout."""
    chromium.load(page(INVITATION, tmp_path), 600, "light")
    assert chromium.ask("document.querySelectorAll('h1').length") == 1
    assert chromium.ask("document.documentElement.lang") == "en"
    assert chromium.ask("document.title") == "Set up your code app for Example PBX"
    assert chromium.ask("[...document.images].every(one => one.alt.includes('key below'))") is True
    assert chromium.ask("[...document.querySelectorAll('table')].every(one => one.role === 'presentation')") is True
