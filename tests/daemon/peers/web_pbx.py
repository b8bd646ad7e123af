"""The login page of docs/web-pbx.md, served by PHP's own server as an admin would set it up."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.conftest import ROOT

PAGE = ROOT / "config/examples/web-pbx.php"
DOCS = ROOT / "docs/web-pbx.md"
STARTED = re.compile(rb"\(http://127\.0\.0\.1:(\d+)\) started")


class Server(Protocol):
    """Whom the page asks."""

    address: str
    port: int
    secret: str


@contextmanager
def web_pbx(server: Server, folder: Path) -> Iterator[str]:
    """The URL of the page, which asks `server`; beside it lies pbx.php, the page of a PBX as the docs show it."""
    served = folder / "served"
    served.mkdir()
    (folder / "radius-secret").write_text(server.secret + "\n")
    changed: dict[str, str | int] = {
        "RADIUS_SERVER": server.address, "RADIUS_PORT": server.port, "RADIUS_SECRET": str(folder / "radius-secret"),
    }  # fmt: skip
    (served / "login.php").write_text(with_constants(PAGE.read_text("utf-8"), changed))
    (served / "pbx.php").write_text(shown_page())
    command = ["php", "-d", f"session.save_path={folder}", "-S", "127.0.0.1:0", "-t", str(served)]
    # Its own log has the addresses of the clients and the paths they ask for, and PHP's errors.
    with (folder / "php.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
    try:
        # `localhost`: browsers take Secure cookies from there without TLS.
        yield f"http://localhost:{port(process, folder / 'php.log')}/login.php"
    finally:
        process.terminate()
        process.wait(10)


def with_constants(text: str, changed: dict[str, str | int]) -> str:
    """The page with other values of its constants, each of which it has to have once."""
    for name, value in changed.items():
        text, found = re.subn(rf"(?m)^const {name} = [^;]+;", f"const {name} = {json.dumps(value)};", text)
        assert found == 1, name
    return text


def shown_page() -> str:
    """The one page in PHP that the docs show."""
    (text,) = re.findall(r"```php\n(<\?php.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    return str(text)


def port(process: subprocess.Popen[bytes], log: Path) -> int:
    """The port that PHP says it listens on; AssertionError with what it said instead when it ends."""
    while (started := STARTED.search(log.read_bytes())) is None:
        assert process.poll() is None, log.read_text(errors="replace")
    return int(started.group(1))
