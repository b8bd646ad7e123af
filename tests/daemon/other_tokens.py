"""Authenticators as other programs made and kept them, and what their users do with us."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
from pathlib import Path

from tests.cli.script import Result
from tests.cli.script import run as shell
from tests.daemon.peers import run
from tests.daemon.raw import RawClient
from tests.daemon.server import Server


def oathtool(key: str, *options: str) -> str:
    """A code of a base32 key, as oathtool shows it."""
    return run(["oathtool", "--base32", *options, "-"], key + "\n").strip()


def new_key(octets: int = 20) -> tuple[str, str]:
    """A random secret as oathtool writes it: base32 and hexadecimal."""
    said = run(["oathtool", "--verbose", "-"], os.urandom(octets).hex() + "\n")
    found = re.search(r"Hex secret: (\S+)\nBase32 secret: (\S+)\n", said)
    assert found is not None, said
    return found[2].rstrip("="), found[1]


def google_authenticator(file: Path, *options: str) -> list[str]:
    """The lines of a file that google-authenticator makes; it goes by no home of a user."""
    command = ["google-authenticator", "--force", "--quiet", "--no-confirm", "--qr-mode=NONE", *options]
    home = {"HOME": str(file.parent), "USER": "alice"}
    subprocess.run([*command, f"--secret={file}"], check=True, timeout=30, capture_output=True, env=home)
    return file.read_text("ascii").splitlines()


def liboath_takes(file: Path, name: str, code: str) -> bool:
    """Whether liboath, which pam_oath is made of, takes a code by its users file; it writes down what it took."""
    library = ctypes.CDLL("liboath.so.0")
    last = ctypes.c_long()
    window = ctypes.c_size_t(5)
    status = library.oath_authenticate_usersfile(
        str(file).encode(), name.encode(), code.encode(), window, None, ctypes.byref(last)
    )
    return int(status) == 0


def token_import(server: Server, file: Path, *options: str) -> Result:
    """`radius-mfa token import` against the store of a running server."""
    return shell(f"radius-mfa --config {server.config} token import {file} {' '.join(options)}", server.directory)


def login(client: RawClient, name: str, password: str, code: str) -> str:
    """The result of a login with password and then code."""
    challenge = client.ask(client.request(name, password))
    assert challenge.result == "challenge"
    return client.ask(client.request(name, code, state=challenge.state)).result
