"""Every page: nothing that axe finds fault with, nothing cut off, and nothing in the way of who has no mouse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults  # type: ignore[import-untyped]
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from tests.mail.chromium import CHROMIUM, CONTRAST
from tests.portal.chromium import forgotten, visit
from tests.portal.pages import PAGES, Shown
from tests.portal.site import Site

pytestmark = pytest.mark.needs(CHROMIUM, package="chromium")

ALL = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
# What is wider than the window or cut off in its own box, but for what only screen readers are to find. Whoever types
# in a field sees all of it in turn.
CUT_OFF = """[...document.querySelectorAll('body *')].filter(one => !one.closest('.unseen, thead, svg, .skip') && (
    one.getBoundingClientRect().right > innerWidth ||
    (one.tagName !== 'INPUT' && one.scrollWidth > Math.ceil(one.getBoundingClientRect().width) + 1)
)).map(one => one.outerHTML.slice(0, 80))"""
# Whatever is focused: which it is, and whether that can be seen.
FOCUSED = """(() => {
  const one = document.activeElement, style = getComputedStyle(one);
  return [one.outerHTML.slice(0, 60), style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];
})()"""
REACHABLE = """[...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary')].filter(
    one => one.checkVisibility()).map(one => one.outerHTML.slice(0, 60))"""


def looked_at(page: Page, width: int, scheme: str) -> None:
    """The page again, at another width and time of day."""
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")


@pytest.fixture(scope="module")
def at_site(site: Site, chromium: Chromium) -> Iterator[tuple[Site, Page]]:
    """A window for many pages."""
    with visit(chromium, site) as page:
        yield site, page


@pytest.fixture(scope="module")
def at_linked(linked: Site, chromium: Chromium) -> Iterator[tuple[Site, Page]]:
    """Another one, at the portal whose mails bring links."""
    with visit(chromium, linked) as page:
        yield linked, page


@pytest.mark.parametrize("shown", PAGES, ids=lambda shown: shown.name)
def test_everybody_can_use_it(shown: Shown, request: pytest.FixtureRequest) -> None:
    """On a desk by day, on a phone by night, at 320 pixels, which is a zoom of 400 %, and without a mouse."""
    site, page = request.getfixturevalue("at_linked" if shown.linked else "at_site")
    shown.show(site, forgotten(page))
    assert 1 == page.locator("h1").count()
    assert page.locator("h1").inner_text() in page.title()
    page.evaluate(AXE_SCRIPT)
    for width, scheme in ((1280, "light"), (390, "dark")):
        looked_at(page, width, scheme)
        found = AxeResults(page.evaluate("options => axe.run(options)", ALL))
        assert 0 == found.violations_count, found.generate_report()
        assert [] == page.evaluate(CUT_OFF)
        assert 4.5 <= page.evaluate(CONTRAST)
    looked_at(page, 320, "light")
    assert 320 == page.evaluate("document.documentElement.scrollWidth")
    assert_tab_reaches_all(page)


def assert_tab_reaches_all(page: Page) -> None:
    """In the order of the page, from wherever the focus was; and one sees where one is."""
    expected, reached = page.evaluate(REACHABLE), []
    for _ in range(len(expected) + 1):  # one more: between last and first, the browser's own controls
        page.keyboard.press("Tab")
        name, seen = page.evaluate(FOCUSED)
        if not name.startswith("<body"):
            assert seen, name
            reached.append(name)
    assert reached in [expected[first:] + expected[:first] for first in range(len(expected))]
