"""What all pages share: one small file of looks, one small script, and nothing of either in a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import radius_mfa.portal

PORTAL = Path(radius_mfa.portal.__file__).parent


@pytest.mark.parametrize(("file", "most"), [("portal.css", 8 * 1024), ("portal.js", 2 * 1024)])
def test_a_phone_on_a_slow_line_waits_for_little(file: str, most: int) -> None:
    """Both are loaded with the first page."""
    assert most > (PORTAL / "static" / file).stat().st_size


@pytest.mark.parametrize("template", sorted((PORTAL / "templates").iterdir()), ids=lambda path: path.name)
def test_a_page_brings_no_style_and_no_script_of_its_own(template: Path) -> None:
    """The browser is told to take neither."""
    text = template.read_text("utf-8")
    assert [] == re.findall(r"<style|<script(?! src=\"/static/)|\s(?:style|on[a-z]+)=|javascript:|data:", text)


@pytest.mark.parametrize("template", sorted((PORTAL / "templates").iterdir()), ids=lambda path: path.name)
def test_every_class_has_a_look(template: Path) -> None:
    """A name that portal.css does not know is a typo."""
    css = (PORTAL / "static" / "portal.css").read_text("utf-8")
    named = {one for names in re.findall(r'class="([^"{]*)"', template.read_text("utf-8")) for one in names.split()}
    assert set() == named - set(re.findall(r"\.([a-z-]+)", css))
