"""What the portal starts with, and where it listens."""

from __future__ import annotations

import errno
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from radius_mfa.errors import ConfigurationError
from radius_mfa.portal.listening import bind
from radius_mfa.portal.tls import Certificate
from radius_mfa.settings.addresses import Endpoint
from tests.portal.site import Browser, Site, self_signed


def refused(site: Site) -> tuple[int, list[str]]:
    """The status of a portal that does not start, and what it says."""
    site.launch_portal()
    status = site.ended()
    assert "listening" not in site.log()
    return status, site.log().splitlines()


def test_without_a_portal_in_the_configuration_there_is_none(made: Callable[..., Site]) -> None:
    """78, and which keys make one."""
    site = made()
    del site.server.doors["portal"]
    site.server.configure()
    assert (78, ["error: there is no portal", "hint: set listen.portal and the section portal"]) == refused(site)


def _gone(certificate: Path, _: Path) -> None:
    certificate.unlink()


def _other_key(certificate: Path, key: Path) -> None:
    (key.parent / "other").mkdir()
    shutil.copy(self_signed(key.parent / "other")[1], key)


def _open_key(_: Path, key: Path) -> None:
    key.chmod(0o604)


def _passphrase(_: Path, key: Path) -> None:
    plain = key.rename(key.with_name("plain.key"))
    command: list[str | Path] = ["openssl", "ec", "-in", plain, "-aes128", "-passout", "pass:hunter2", "-out", key]
    subprocess.run(command, check=True, capture_output=True)


def _no_certificate(certificate: Path, _: Path) -> None:
    certificate.write_text("nothing of the kind\n")


def _directory(_: Path, key: Path) -> None:
    key.unlink()
    key.mkdir()


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (_gone, "portal.certificate: there is no {0}"),
        (_other_key, "portal.key: {1} does not fit the certificate {0}"),
        (_open_key, "portal.key: {1} lets everybody on this host at the key"),
        (_passphrase, "{0} and {1} are not a certificate and its key"),
        (_no_certificate, "{0} and {1} are not a certificate and its key"),
        (_directory, "portal.key: cannot read {1}: Is a directory"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told(
    tmp_path: Path, mistake: Callable[[Path, Path], None], said: str
) -> None:
    """What is wrong in a line, and what mends it; no passphrase is asked for."""
    files = self_signed(tmp_path)
    Certificate(*files)
    mistake(*files)
    with pytest.raises(ConfigurationError) as refusal:
        Certificate(*files)
    assert said.format(*files) == refusal.value.message
    assert refusal.value.hint


@pytest.mark.needs_root
def test_a_key_that_the_user_may_not_read_is_told() -> None:
    """It is read as the user who serves, not as root, before anything is bound: 78."""
    with TemporaryDirectory(prefix="radius-mfa-") as folder:
        site = Site(Path(folder) / "site", user="nobody")
        site.server.configure()
        for path in (Path(folder), site.directory, site.certificate, site.server.directory):
            shutil.chown(path, "nobody")
        for path in site.server.directory.iterdir():
            shutil.chown(path, "nobody")
        status, (error, hint) = refused(site)
        site.close()
    assert (78, f"error: portal.key: cannot read {site.key}: Permission denied") == (status, error)
    assert f"chmod 640 {site.key}" in hint


@pytest.mark.parametrize("missing", ["master_key", "store", "audit_file"])
def test_what_a_login_needs_is_looked_at_first(made: Callable[..., Site], missing: str) -> None:
    """Key, database and audit: 78 and the path."""
    site = made()
    path: Path = getattr(site.server, missing)
    if path.exists():
        path.unlink()
    else:
        path.mkdir()
    status, (error, *_) = refused(site)
    assert (78, True) == (status, str(path) in error)


# Where it listens


def test_a_second_portal_is_refused(made: Callable[..., Site]) -> None:
    """The port is taken: 69, as with RADIUS, for whoever has it may go."""
    site = made()
    site.passes = False
    expected = f"error: 127.0.0.1:{site.port} is in use", "hint: is the portal running already, or another web server?"
    assert (69, list(expected)) == refused(site)


@pytest.mark.parametrize(
    ("place", "said", "hint"),
    [
        (Endpoint("192.0.2.1", 8443), "cannot listen on 192.0.2.1:8443: Cannot assign", "an address of this host"),
        (
            Path("/nowhere/portal.sock"),
            "cannot listen on /nowhere/portal.sock: No such file",
            "/nowhere has to be there",
        ),
    ],
)
def test_a_place_that_is_not_of_this_host_is_told(place: Endpoint | Path, said: str, hint: str) -> None:
    """And what the setting takes."""
    with pytest.raises(ConfigurationError) as refusal:
        bind(place)
    assert said in refusal.value.message
    assert hint in refusal.value.hint


def test_a_port_of_root_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below 1024 the service manager opens it."""

    def refuse(*_: object, **__: object) -> socket.socket:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ConfigurationError) as refusal:
        bind(Endpoint("127.0.0.1", 443))
    assert "cannot listen on 127.0.0.1:443: Permission denied" == refusal.value.message
    assert "radius-mfa-portal.socket" in refusal.value.hint


@pytest.mark.parametrize("place", ["127.0.0.1:1", "unix:/run/portal.sock"])
def test_a_socket_that_is_not_the_configured_one_is_told(made: Callable[..., Site], place: str) -> None:
    """Whoever connects to the socket of the unit would wait in vain: 78."""
    site = made()
    site.server.doors["portal"] = place
    site.server.configure()
    status, (error, hint) = refused(site)
    expected = f"error: the service manager has passed a socket that is not used: 127.0.0.1:{site.port}"
    assert (78, expected, True) == (status, error, "portal: listen.portal" in hint)


def test_it_binds_a_port_of_its_own(made: Callable[..., Site]) -> None:
    """Where none is passed; over IPv6 too."""
    site = made()
    site.passes = False
    site.listener.close()
    for address in ("127.0.0.1:0", "[::1]:0"):
        site.server.doors["portal"] = address
        site.server.configure()
        site.start_portal()
        port = int(site.log().partition("listening on ")[2].splitlines()[0].rpartition(":")[2])
        with Browser(f"https://{address.rpartition(':')[0]}:{port}") as browser:
            assert 200 == browser.get("/login", headers={"Host": f"localhost:{site.port}"}).status_code
        assert 0 == site.stop_portal()


@pytest.mark.parametrize("passed", [True, False])
def test_behind_a_proxy_a_visitor_comes_from_where_the_proxy_says(made: Callable[..., Site], passed: bool) -> None:
    """Over a Unix socket that the group may use; the audit has the visitor's address."""
    site = made(over_tls=False)
    path = site.directory / "portal.sock"
    site.passes = passed
    site.listener.close()
    if passed:
        site.listener = socket.socket(socket.AF_UNIX)
        site.listener.bind(str(path))
        site.listener.listen()
    site.server.doors["portal"] = f"unix:{path}"
    site.start()
    assert f"listening on unix:{path}" in site.log()
    assert passed or 0o660 == path.stat().st_mode & 0o777
    user = site.user()
    told = {
        "Host": f"localhost:{site.port}",
        "Sec-Fetch-Site": "same-origin",
        "X-Forwarded-For": "10.0.0.1, 203.0.113.5",
    }
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://proxy", headers=told) as proxy:
        asked = proxy.post("/login", data={"name": user.name, "password": user.password})
    assert (303, "/login/code") == (asked.status_code, asked.headers["Location"])
    assert ["203.0.113.5"] == [line["source"] for line in site.server.audit_of(user.name)]
