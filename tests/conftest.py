"""What every test shares: saying what it needs, and the rule that nothing is skipped where RADIUS_MFA_CI is set."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

# Laws are tried on the same examples each time, and none fails because a machine was slow.
settings.register_profile("same", deadline=None, derandomize=True)
settings.load_profile("same")

ROOT = Path(__file__).parent.parent
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def find(thing: str) -> Path | None:
    """Where a command is, or the first file a pattern with a slash in it matches; a relative one starts at the tree."""
    if "/" in thing:
        start, pattern = (Path("/"), thing[1:]) if thing.startswith("/") else (ROOT, thing)
        return next(iter(sorted(start.glob(pattern))), None)
    found = shutil.which(thing, path=SEARCH)
    return Path(found) if found else None


@pytest.fixture(scope="session", autouse=True)
def passable(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let programs that become another user pass through pytest's directories; they cannot list them."""
    base = tmp_path_factory.getbasetemp()
    for directory in (base, base.parent, base.parent.parent):
        if directory.name.startswith(("pytest-", "popen-")):
            directory.chmod(0o711)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, with the name of the package, what this machine cannot run."""
    for mark in item.iter_markers("needs"):
        thing, package = mark.args[0], mark.kwargs["package"]
        if find(thing) is None:
            pytest.skip(f"{thing} is missing: install {package}")
    if item.get_closest_marker("needs_root") is not None and os.geteuid() != 0:
        pytest.skip("only root can do this")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a failure of a skip where nothing may be skipped."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("RADIUS_MFA_CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and RADIUS_MFA_CI is set: {report.longrepr}"
    return report
