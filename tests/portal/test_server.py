"""The process of the portal at work: how it lives, and how it ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.daemon.server import wait_for
from tests.daemon.test_service_manager import Manager
from tests.portal.site import Site, self_signed


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
