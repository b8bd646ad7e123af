"""Programs of others that speak RADIUS, and how the tests run them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

SCRIPTS = Path(__file__).parent
REPLY = re.compile(r"^(?:Received |RADIUS message: code=\d+ \()(Access-(?:Accept|Reject|Challenge))\b", re.MULTILINE)


class Login(Protocol):
    """A user of the server, and the secret in the authenticator app."""

    name: str
    password: str
    totp_secret_base32: str


class Server(Protocol):
    """A running daemon, as a client has to know it; the client is 127.0.0.1. Others are at it too."""

    address: str
    port: int
    secret: str

    def add_user(self) -> Login: ...


def run(command: Sequence[str | Path], given: str = "", **environment: str) -> str:
    """What the program writes, both streams in one; a program that does not end in 30 s fails the test."""
    done = subprocess.run(
        command, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        timeout=30, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **environment},
    )  # fmt: skip
    return done.stdout


def code(login: Login) -> str:
    """The code of this moment, by oathtool."""
    return run(["oathtool", "--totp", "--base32", "-"], login.totp_secret_base32 + "\n").strip()


def lines(*given: str) -> str:
    """Standard input of a script: a line each."""
    return "".join(line + "\n" for line in given)


def replies(output: str) -> list[str]:
    """The replies radclient, radtest or eapol_test say they have received, in order."""
    return REPLY.findall(output)
