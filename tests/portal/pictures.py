"""`python -m tests.portal.pictures DIRECTORY [NAME...]`: every page, wide and narrow, by day and by night."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.portal.chromium import launched, visit
from tests.portal.pages import PAGES
from tests.portal.site import LINKED, Site, sites

WIDTHS = (390, 1280)
SCHEMES = ("light", "dark")


def draw(directory: Path, names: list[str]) -> None:
    """Pictures of the pages of these names, or of all, as PNG."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, sites(Path(made)) as opened, launched() as chromium:
        opened += [Site(Path(made) / "site"), Site(Path(made) / "linked", more=LINKED)]
        for site in opened:
            site.start()
        for shown in PAGES:
            if names and shown.name not in names:
                continue
            site = opened[shown.linked]
            with visit(chromium, site) as page:
                shown.show(site, page)
                for width in WIDTHS:
                    for scheme in SCHEMES:
                        page.set_viewport_size({"width": width, "height": 844})
                        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                        page.screenshot(path=directory / f"{shown.name}-{width}-{scheme}.png", full_page=True)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), sys.argv[2:])
