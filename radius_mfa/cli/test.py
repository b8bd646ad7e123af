"""`radius-mfa test`: one login as a RADIUS client does it, with radtest's arguments."""

from __future__ import annotations

import re
import sys

import click

from radius_mfa.cli import ask, messages, output, packets
from radius_mfa.cli.root import Command
from radius_mfa.errors import UsageError
from radius_mfa.radius.client import LoginClient

PORT = 1812
UNANSWERED = 3
_SERVER = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


@click.command(cls=Command)
@click.argument("user")
@click.argument("password")
@click.argument("server", metavar="SERVER[:PORT]")
@click.argument("nas_port", metavar="NAS-PORT", type=click.IntRange(0, 2**32 - 1))
@click.argument("secret")
@click.option("--code", help="What to answer when the server asks for a code.")
@click.pass_context
def command(
    ctx: click.Context, user: str, password: str, server: str, nas_port: int, secret: str, code: str | None
) -> None:
    """Log in at a RADIUS server and show every packet.

    A dash for PASSWORD, SECRET or CODE reads a line of standard input, or asks on a terminal. A challenge is answered
    with --code, or with what is typed at the prompt.

    The status is 0 for an Accept, 1 for a Reject, 3 when a challenge was left unanswered, 4 when no answer came.
    """
    host, port = address(server)
    password, secret = _given(password, "password"), _given(secret, "shared secret")
    answers = [] if code is None else [_given(code, "code")]
    with LoginClient(host, port, secret.encode("utf-8", "surrogateescape")) as client:
        outcome = packets.CHALLENGE
        for exchange in client.login(user, password, lambda prompt: _answer(answers, prompt), {"NAS-Port": nas_port}):
            packets.show(exchange)
            outcome = exchange.code
    ctx.exit(_concluded(outcome))


def address(server: str) -> tuple[str, int]:
    """Host and port of `name`, `name:port`, `[IPv6]:port` or an IPv6 address alone. Raises UsageError."""
    if server.count(":") > 1 and not server.startswith("["):
        return server, PORT
    match = _SERVER.fullmatch(server)
    port = int(match["port"] or PORT) if match else 0
    if not match or not 0 < port < 65536:
        raise UsageError(f"{server!r} is no server", "name it as SERVER, SERVER:PORT or [IPv6]:PORT")
    return match["v6"] or match["name"], port


def _given(value: str, what: str) -> str:
    if value != "-":
        return value
    octets = ask.secret(what, "") if sys.stdin.isatty() else ask.line_of_stdin(what)
    return octets.decode("utf-8", "surrogateescape")


def _answer(answers: list[str], prompt: str) -> str | None:
    if answers:
        return answers.pop()
    if not sys.stdin.isatty():
        return None
    return str(click.prompt(output.plain(prompt).rstrip(": "), err=True))


def _concluded(code: int) -> int:
    match code:
        case packets.ACCEPT:
            return 0
        case packets.REJECT:
            return 1
    messages.error("the challenge was not answered", "give --code CODE")
    return UNANSWERED
