"""FreeRADIUS as a proxy in front of the server: no modules, every request goes to us."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.daemon.peers import Server

SECRET = "between-client-and-proxy"

# 3.2.1 of Debian 12 knows `require_message_authenticator` for clients only; for home servers it came with 3.2.5, and an
# older one reads over it.
CONFIGURATION = """
raddbdir = {folder}
libdir = /usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
log {{
    destination = stdout
}}
security {{
    max_attributes = 200
    reject_delay = 0
    status_server = no
}}
client front {{
    ipaddr = 127.0.0.1
    secret = {front}
    require_message_authenticator = yes
}}
proxy server {{
    default_fallback = no
}}
home_server mfa {{
    type = auth
    ipaddr = {address}
    port = {port}
    secret = "{secret}"
    require_message_authenticator = yes
    status_check = none
    response_window = 10
}}
home_server_pool mfa {{
    home_server = mfa
}}
realm mfa {{
    auth_pool = mfa
}}
server front {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {own}
    }}
    authorize {{
        update control {{
            &Proxy-To-Realm := "mfa"
        }}
    }}
}}
"""


@contextmanager
def proxy(server: Server, folder: Path) -> Iterator[int]:
    """The port of a running FreeRADIUS that asks `server`. What it says is in `folder`/radius.out."""
    own = free_port()
    text = CONFIGURATION.format(
        folder=folder, front=SECRET, address=server.address, port=server.port, secret=server.secret, own=own
    )
    (folder / "radiusd.conf").write_text(text)
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    with (folder / "radius.out").open("wb") as said:
        command = ["freeradius", "-f", "-xx", "-l", "stdout", "-d", str(folder)]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=environment)
    try:
        wait_until_ready(process, folder / "radius.out")
        yield own
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def proxy_states(folder: Path, packet: str) -> list[list[str]]:
    """The Proxy-State, in order, of each packet of this kind ("Sent Access-Request ...") in what the proxy has said."""
    said = (folder / "radius.out").read_text(errors="replace")
    packets = re.findall(rf"\) {packet}.*\n((?:\(\d+\)   .*\n)+)", said)
    return [re.findall(r"Proxy-State = (0x[0-9a-f]+)", attributes) for attributes in packets]


def free_port() -> int:
    """A port nobody has: FreeRADIUS takes port 0 for 1812."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(process: subprocess.Popen[bytes], output: Path) -> None:
    """Return when the program says that it is ready; AssertionError with what it said instead when it ends."""
    while b"Ready to process requests" not in output.read_bytes():
        assert process.poll() is None, output.read_text(errors="replace")
        os.sched_yield()
