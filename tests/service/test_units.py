"""The units, and the files beside them, fit the program."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from radius_mfa.errors import AccessDenied, ConfigurationError
from radius_mfa.portal.limits import LIMITS
from radius_mfa.portal.server import BEAT
from radius_mfa.settings import load_text
from radius_mfa.supervisor import program, supervisor
from tests.conftest import ROOT
from tests.service.host import Host
from tests.service.installation import Installation
from tests.service.unit import read

SYSTEMD = ROOT / "systemd"
UNITS = sorted(path for path in SYSTEMD.iterdir() if path.suffix in {".service", ".socket"})
DAEMON, HELPER = read(SYSTEMD / "radius-mfa.service"), read(SYSTEMD / "radius-mfa-pam-check.service")
PORTAL = read(SYSTEMD / "radius-mfa-portal.service")
HOOK_SOCKET, HELPER_SOCKET = read(SYSTEMD / "radius-mfa.socket"), read(SYSTEMD / "radius-mfa-pam-check.socket")
needs_systemd = pytest.mark.needs("systemd-analyze", package="systemd")
MINIMAL = """issuer: Example
listen: {radius: ["127.0.0.1:1812"]}
store: sqlite:////var/lib/radius-mfa/radius-mfa.db
master_key: {credential: NAME}
clients: [{shortname: a, ipaddr: 127.0.0.1, secret: sixteen-characters}]
"""


def seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(s|min)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "min": 60}[unit]


@needs_systemd
@pytest.mark.needs_root
@pytest.mark.needs("man", package="man-db")
@pytest.mark.timeout(600)
def test_systemd_has_nothing_to_complain_of(installed: Installation) -> None:
    """`systemd-analyze verify`, with the program and the manual in their places."""
    units = installed.root / "usr/lib/systemd/system"
    script = 'mount --bind "$0/opt" /opt && exec systemd-analyze verify "$@"'
    command: list[str | Path] = ["unshare", "-m", "sh", "-c", script, installed.root]
    places = {"SYSTEMD_UNIT_PATH": f"{units}:/usr/lib/systemd/system", "MANPATH": f"{installed.root}/usr/share/man"}
    verified = [units / path.name for path in UNITS]
    done = subprocess.run([*command, *verified], env=os.environ | places, capture_output=True, text=True)
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


@needs_systemd
@pytest.mark.parametrize(
    ("name", "tenths"), [("radius-mfa", 15), ("radius-mfa-portal", 15), ("radius-mfa-pam-check", 25)]
)
def test_the_exposure_is_small(name: str, tenths: int) -> None:
    """`systemd-analyze security`: at most 1.5 for server and portal, 2.5 for the process that checks PAM passwords."""
    options = ["--offline=true", f"--threshold={tenths}", "--no-pager"]
    command: list[str | Path] = ["systemd-analyze", "security", *options, SYSTEMD / f"{name}.service"]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout


def test_what_a_new_try_cannot_mend_is_not_tried_again() -> None:
    """Usage, permission and configuration end the unit; everything else starts it again, without an end."""
    final = {"2", str(AccessDenied.exit_code), str(ConfigurationError.exit_code)}
    for unit in (DAEMON, PORTAL, HELPER):
        assert (["on-failure"], final) == (unit["Restart"], set(unit["RestartPreventExitStatus"]))
        interval, burst = seconds(unit["StartLimitIntervalSec"][0]), int(unit["StartLimitBurst"][0])
        assert seconds(unit["RestartSec"][0]) * burst >= interval


def test_the_times_are_longer_than_those_of_the_program() -> None:
    """The checks before the start, the heartbeat and the farewell of the children end before systemd is impatient."""
    assert seconds(DAEMON["TimeoutStartSec"][0]) > supervisor.PREFLIGHT
    assert seconds(DAEMON["TimeoutStopSec"][0]) > program.LONG_FAREWELL > program.FAREWELL
    assert seconds(DAEMON["WatchdogSec"][0]) > 2 * supervisor.SILENCE
    assert seconds(PORTAL["TimeoutStopSec"][0]) > LIMITS.farewell
    assert seconds(PORTAL["WatchdogSec"][0]) > 2 * BEAT


def test_the_supervisor_alone_speaks_for_the_unit_and_ends_its_children() -> None:
    """Start and stop are the supervisor's: it is told to end, and only what it leaves is killed."""
    assert (["notify"], ["main"], ["mixed"]) == (DAEMON["Type"], DAEMON["NotifyAccess"], DAEMON["KillMode"])
    assert ["/bin/kill", "-HUP", "$MAINPID"] == DAEMON["ExecReload"]
    assert ["continue"] == DAEMON["OOMPolicy"]


def test_the_portal_is_confined_as_the_server_is() -> None:
    """And more: it sees no secret but its own, and stands back. It neither starts nor ends with the server."""
    own = {"ExecStart", "After", "TimeoutStopSec", "CPUWeight", "Nice", "InaccessiblePaths", "Description"}
    assert own == {key for key in PORTAL.keys() | DAEMON.keys() if PORTAL.get(key) != DAEMON.get(key)} - {"OOMPolicy"}
    assert ["-/etc/radius-mfa/secrets"] == PORTAL["InaccessiblePaths"]
    assert int(PORTAL["CPUWeight"][0]) < 100
    assert int(PORTAL["Nice"][0]) > 0
    assert "radius-mfa.service" in PORTAL["After"]
    assert set() == PORTAL.keys() & {"Requires", "BindsTo", "PartOf"}


@needs_systemd
def test_the_sockets_of_the_portal_fit(tmp_path: Path) -> None:
    """The examples start the portal, and docs/portal.md says where it then listens."""
    docs = (ROOT / "docs/portal.md").read_text()
    examples = sorted((SYSTEMD / "examples").glob("*.socket"))
    assert 2 == len(examples)
    for example in examples:
        unit = read(example)
        assert ["radius-mfa-portal.service"] == unit["Service"]
        (place,) = unit["ListenStream"]
        assert f"unix:{place}" in docs if place.startswith("/") else f'listen.portal: "{place}"' in docs
        assert example.name in docs
        (tmp_path / example.name).write_text(example.read_text())
    service = (
        (SYSTEMD / "radius-mfa-portal.service").read_text().replace("man:radius-mfa(8) man:radius-mfa.yaml(5)", "")
    )
    (tmp_path / "radius-mfa-portal.service").write_text(service.replace("/opt/radius-mfa/bin/radius-mfa", "/bin/true"))
    command: list[str | Path] = ["systemd-analyze", "verify", *(tmp_path / example.name for example in examples)]
    places = {"SYSTEMD_UNIT_PATH": f"{tmp_path}:/usr/lib/systemd/system"}
    done = subprocess.run(command, env=os.environ | places, capture_output=True, text=True)
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_the_credential_of_the_unit_can_be_named_in_the_configuration() -> None:
    """master_key: {credential: ...} takes the name in LoadCredential."""
    (name,) = DAEMON["LoadCredential"]
    settings = load_text(MINIMAL.replace("NAME", name), Path("/etc/radius-mfa/radius-mfa.yaml"), lambda _: [])
    assert name == settings.master_key.credential
    assert name in (ROOT / "docs/service.md").read_text()


def test_the_sockets_are_where_the_program_looks() -> None:
    """The path of each is the default of who connects to it; one is open to root alone, the other to the server."""
    hook = re.search(r'"(/run/[^"]+\.sock)"', (ROOT / "pam_hook/pam_radius_mfa.c").read_text())
    assert hook
    assert [hook[1]] == HOOK_SOCKET["ListenStream"]
    settings = load_text(MINIMAL, Path("/etc/radius-mfa/radius-mfa.yaml"), lambda _: [])
    assert [str(settings.passwords.helper)] == HELPER_SOCKET["ListenStream"]
    for socket, user in ((HOOK_SOCKET, "root"), (HELPER_SOCKET, DAEMON["User"][0])):
        assert ([user], [user], ["0600"]) == (socket["SocketUser"], socket["SocketGroup"], socket["SocketMode"])


def test_the_helper_has_a_user_of_its_own_and_no_network() -> None:
    """It sees the passwords of the host; the server does not, and nobody outside reaches it."""
    assert DAEMON["User"] != HELPER["User"]
    assert {"radius-mfa", "shadow"} == set(HELPER["SupplementaryGroups"])
    assert "SupplementaryGroups" not in DAEMON
    assert (["yes"], ["AF_UNIX"]) == (HELPER["PrivateNetwork"], HELPER["RestrictAddressFamilies"])


def test_the_drop_in_opens_the_network_and_nothing_else(tmp_path: Path) -> None:
    """pam-check-network.conf changes three settings."""
    opened = tmp_path / "opened.service"
    opened.write_text(
        (SYSTEMD / "radius-mfa-pam-check.service").read_text()
        + (SYSTEMD / "examples/pam-check-network.conf").read_text()
    )
    changed = {key: value for key, value in read(opened).items() if HELPER[key] != value}
    families = ["AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"]
    assert {"IPAddressDeny": [], "PrivateNetwork": ["yes", "no"], "RestrictAddressFamilies": families} == changed


@pytest.mark.needs_root
@pytest.mark.needs("systemd-tmpfiles", package="systemd")
@pytest.mark.needs("systemd-sysusers", package="systemd")
@pytest.mark.timeout(600)
def test_the_files_belong_to_whom_they_should(bare: Host) -> None:
    """The server reads its configuration and secrets and changes neither; the socket directories are root's."""
    secret = bare.root / "etc/radius-mfa/secrets/pbx"
    portal_key = bare.root / "etc/radius-mfa/tls.key"
    for path in (secret, portal_key):
        path.write_text("secret")
        path.chmod(0o600)
    bare.configure("issuer: Example\n")
    places = {
        "etc/radius-mfa": (0o750, 0, bare.uid),
        "etc/radius-mfa/radius-mfa.yaml": (0o640, 0, bare.uid),
        "etc/radius-mfa/secrets": (0o750, 0, bare.uid),
        "etc/radius-mfa/secrets/pbx": (0o640, 0, bare.uid),
        "etc/radius-mfa/tls.key": (0o640, 0, bare.uid),
        "var/lib/radius-mfa": (0o700, bare.uid, bare.uid),
        "var/log/radius-mfa": (0o750, bare.uid, bare.uid),
        "run/radius-mfa": (0o755, 0, 0),
        "run/radius-mfa-pam-check": (0o755, 0, 0),
    }
    found = {name: (bare.root / name).stat() for name in places}
    assert places == {name: (status.st_mode & 0o777, status.st_uid, status.st_gid) for name, status in found.items()}
    for key, name in (
        ("ConfigurationDirectoryMode", "etc"),
        ("StateDirectoryMode", "var/lib"),
        ("LogsDirectoryMode", "var/log"),
    ):
        assert int(DAEMON[key][0], 8) == places[f"{name}/radius-mfa"][0]
