"""`make install` and `make uninstall`, into a directory of their own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.qa.tree import tracked
from tests.service.installation import PYTHON, Installation, make

pytestmark = [
    pytest.mark.needs("/usr/lib/python3*/ensurepip", package="python3-venv"),
    pytest.mark.timeout(600),
]
DOC = "usr/share/doc/radius-mfa"
CONFIG = "etc/radius-mfa/radius-mfa.yaml"
LOGROTATE = "etc/logrotate.d/radius-mfa"
STALE = "srv/radius-mfa/lib/stale"
TREE = [
    LOGROTATE,
    CONFIG,
    "usr/lib/systemd/system/radius-mfa-pam-check.service",
    "usr/lib/systemd/system/radius-mfa-pam-check.socket",
    "usr/lib/systemd/system/radius-mfa-portal.service",
    "usr/lib/systemd/system/radius-mfa.service",
    "usr/lib/systemd/system/radius-mfa.socket",
    "usr/lib/sysusers.d/radius-mfa.conf",
    "usr/lib/tmpfiles.d/radius-mfa.conf",
    "usr/local/bin/radius-mfa",
    "usr/share/bash-completion/completions/radius-mfa",
    *(f"{DOC}/{path.name}" for path in tracked("docs") if path.suffix == ".md"),
    *(f"{DOC}/examples/{path.name}" for path in tracked("config/examples", "systemd/examples")),
    f"{DOC}/examples/pam.d/radius-mfa",
    f"{DOC}/examples/radius-mfa.yaml",
    f"{DOC}/examples/dictionary.radius-mfa",
    "usr/share/man/man5/radius-mfa.yaml.5",
    "usr/share/man/man8/radius-mfa.8",
]


@pytest.fixture
def copy(installed: Installation, tmp_path: Path) -> Installation:
    """An installation to change."""
    shutil.copytree(installed.root, tmp_path / "root", symlinks=True)
    return Installation(tmp_path / "root")


@pytest.fixture(scope="module")
def upgraded(installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation in a PREFIX of its own, with changes of an admin and a file of before, after one more install."""
    root = tmp_path_factory.mktemp("upgraded") / "root"
    shutil.copytree(installed.root, root, symlinks=True)
    (root / "opt").rename(root / "srv")
    for name in (CONFIG, LOGROTATE):
        (root / name).write_text("mine\n")
    (root / STALE).touch()
    installation = Installation(root)
    assert 0 == installation.make("install", "PREFIX=/srv/radius-mfa").returncode
    return installation


def run(installation: Installation, *arguments: str) -> str:
    """What the installed program prints, started where it lies now."""
    command: list[str | Path] = [installation.root / "opt/radius-mfa/bin/python", "-I", "-m", "radius_mfa", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_tree_is_this_one(installed: Installation) -> None:
    """Program, units, manual, completion, configuration, examples; nothing in /etc/pam.d, and nothing else."""
    assert sorted(TREE) == installed.names()
    assert {"bin", "include", "lib", "lib64", "pyvenv.cfg"} == {
        path.name for path in (installed.root / "opt/radius-mfa").iterdir()
    }


def test_the_program_is_the_wheel(installed: Installation) -> None:
    """Package, configuration and the sources of the PAM module; neither pip nor what tests need."""
    (packages,) = (installed.root / "opt/radius-mfa").glob("lib/python3*/site-packages")
    assert (packages / "radius_mfa/pam_hook/pam_radius_mfa.c").exists()
    assert (packages / "radius_mfa/config/radius-mfa.yaml").exists()
    assert set() == {"pip", "setuptools", "pytest", "mypy"} & {path.name for path in packages.iterdir()}


def test_the_program_runs_where_it_lies(installed: Installation) -> None:
    """The installed command answers, from the installed files."""
    assert run(installed, "--version").startswith("radius-mfa ")
    (place,) = (installed.root / "opt/radius-mfa").glob("lib/python3*/site-packages/radius_mfa")
    where = [str(installed.root / "opt/radius-mfa/bin/python"), "-I", "-c", "import radius_mfa as r; print(r.__file__)"]
    assert f"{place}/__init__.py\n" == subprocess.run(where, check=True, capture_output=True, text=True).stdout


@pytest.mark.needs_root
def test_the_command_runs_at_its_final_place(installed: Installation) -> None:
    """With the tree at / the command on the PATH answers: its first line names the final place."""
    script = 'mount --bind "$0/opt" /opt && mount --bind "$0/usr/local/bin" /usr/local/bin && exec radius-mfa --version'
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, installed.root], capture_output=True, text=True)
    assert (run(installed, "--version"), "") == (done.stdout, done.stderr)


def test_no_file_knows_where_it_was_made(installed: Installation) -> None:
    """Neither DESTDIR nor the place of the sources is in any file, compiled ones included."""
    places = [str(installed.root).encode(), str(ROOT).encode()]
    files = [path for path in installed.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 1000
    assert [] == [path for path in files if any(place in path.read_bytes() for place in places)]


def test_everybody_may_read_all_but_the_configuration(installed: Installation) -> None:
    """Whatever the umask of the admin: the service runs as another user. Only root writes."""
    closed = {installed.root / "etc/radius-mfa": 0o750, installed.root / CONFIG: 0o640}
    for path in installed.root.rglob("*"):
        mode = path.lstat().st_mode & 0o777
        if path in closed:
            assert closed[path] == mode
        elif not path.is_symlink():
            assert (0o444, 0) == (mode & 0o444, mode & 0o022), path


def test_every_module_is_compiled(installed: Installation) -> None:
    """The service may not write to its place: what is not compiled there would be at every start."""
    (package,) = (installed.root / "opt/radius-mfa").glob("lib/python3*/site-packages/radius_mfa")
    assert [] == [
        path for path in package.rglob("*.py") if not list(path.parent.glob(f"__pycache__/{path.stem}.*.pyc"))
    ]


def test_the_units_start_what_is_installed(installed: Installation, upgraded: Installation) -> None:
    """ExecStart names the command; with another PREFIX, that one."""
    for installation, prefix in ((installed, "/opt/radius-mfa"), (upgraded, "/srv/radius-mfa")):
        units = (installation.root / "usr/lib/systemd/system").glob("*.service")
        starts = [re.search(r"^ExecStart=(\S+) \S+$", unit.read_text(), re.MULTILINE) for unit in units]
        assert [f"{prefix}/bin/radius-mfa"] * 3 == [start[1] for start in starts if start]
        command = installation.root / prefix[1:] / "bin/radius-mfa"
        assert f"#!{prefix}/bin/python\n" == command.read_text().splitlines(keepends=True)[0]


def test_an_upgrade_keeps_what_the_admin_has_changed(upgraded: Installation) -> None:
    """Configuration and rotation stay; the program is replaced as a whole."""
    assert ["mine\n"] * 2 == [(upgraded.root / name).read_text() for name in (CONFIG, LOGROTATE)]
    assert not (upgraded.root / STALE).exists()
    assert sorted(TREE) == upgraded.names(without="srv/radius-mfa/")


def test_what_fails_leaves_the_old_program(copy: Installation) -> None:
    """An upgrade that cannot be put together changes nothing."""
    before = run(copy, "--version")
    done = copy.make("install", "PIP=PIP_NO_INDEX=1 PIP_FIND_LINKS= PIP_CONFIG_FILE=/dev/null")
    assert 0 != done.returncode
    assert before == run(copy, "--version")
    assert sorted(TREE) == copy.names(without="opt/radius-mfa")


def test_uninstall_leaves_what_it_says(copy: Installation) -> None:
    """Configuration and state stay and are named; nothing else is there any more."""
    secret = copy.root / "etc/radius-mfa/master.key"
    state = copy.root / "var/lib/radius-mfa/radius-mfa.db"
    state.parent.mkdir(parents=True)
    for path in (secret, state):
        path.write_text("mine\n")
    (copy.root / "etc/passwd").write_text("root:x:0:0:::\nradius-mfa:x:990:990:::\nradius-mfa-pam:x:991:991:::\n")
    done = copy.make("uninstall")
    kept = ["/etc/radius-mfa", "/var/lib/radius-mfa", "user radius-mfa", "user radius-mfa-pam"]
    assert (0, "", [f"kept: {name}" for name in kept]) == (done.returncode, done.stderr, done.stdout.splitlines())
    assert sorted([CONFIG, "etc/passwd", "etc/radius-mfa/master.key", "var/lib/radius-mfa/radius-mfa.db"]) == (
        copy.names(without="nothing")
    )
    assert not (copy.root / "opt/radius-mfa").exists()
    assert not (copy.root / DOC).exists()
    assert (0, "") == ((again := copy.make("uninstall")).returncode, again.stderr)


def test_uninstall_keeps_a_rotation_that_was_changed(copy: Installation) -> None:
    """What the admin wrote is the admin's."""
    (copy.root / LOGROTATE).write_text("mine\n")
    assert f"kept: /{LOGROTATE}" in copy.make("uninstall").stdout.splitlines()
    assert "mine\n" == (copy.root / LOGROTATE).read_text()


def test_uninstall_locks_nobody_out(copy: Installation) -> None:
    """While a PAM stack names the module the server stays, and the message says which stack."""
    stack = copy.root / "etc/pam.d/sshd"
    stack.parent.mkdir()
    stack.write_text("auth required pam_radius_mfa.so\n")
    done = copy.make("uninstall")
    assert 0 != done.returncode
    assert "etc/pam.d/sshd\nhint: take pam_radius_mfa.so out of it first\n" in done.stderr
    assert run(copy, "--version")
    stack.write_text("# auth required pam_radius_mfa.so\n")
    assert 0 == copy.make("uninstall").returncode


@pytest.mark.parametrize("target", ["install", "uninstall"])
@pytest.mark.parametrize("prefix", ["/usr", "", "radius-mfa"])
def test_a_place_of_others_is_refused(target: str, prefix: str, tmp_path: Path) -> None:
    """PREFIX is replaced as a whole: /usr is no place for that."""
    (tmp_path / "usr/bin").mkdir(parents=True)
    done = make(target, f"DESTDIR={tmp_path}", f"PREFIX={prefix}")
    assert 0 != done.returncode
    assert re.match(
        r"error: .*(holds something else|no absolute path).*\nhint: .*PREFIX=/opt/radius-mfa\n", done.stderr
    )
    assert ["usr", "usr/bin"] == sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))


def test_a_python_the_service_cannot_see_is_refused(tmp_path: Path) -> None:
    """The units hide home directories and /tmp."""
    fake = tmp_path / "python3"
    fake.write_text(f'#!/bin/sh\ncase $2 in *base_prefix*) echo /tmp/x;; *) exec {sys.executable} "$@";; esac\n')
    fake.chmod(0o755)
    done = make("install", f"DESTDIR={tmp_path / 'root'}", f"PYTHON={fake}")
    assert 0 != done.returncode
    assert "error: the service cannot see a python in /tmp/x\n" in done.stderr
    assert f"hint: make install PYTHON={PYTHON}\n" in done.stderr
    assert not (tmp_path / "root").exists()


@pytest.mark.needs("man", package="man-db")
@pytest.mark.needs("groff", package="groff-base")
@pytest.mark.parametrize("page", ["man8/radius-mfa.8", "man5/radius-mfa.yaml.5"])
def test_a_manual_page_is_sound(page: str, installed: Installation) -> None:
    """man has nothing to complain of, and the page has every command, or every key."""
    command: list[str | Path] = [
        "man",
        "--warnings",
        "-E",
        "UTF-8",
        "-l",
        "-Tutf8",
        installed.root / "usr/share/man" / page,
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "MANWIDTH": "200"})
    assert (0, "") == (done.returncode, done.stderr)
    shown = re.sub(".\b", "", done.stdout)
    listed = re.search(r"Commands:\n(.*)", run(installed, "--help"), re.DOTALL)
    assert listed
    commands = re.findall(r"^  (\S+)", listed[1], re.MULTILINE)
    keys = re.findall(r"^\| `([^` ]+)` \| .* \| ", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    assert len(commands) > 10
    assert len(keys) > 80
    for word in commands if page.startswith("man8") else keys:
        assert re.search(rf"^ +{re.escape(word)}\b", shown, re.MULTILINE), word


def test_bash_completes_the_commands(installed: Installation) -> None:
    """The file is what bash loads for `radius-mfa`, and it asks the program."""
    script = installed.root / "usr/share/bash-completion/completions/radius-mfa"
    assert script.read_text().strip() == run(installed, "completion", "bash").strip()
    ask = f'PATH={installed.root}/bin:$PATH; source "{script}"; complete -p radius-mfa'
    done = subprocess.run(["bash", "--norc", "-c", ask], capture_output=True, text=True)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.endswith("radius-mfa\n")
