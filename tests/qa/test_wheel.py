"""The wheel: what is in it, and that it is what these tests import."""

from __future__ import annotations

import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import radius_mfa
from tests.qa.tree import ROOT, tracked

INSTALLED = Path(radius_mfa.__file__).parent
WHEELS = sorted((ROOT / "build/wheel").glob("*.whl"))
DEPENDENCIES = {
    "alembic", "argon2-cffi", "click", "cryptography", "jinja2", "pydantic", "pyotp", "pypng", "pyrad>=2.6",
    "python-pam", "pyyaml", "qrcode", "sqlalchemy", "starlette", "uvicorn",
}  # fmt: skip

of_the_wheel = pytest.mark.skipif(
    "build/venv" not in sys.executable, reason="these tests run on the tree; `make test` runs them on the wheel"
)


@of_the_wheel
def test_the_wheel_is_tested_and_not_the_tree() -> None:
    """`import radius_mfa` finds the installed wheel."""
    assert "site-packages" in INSTALLED.parts


@of_the_wheel
def test_the_wheel_has_every_file_of_the_package_and_no_other() -> None:
    """Dictionary, migrations, configuration, PAM module and type marker are in the wheel; tests are not."""
    (wheel,) = WHEELS
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        str(path if path.parts[0] == "radius_mfa" else "radius_mfa" / path)
        for path in tracked("radius_mfa", "config", "pam_hook")
    }
    assert expected == shipped
    assert "radius_mfa/py.typed" in shipped


def test_the_dependencies_are_the_agreed_ones() -> None:
    """A new dependency is a decision, and is made here too."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert set(setup["options"]["install_requires"].split()) == DEPENDENCIES


def test_the_console_script_answers() -> None:
    """`radius-mfa --help` works as installed."""
    script = Path(sys.executable).parent / "radius-mfa"
    done = subprocess.run([script, "--help"], capture_output=True, text=True)
    assert (0, "") == (done.returncode, done.stderr)
    assert "serve" in done.stdout
