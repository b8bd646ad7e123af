"""Running portals: one for all tests that do not need one of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.portal.site import Browser, Site, sites


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal that many tests share, each with users of its own."""
    with sites(tmp_path_factory.mktemp("sites")) as made:
        made.append(Site(tmp_path_factory.mktemp("site")))
        made[0].start()
        yield made[0]


@pytest.fixture
def browser(site: Site) -> Iterator[Browser]:
    """A browser without JavaScript at the shared portal."""
    with site.browser() as opened:
        yield opened
