"""Building, installing and taking away the module."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pam.host import NEEDS_HOOK

pytestmark = [
    *NEEDS_HOOK,
]
MODULE = "pam_radius_mfa.so"


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make on a copy of pam_hook/."""
    copy = folder / "pam_hook"
    if not copy.exists():
        shutil.copytree(ROOT / "pam_hook", copy, ignore=shutil.ignore_patterns("*.so"))
    command: list[str | Path] = ["make", "-s", "--no-print-directory", "-C", copy, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_module_is_what_it_says(tmp_path: Path) -> None:
    """`make check`: it shows two functions, needs libpam and libc alone, and the analyzer finds nothing."""
    done = make(tmp_path, "check")
    assert (0, "") == (done.returncode, done.stdout)


def test_install_puts_the_module_where_pam_looks(tmp_path: Path) -> None:
    """Under DESTDIR, in the directory that has pam_permit.so on this host, readable by all and writable by root."""
    destination = tmp_path / "root"
    assert 0 == make(tmp_path, "install", f"DESTDIR={destination}").returncode
    (installed,) = destination.rglob("*.so")
    assert MODULE == installed.name
    assert (Path("/") / installed.relative_to(destination)).with_name("pam_permit.so").exists()
    assert 0o644 == installed.stat().st_mode & 0o777
    assert 1 == len(files(destination))


def test_install_twice_leaves_one_module(tmp_path: Path) -> None:
    """An upgrade replaces the file by another, so that a login under way keeps the one it has loaded."""
    destination = tmp_path / "root"
    arguments = ["install", f"DESTDIR={destination}", "PAMDIR=/lib/security"]
    assert 0 == make(tmp_path, *arguments).returncode
    module = destination / "lib/security" / MODULE
    with module.open("rb") as loaded:
        before = loaded.read()
        assert 0 == make(tmp_path, *arguments).returncode
        loaded.seek(0)
        assert before == loaded.read()
        assert module.stat().st_ino != Path(f"/proc/self/fd/{loaded.fileno()}").stat().st_ino
    assert [f"lib/security/{MODULE}"] == files(destination)


def test_debian_gets_a_profile(tmp_path: Path) -> None:
    """Where pam-auth-update keeps its profiles, ours is put too, switched off."""
    destination = tmp_path / "root"
    profiles = destination / "usr/share/pam-configs"
    profiles.mkdir(parents=True)
    arguments = [f"DESTDIR={destination}", "PAMDIR=/lib/security"]
    assert 0 == make(tmp_path, "install", *arguments).returncode
    assert "Default: no" in (profiles / "radius-mfa").read_text()
    assert 0 == make(tmp_path, "uninstall", *arguments).returncode
    assert [] == files(destination)


def test_uninstall_does_not_lock_out(tmp_path: Path) -> None:
    """While a stack names the module it stays, and the message says which stack."""
    destination = tmp_path / "root"
    arguments = [f"DESTDIR={destination}", "PAMDIR=/lib/security"]
    make(tmp_path, "install", *arguments)
    stack = destination / "etc/pam.d/sshd"
    stack.parent.mkdir(parents=True)
    stack.write_text(f"auth required {MODULE}\n")
    done = make(tmp_path, "uninstall", *arguments)
    assert 0 != done.returncode
    assert str(stack) in done.stdout
    assert "hint: " in done.stdout
    assert (destination / "lib/security" / MODULE).exists()
    stack.write_text(f"# auth required {MODULE}\n")
    assert 0 == make(tmp_path, "uninstall", *arguments).returncode
    assert not (destination / "lib/security" / MODULE).exists()


@pytest.mark.parametrize("target", ["install", "uninstall"])
def test_a_host_without_pam_is_told(tmp_path: Path, target: str) -> None:
    """Where no directory of modules is found, nothing is done, and the message says what to give."""
    done = make(tmp_path, target, f"DESTDIR={tmp_path / 'root'}", "PAMDIR=")
    assert 0 != done.returncode
    assert "hint: make " in done.stdout
    assert not (tmp_path / "root").exists()
