"""radclient, with the attributes a test wants to send."""

from __future__ import annotations

import re
import tempfile

from tests.daemon.peers import Server, run

STATE = re.compile(r"State = (0x[0-9a-f]+)")


def radclient(server: Server, *attributes: str, port: int | None = None, secret: str | None = None) -> str:
    """What radclient prints for one Access-Request, signed, sent once."""
    with tempfile.NamedTemporaryFile("w", suffix=".secret") as shared:
        shared.write((secret or server.secret) + "\n")
        shared.flush()
        command = ["radclient", "-x", "-r", "1", "-t", "10", "-S", shared.name]
        where = f"{server.address}:{port or server.port}"
        return run([*command, where, "auth"], ", ".join([*attributes, "Message-Authenticator = 0x00"]) + "\n")


def state(output: str) -> str:
    """The State radclient has received, in the form in which it sends one."""
    found = STATE.search(output)
    assert found is not None, output
    return found.group(1)
