"""The programs do their work confined as their units say, and the confinement holds."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import ROOT
from tests.pam.host import build
from tests.portal.site import Browser, self_signed
from tests.service.host import HASH, PASSWORD, PROGRAM, SECRET, Host

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.needs("systemd-analyze", package="systemd"),
    pytest.mark.needs("cc", package="gcc"),
    pytest.mark.timeout(600),
]
DAEMON, HELPER = ROOT / "systemd/radius-mfa.service", ROOT / "systemd/radius-mfa-pam-check.service"
PORTAL = ROOT / "systemd/radius-mfa-portal.service"
ADD = ("user", "add", "alice", "--mfa", "off", "--email", "a@example.com", "--password-stdin")
HOOK_SOCKET = ROOT / "systemd/radius-mfa.socket"
DOOR = ROOT / "systemd/radius-mfa-pam-check.socket"
CONFIG = f"""issuer: Example
listen: {{radius: ["127.0.0.1:0"]}}
store: sqlite:////var/lib/radius-mfa/radius-mfa.db
master_key: {{file: master.key}}
clients:
  - {{shortname: localhost, ipaddr: 127.0.0.1, secret: {SECRET!r}}}
"""
ASK = """
import json, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect("/run/radius-mfa-pam-check/check.sock")
    asked.sendall(sys.argv[1].encode() + b"\\n")
    print(json.loads(asked.makefile().readline())["result"])
"""


@pytest.fixture
def host(bare: Host) -> Host:
    """With configuration, key and database."""
    bare.configure(CONFIG)
    bare.run(PROGRAM, "init")
    return bare


def test_the_first_steps_of_the_docs_lead_to_a_server_that_could_start(bare: Host) -> None:
    """The shipped configuration, a secret as docs/service.md makes it, and `init`: the server's user reads it all."""
    bare.configure((bare.installation.root / "etc/radius-mfa/radius-mfa.yaml").read_text())
    (line,) = re.findall(
        r"^\(umask .* >?/etc/radius-mfa/secrets/.*$", (ROOT / "docs/service.md").read_text(), re.MULTILINE
    )
    bare.run("/bin/sh", "-c", line)
    bare.tmpfiles()
    made = "made /etc/radius-mfa/master.key\nmade /var/lib/radius-mfa/radius-mfa.db\n"
    assert bare.run(PROGRAM, "init").startswith(made)
    checked = bare.run("/bin/sh", "-c", f"{PROGRAM} config check 2>/dev/null", uid=bare.uid)
    assert "/etc/radius-mfa/radius-mfa.yaml is right: 1 client\n" == checked
    assert bare.run(PROGRAM, "client", "list", uid=bare.uid)


def test_root_alone_can_own_the_master_key(host: Host) -> None:
    """As a credential: the server is handed a copy, and commands of root read it where systemd does."""
    name = "radius-mfa.master-key"
    store = host.root / "etc/credstore"
    store.mkdir(0o700)
    (host.root / "etc/radius-mfa/master.key").rename(store / name)
    os.chown(store / name, 0, 0)
    host.configure(CONFIG.replace("{file: master.key}", f"{{credential: {name}}}"))
    assert host.run("/usr/bin/env", "CREDENTIALS_DIRECTORY=/etc/credstore", PROGRAM, "user", "list")
    with host.confined(DAEMON, PROGRAM, "serve", credentials=store) as process:
        assert process.stderr is not None
        assert any("listening on" in line for line in iter(process.stderr.readline, ""))


def test_the_daemon_serves_reloads_and_ends(host: Host) -> None:
    """Start, login, reload, login, end: nothing that the program does is forbidden to it."""
    host.run(PROGRAM, *ADD, given=PASSWORD)
    with host.confined(DAEMON, PROGRAM, "serve") as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        port = next(found[1] for line in lines if (found := re.search(r"listening on 127.0.0.1:(\d+)", line)))
        assert 0 == login(port).returncode
        process.send_signal(signal.SIGHUP)
        assert "reloaded" in next(line for line in lines if "warning" not in line)
        assert 0 == login(port).returncode
        process.terminate()
        rest = list(lines)
        assert (0, []) == (process.wait(), [line for line in rest if "stopping" not in line])
    audit = host.root / "var/log/radius-mfa/audit.jsonl"
    assert (0o640, 2) == (audit.stat().st_mode & 0o777, len(audit.read_text().splitlines()))


def test_the_daemon_tells_systemd_and_attends_at_its_socket(host: Host) -> None:
    """READY from inside the confinement, and logins of the PAM module at the socket that root has opened."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, TemporaryDirectory(prefix="radius-mfa-") as name:
        manager.bind(str(host.root / "run/notify"))
        (host.root / "run/notify").chmod(0o666)
        manager.settimeout(60)
        host.configure(CONFIG.replace("listen: {", "listen: {pam: /run/radius-mfa/pam.sock, "))
        host.run(
            PROGRAM,
            "user",
            "add",
            "alice",
            "--mfa",
            "off",
            "--email",
            "a@example.com",
            "--password-stdin",
            given=PASSWORD,
        )
        told = {"NOTIFY_SOCKET": "/run/notify"}
        with host.confined(DAEMON, PROGRAM, "serve", socket=HOOK_SOCKET, environment=told) as process:
            assert manager.recv(4096).startswith(b"READY=1\nSTATUS=workers: ")
            hook = build(Path(name))
            hook.stack(hook.hook(socket=host.root / "run/radius-mfa/pam.sock"))
            assert "success" == hook.login(PASSWORD).result
            assert "auth_err" == hook.login("wrong").result
            process.terminate()
            assert 0 == process.wait(30)


def test_the_portal_signs_in_and_ends(host: Host) -> None:
    """Beside the daemon, over TLS: its pages, a password that is checked, a new certificate, the end."""
    for file in self_signed(host.root / "etc/radius-mfa"):
        os.chown(file, 0, 0)
    url = "https://localhost:8443"
    section = f'portal: {{url: "{url}", certificate: tls.crt, key: tls.key}}\n'
    host.configure(CONFIG.replace("listen: {", 'listen: {portal: "127.0.0.1:0", ') + section)
    host.run(PROGRAM, *ADD, given=PASSWORD)
    with host.confined(DAEMON, PROGRAM, "serve") as daemon, host.confined(PORTAL, PROGRAM, "portal") as portal:
        assert daemon.stderr is not None
        assert portal.stderr is not None
        assert any("listening on" in line for line in iter(daemon.stderr.readline, ""))
        lines = iter(portal.stderr.readline, "")
        port = next(found[1] for line in lines if (found := re.search(r"listening on 127.0.0.1:(\d+)", line)))
        with Browser(f"https://localhost:{port}") as browser:
            browser.headers["Host"] = "localhost:8443"
            assert 200 == browser.get("/static/portal.css").status_code
            for given, status in (("wrong", 403), (PASSWORD, 303)):
                form = {"name": "alice", "password": given}
                assert status == browser.post("/login", data=form, follow_redirects=False).status_code
        portal.send_signal(signal.SIGHUP)
        assert "certificate and key are read again" in next(lines)
        portal.terminate()
        assert 0 == portal.wait(30)


def login(port: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-m", "radius_mfa", "test", "alice", PASSWORD, f"127.0.0.1:{port}", "0", SECRET]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_helper_checks_passwords_of_the_host(host: Host) -> None:
    """pam_unix tells right from wrong and expired without root, without set-user-id programs, without a network."""
    add_user(host, "bob")
    add_user(host, "eve", expires="1")
    with helper(host, HELPER) as process:
        said = [ask(host, *pair) for pair in (("bob", PASSWORD), ("bob", "wrong"), ("eve", PASSWORD), ("zoe", "x"))]
        assert ["passed", "wrong", "not-allowed", "wrong"] == said
        process.terminate()
        assert ("", "") == process.communicate()
        assert 0 == process.returncode


def test_unix_chkpwd_works_where_pam_unix_asks_it(host: Host) -> None:
    """Newer versions of pam_unix leave the reading to it; it tells right from wrong with the group alone."""
    add_user(host, "bob")
    script = (
        "import subprocess\n"
        f"for word in (b{PASSWORD!r}, b'wrong'):\n"
        "    done = subprocess.run(['/usr/sbin/unix_chkpwd', 'bob', 'nonull'], input=word + bytes(1), cwd='/')\n"
        "    print(done.returncode)\n"
    )
    authenticated, refused = 0, 7
    assert [authenticated, refused] == [int(status) for status in host.said(HELPER, script).split()]


def test_without_group_shadow_the_helper_finds_every_password_wrong(host: Host, tmp_path: Path) -> None:
    """The group is what lets it read: a unit without it denies."""
    unit = tmp_path / "radius-mfa-pam-check.service"
    unit.write_text(HELPER.read_text().replace("=radius-mfa shadow", "=radius-mfa"))
    add_user(host, "bob")
    with helper(host, unit):
        assert ask(host, "bob", PASSWORD) != "passed"


def test_the_drop_in_for_closed_shadow_files_lets_the_helper_read_them(host: Host, tmp_path: Path) -> None:
    """With pam-check-rhel.conf passwords are checked where only root may read them."""
    unit = tmp_path / "radius-mfa-pam-check.service"
    unit.write_text(HELPER.read_text() + (ROOT / "systemd/examples/pam-check-rhel.conf").read_text())
    add_user(host, "bob")
    (host.root / "etc/shadow").chmod(0o000)
    with helper(host, unit):
        assert ["passed", "wrong"] == [ask(host, "bob", PASSWORD), ask(host, "bob", "wrong")]


@contextmanager
def helper(host: Host, unit: Path) -> Iterator[subprocess.Popen[str]]:
    """The helper, at work."""
    with host.confined(unit, PROGRAM, "pam-check", socket=DOOR) as process:
        assert process.stderr is not None
        assert "checking passwords on" in process.stderr.readline()
        yield process


def add_user(host: Host, name: str, *, expires: str = "") -> None:
    """A user of the host with PASSWORD; `expires` is a day since 1970."""
    with (host.root / "etc/passwd").open("a") as passwd, (host.root / "etc/shadow").open("a") as shadow:
        passwd.write(f"{name}:x:{2000 + ord(name[0])}:100::/:/bin/sh\n")
        shadow.write(f"{name}:{HASH}:19000:0:99999:7::{expires}:\n")


def ask(host: Host, user: str, password: str) -> str:
    """What the helper says; the server's user asks."""
    question = {"service": "radius-mfa", "user": user, "password": password, "rhost": "192.0.2.1", "min_uid": 1000}
    return host.run("/usr/bin/python3", "-I", "-c", ASK, json.dumps(question), uid=host.uid).strip()
