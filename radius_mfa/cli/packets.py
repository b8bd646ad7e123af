"""Packets as people read them: `->` is sent, `<-` received, and one attribute a line."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from radius_mfa.cli import output
from radius_mfa.radius.client import Exchange, describe

ACCEPT, REJECT, CHALLENGE = 2, 3, 11
"""Codes of replies (RFC 2865 section 4)."""
_SIGNATURE = "  Message-Authenticator = "
COLOURS = {ACCEPT: "green", REJECT: "red", CHALLENGE: "yellow"}


def show(exchange: Exchange) -> None:
    """The request and its reply, an attribute a line."""
    for arrow, octets, colour in _both(exchange):
        head, *attributes = describe(octets)
        output.say(f"  {arrow} {head}", fg=colour)
        for line in attributes:
            output.say(f"     {line}")


def show_briefly(exchange: Exchange) -> None:
    """The request and its reply, as many attributes on a line as fit; of a signature, only that it is there."""
    for arrow, octets, colour in _both(exchange):
        head, *attributes = describe(octets)
        told = [line.strip() for line in attributes if not line.startswith(_SIGNATURE)]
        signed = ", signed" if len(told) < len(attributes) else ""
        output.say(f"   {arrow} {head}{signed}", fg=colour)
        for line in _filled(told):
            output.say(f"      {line}")


def _both(exchange: Exchange) -> tuple[tuple[str, bytes, str], ...]:
    return ("->", exchange.sent, "cyan"), ("<-", exchange.received, COLOURS.get(exchange.code, "cyan"))


def _filled(items: Sequence[str], width: int = 74) -> list[str]:
    """The items in lines of at most `width` characters; only one that is longer is broken, at its spaces."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 2 <= width:
            lines[-1] += f", {item}"
        else:
            lines += textwrap.wrap(item, width, subsequent_indent="  ", break_on_hyphens=False)
    return lines
