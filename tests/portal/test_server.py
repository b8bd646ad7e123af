"""The process of the portal: what it starts with, where it listens, and how it ends."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from radius_mfa.errors import ConfigurationError
from radius_mfa.portal.listening import bind
from radius_mfa.portal.tls import Certificate
from radius_mfa.settings.addresses import Endpoint
from tests.daemon.server import wait_for
from tests.daemon.test_service_manager import Manager
from tests.portal.site import Browser, Site, self_signed, sites


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes sites that nothing of runs yet; the keywords are those of Site."""
    with sites(tmp_path) as all_of_them:

        def one(**keywords: object) -> Site:
            all_of_them.append(Site(tmp_path / f"site{len(all_of_them)}", **keywords))  # type: ignore[arg-type]
            all_of_them[-1].server.configure()
            return all_of_them[-1]

        yield one


def refused(site: Site) -> tuple[int, list[str]]:
    """The status of a portal that does not start, and what it says."""
    site.launch_portal()
    status = site.ended()
    assert "listening" not in site.log()
    return status, site.log().splitlines()


# What it starts with


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


# How it lives and ends


def test_a_request_under_way_is_answered_at_the_end(made: Callable[..., Site]) -> None:
    """SIGTERM while a refusal is held back: it comes, and the status is 0."""
    site = made(reject_delay="1s")
    site.start()
    with site.browser() as browser, ThreadPoolExecutor(1) as other:
        late = other.submit(browser.submit, "/login", name="nobody-here", password="wrong")
        wait_for(lambda: site.server.audit_file.exists() and site.server.audit_lines(), "the verdict")
        assert 0 == site.stop_portal()
        assert 403 == late.result().status_code


def test_an_interrupt_ends_it_in_peace(made: Callable[..., Site]) -> None:
    """SIGINT: 0, and nothing to complain of."""
    site = made()
    site.start_portal()
    assert site.process is not None
    site.process.send_signal(signal.SIGINT)
    assert 0 == site.ended()
    (line,) = site.log().splitlines()
    assert line.endswith(f"portal: listening on 127.0.0.1:{site.port}")


def test_a_new_certificate_is_presented_after_sighup(made: Callable[..., Site]) -> None:
    """Without an end for anybody; one that cannot be used leaves the old one in place."""
    site = made()
    site.start_portal()
    assert site.process is not None
    old = presented(site)
    (site.directory / "renewed").mkdir()
    certificate, key = self_signed(site.directory / "renewed")
    with site.browser() as browser:
        browser.get("/login")
        shutil.copy(certificate, site.certificate)
        site.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "does not fit the certificate" in site.log(), "a complaint")
        assert old == presented(site)
        shutil.copy(key, site.key)
        site.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "certificate and key are read again" in site.log(), "the renewal")
        assert ssl.PEM_cert_to_DER_cert(certificate.read_text()) == presented(site)
        assert 200 == browser.get("/login").status_code


def presented(site: Site) -> bytes:
    """The certificate of a new connection."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", site.port), 20) as raw, context.wrap_socket(raw) as wrapped:
        assert wrapped.version() in {"TLSv1.2", "TLSv1.3"}
        return wrapped.getpeercert(binary_form=True) or b""


def test_old_tls_is_not_spoken(made: Callable[..., Site]) -> None:
    """1.2 at least."""
    site = made()
    site.start_portal()
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{site.port}", "-cipher", "ALL:@SECLEVEL=0"]
    for version, taken in (("-tls1_1", False), ("-tls1_2", True)):
        done = subprocess.run([*command, version], input=b"", capture_output=True)
        assert taken == (done.returncode == 0), done.stderr


def test_the_service_manager_hears_of_it(made: Callable[..., Site], tmp_path: Path) -> None:
    """Ready with the place where it listens, signs of life, and that it ends."""
    site = made()
    manager = Manager(tmp_path)
    site.environment = manager.environment
    site.start_portal()
    assert f"STATUS=listening on 127.0.0.1:{site.port}" in manager.hear("READY=1")
    manager.hear("WATCHDOG=1")
    assert 0 == site.stop_portal()
    manager.hear("STOPPING=1")
    manager.socket.close()


def test_whoever_logs_in_over_radius_goes_first(made: Callable[..., Site]) -> None:
    """The priority of the process is lower than that of the daemon."""
    site = made()
    site.start_portal()
    assert site.process is not None
    assert os.getpriority(os.PRIO_PROCESS, 0) + 5 == os.getpriority(os.PRIO_PROCESS, site.process.pid)


def test_without_the_daemon_nobody_signs_in(made: Callable[..., Site]) -> None:
    """The portal starts, shows its pages, says 503 and, once, why; with the daemon all is well."""
    site = made()
    user = site.user()
    site.start_portal()
    with site.browser() as browser:
        assert 200 == browser.get("/login").status_code
        for _ in range(3):
            page = browser.submit("/login", name=user.name, password=user.password)
            assert (503, "60") == (page.status_code, page.headers["Retry-After"])
        (line,) = [line for line in site.log().splitlines() if "not available" in line]
        assert f"{site.server.store}.shared has no room for the portal; hint: start radius-mfa serve" in line
        site.server.start()
        assert "/" == browser.sign_in(user).url.path


def test_the_log_has_nothing_that_was_asked_for(made: Callable[..., Site]) -> None:
    """No line for a request, whatever its path, its query and its headers."""
    site = made()
    site.start_portal()
    with site.browser() as browser:
        for path in ("/login?key=hunter2", "/hunter2", "/login/%0ahunter2"):
            browser.get(path, headers={"User-Agent": "hunter2", "Cookie": "__Host-session=hunter2"})
        browser.get("/", headers={"Host": "hunter2"})
        browser.post("/login", content=b"name=hunter2&" + b"x" * 100_000, headers={"Content-Type": "text/plain"})
    with socket.create_connection(("127.0.0.1", site.port), 20) as raw:
        raw.sendall(b"GET /hunter2 HTTP/1.1\r\n\r\n")
        while raw.recv(4096):
            pass
    assert 0 == site.stop_portal()
    assert 1 == len(site.log().splitlines())
