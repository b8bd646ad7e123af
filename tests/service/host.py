"""A root directory with users, directories and configuration as sysusers.d and tmpfiles.d make them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.conftest import ROOT
from tests.service.installation import Installation
from tests.service.unit import read

PROGRAM = "/opt/radius-mfa/bin/radius-mfa"
PASSWORD = "correct-horse"
HASH = "$6$saltsalt$K7UFl//Wp07xMvFGF5CNr3JVL52HTe9O9C8NXwEvinkuKFSKIlvZQXSwQoNHq5D.BYsXc7IkvOpvWCBRDof1g1"
SECRET = "a secret of the test, long enough"
PLACES = ("usr", "opt/radius-mfa", "proc", "sys", "dev", "tmp", "var/tmp", "home", "root")
OF_THE_HOST = ("group", "passwd", "shadow", "nsswitch.conf", "ld.so.cache", "hosts", "login.defs", "pam.d", "security")


@dataclass(frozen=True)
class Host:
    """`root` stands for `/`. What is written there is written nowhere else."""

    root: Path
    installation: Installation

    def run(self, *command: str, given: str = "", uid: int = 0) -> str:
        """Run a command there, unconfined, as this user and group; what it prints."""
        script = (
            'cd "$0" && mount --rbind /usr usr && mount --bind "$1" opt/radius-mfa && '
            'mount --rbind /dev dev && user=$2 && shift 2 && exec chroot --userspec="$user:$user" . "$@"'
        )
        start: list[str | Path] = ["unshare", "-m", "sh", "-c", script, self.root, self.programs, str(uid)]
        done = subprocess.run([*start, *command], input=given, capture_output=True, text=True)
        assert (0, "") == (done.returncode, done.stderr)
        return done.stdout

    @property
    def uid(self) -> int:
        """Of the server's user."""
        return (self.root / "var/lib/radius-mfa").stat().st_uid

    @property
    def programs(self) -> Path:
        return self.installation.root / "opt/radius-mfa"

    def tmpfiles(self) -> None:
        """Run what the boot runs, in this directory alone."""
        subprocess.run(
            ["systemd-tmpfiles", f"--root={self.root}", "--create", ROOT / "systemd/tmpfiles.conf"], check=True
        )

    def configure(self, text: str) -> None:
        (self.root / "etc/radius-mfa/radius-mfa.yaml").write_text(text)
        self.tmpfiles()

    @contextmanager
    def confined(
        self,
        service: Path,
        *command: str,
        socket: Path | None = None,
        credentials: Path | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Iterator[subprocess.Popen[str]]:
        """Run a program as the unit does; killed at the end if it still runs."""
        start: list[str | Path] = [sys.executable, "-m", "tests.service.confine", service]
        start += [socket or "-", self.root, self.programs, *command]
        given = self._handed_over(service, credentials) if credentials else {}
        with subprocess.Popen(
            start,
            env=os.environ | given | dict(environment),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def _handed_over(self, service: Path, store: Path) -> dict[str, str]:
        """The credential of the unit, as systemd hands it over: in a directory of its own, for the user alone."""
        (name,) = read(service)["LoadCredential"]
        place = self.root / "run/credentials" / service.name
        place.mkdir(parents=True)
        shutil.copyfile(store / name, place / name)
        (place / name).chmod(0o400)
        for path in (place, place / name):
            os.chown(path, self.uid, self.uid)
        return {"CREDENTIALS_DIRECTORY": f"/run/credentials/{service.name}"}

    def said(self, service: Path, script: str) -> str:
        """What a Python script prints there."""
        python = PROGRAM.replace("radius-mfa", "python").replace("/opt/python", "/opt/radius-mfa")
        with self.confined(service, python, "-I", "-c", script) as process:
            out, err = process.communicate()
        assert (0, "") == (process.returncode, err)
        return out


def make_host(root: Path, installation: Installation) -> Host:
    """A host on which everything is installed and nothing set up."""
    root.chmod(0o755)
    for place in PLACES:
        (root / place).mkdir(parents=True)
    for link in ("bin", "sbin", "lib", "lib64"):
        (root / link).symlink_to(f"usr/{link}")
    (root / "inaccessible").touch(0o000)
    (root / "etc").mkdir()
    for name in OF_THE_HOST:
        source, copy = Path("/etc") / name, root / "etc" / name
        shutil.copytree(source, copy) if source.is_dir() else shutil.copy2(source, copy)
    shutil.copy2(ROOT / "config/pam.d/radius-mfa", root / "etc/pam.d")
    subprocess.run(
        ["systemd-sysusers", f"--root={root}", ROOT / "systemd/sysusers.conf"], check=True, capture_output=True
    )
    shadow = re.search(r"^shadow:[^:]*:(\d+):", (root / "etc/group").read_text(), re.MULTILINE)
    assert shadow
    shutil.chown(root / "etc/shadow", 0, int(shadow[1]))
    (root / "etc/shadow").chmod(0o640)
    host = Host(root, installation)
    host.tmpfiles()
    return host
