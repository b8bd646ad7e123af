"""The portal as the tests run it: beside a daemon, over TLS, with a certificate that nobody has signed."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.daemon.server import PASS_SOCKET, Server, User, wait_for

MAIL = (
    'mail: {{from: "PBX <pbx@example.com>", help: "Call the help desk: 4711", '
    "transport: {{type: file, directory: {0}}}}}\n"
)
LINKED = "enrollment: {mail: link}\n"
"""For mails that bring a link in place of the key."""


class Site:
    """A daemon and its portal. `more`: other keys of the configuration, as YAML lines; `portal`: of its section.

    The socket is passed to the portal as systemd does it, unless `passes` is taken away: whoever connects while it does
    not run has to wait.
    """

    def __init__(
        self, directory: Path, *, more: str = "", portal: str = "", over_tls: bool = True, **daemon: object
    ) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.mails = directory / "mails"
        self.mails.mkdir()
        self.log_file = directory / "portal.log"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.passes = True
        self.port: int = self.listener.getsockname()[1]
        self.url = f"https://localhost:{self.port}"
        self.certificate, self.key = self_signed(directory)
        tls = f"certificate: {self.certificate}, key: {self.key}, " if over_tls else ""
        section = f'portal: {{{tls}{portal and portal + ", "}url: "{self.url}"}}\n'
        self.server = Server(directory / "server", more=more + section + MAIL.format(self.mails), **daemon)  # type: ignore[arg-type]
        self.server.doors["portal"] = f"127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment: dict[str, str] = {}

    def start(self) -> None:
        """Start the daemon, then the portal, and wait until both listen."""
        self.server.start()
        self.start_portal()

    def start_portal(self) -> None:
        """Start the portal alone, and wait until it says that it listens."""
        self.launch_portal()
        wait_for(self._listening, "a portal that listens")

    def launch_portal(self) -> None:
        """Start the portal without waiting."""
        command = [str(Path(sys.executable).with_name("radius-mfa")), "--config", str(self.server.config), "portal"]
        inherited = [self.listener.fileno()] if self.passes else []
        if inherited:
            command = [sys.executable, "-c", PASS_SOCKET, str(inherited[0]), *command]
        env = os.environ | {"PYTHONWARNINGS": "error"} | self.environment
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.directory, env=env, pass_fds=inherited
            )

    def ended(self) -> int:
        """The exit status of a portal that ends by itself."""
        assert self.process is not None
        status, self.process = self.process.wait(20), None
        return status

    def stop_portal(self) -> int | None:
        """SIGTERM; the exit status, or None if it does not run."""
        if self.process is None:
            return None
        self.process.terminate()
        status, self.process = self.process.wait(20), None
        return status

    def close(self) -> None:
        """Stop both; they have to go in peace."""
        statuses = self.stop_portal(), self.server.close()
        self.listener.close()
        said = self.log() + (self.server.log() if self.server.log_file.exists() else "")
        assert {0, None} >= set(statuses), said
        assert "Traceback" not in said, said

    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def browser(self) -> Browser:
        """A browser without JavaScript that has not been here before."""
        return Browser(self.url)

    def user(self, **keywords: object) -> User:
        """An account, as Server.add_user makes it."""
        return self.server.add_user(**keywords)  # type: ignore[arg-type]

    def _listening(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        return "portal: listening on" in self.log()


class Browser(httpx.Client):
    """Sends forms as a browser does, follows redirects and keeps cookies; not Chromium, but fast."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, verify=False, follow_redirects=True, timeout=20.0, trust_env=False)
        self.headers["Origin"] = url
        self.headers["Sec-Fetch-Site"] = "same-origin"

    def submit(self, path: str, **fields: str) -> httpx.Response:
        """Post a form."""
        return self.post(path, data=fields)

    def sign_in(self, user: User, code: str = "", **fields: str) -> httpx.Response:
        """Password, then code, by default the one of now; the page it ends on."""
        asked = self.submit("/login", name=user.name, password=user.password)
        assert "/login/code" == asked.url.path, asked.text
        return self.submit("/login/code", code=code or user.code(), **fields)


def heading(page: httpx.Response) -> str:
    """The heading of a page."""
    found = re.search(r"<h1[^>]*>([^<]*)</h1>", page.text)
    assert found, page.text
    return found.group(1)


@contextlib.contextmanager
def sites(directory: Path) -> Iterator[list[Site]]:
    """Sites that are closed in the end; append what you make."""
    made: list[Site] = []
    try:
        yield made
    finally:
        for site in made:
            site.close()


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key, as files in a directory."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    certificate = made.add_extension(names, critical=False).sign(key, hashes.SHA256())
    files = directory / "tls.crt", directory / "tls.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files[1].touch(0o600)
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    return files
