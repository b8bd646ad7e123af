"""Running portals: one for all tests that do not need one of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from tests.portal.chromium import forgotten, launched, visit
from tests.portal.site import LINKED, Browser, Site, sites


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal that many tests share, each with users of its own."""
    with sites(tmp_path_factory.mktemp("sites")) as made:
        made.append(Site(tmp_path_factory.mktemp("site")))
        made[0].start()
        yield made[0]


@pytest.fixture(scope="session")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Another one, whose mails bring links."""
    with sites(tmp_path_factory.mktemp("sites")) as made:
        made.append(Site(tmp_path_factory.mktemp("linked"), more=LINKED))
        made[0].start()
        yield made[0]


@pytest.fixture
def browser(site: Site) -> Iterator[Browser]:
    """A browser without JavaScript at the shared portal."""
    with site.browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Chromium, one process for the tests of a module."""
    with launched() as process:
        yield process


@pytest.fixture(scope="module", params=[True, False], ids=["script", "no-script"])
def window(request: pytest.FixtureRequest, site: Site, chromium: Chromium) -> Iterator[Page]:
    """A window of Chromium, with JavaScript and without. Another one would cost half a second."""
    with visit(chromium, site, script=request.param) as opened:
        yield opened


@pytest.fixture
def page(window: Page) -> Page:
    """The same for somebody who was never here before."""
    return forgotten(window)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes sites of which nothing runs yet; the keywords are those of Site."""
    with sites(tmp_path) as all_of_them:

        def one(**keywords: object) -> Site:
            all_of_them.append(Site(tmp_path / f"site{len(all_of_them)}", **keywords))  # type: ignore[arg-type]
            all_of_them[-1].server.configure()
            return all_of_them[-1]

        yield one
