"""Asks people for secrets: on the terminal without echo, or a line of standard input. Never from the command line."""

from __future__ import annotations

import sys
from getpass import getpass

from radius_mfa.auth.credential import LONGEST_PASSWORD, can_be_password
from radius_mfa.errors import OperationFailed, UsageError


def new_password(from_stdin: bool, name: str) -> str:
    """A password for this account, asked twice. OperationFailed when no login could bring it."""
    password = line_of_stdin("password") if from_stdin else _twice(name)
    if not password:
        raise OperationFailed("the password is empty")
    if not can_be_password(password):
        raise OperationFailed(f"RADIUS carries passwords of 1 to {LONGEST_PASSWORD} octets without a NUL")
    try:
        return password.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OperationFailed("the password is not UTF-8") from error


def secret(what: str, option: str) -> bytes:
    """A secret typed at the terminal; UsageError where there is none to type at, naming the option that helps."""
    if not sys.stdin.isatty():
        raise UsageError(f"no terminal to ask for the {what} on", option)
    return getpass(f"{what[:1].upper()}{what[1:]}: ").encode("utf-8", "surrogateescape")


def line_of_stdin(what: str) -> bytes:
    """The next line of standard input, without its end. UsageError when there is none."""
    line = sys.stdin.buffer.readline()
    if not line:
        raise UsageError(f"standard input ended before the {what}", "give one line each")
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _twice(name: str) -> bytes:
    first = secret(f"password for {name}", "give it with --password-stdin")
    if secret("the same again", "") != first:
        raise OperationFailed("the passwords differ", "nothing was changed")
    return first
