"""Packets as people read them: `->` is sent, `<-` received, and one attribute a line."""

from __future__ import annotations

from radius_mfa.cli import output
from radius_mfa.radius.client import Exchange, describe

ACCEPT, REJECT, CHALLENGE = 2, 3, 11
"""Codes of replies (RFC 2865 section 4)."""
COLOURS = {ACCEPT: "green", REJECT: "red", CHALLENGE: "yellow"}


def show(exchange: Exchange) -> None:
    """The request and its reply."""
    sent(exchange.sent)
    received(exchange.received, exchange.code)


def sent(octets: bytes) -> None:
    """A packet that went out."""
    _show("->", octets, "cyan")


def received(octets: bytes, code: int) -> None:
    """A packet that came in, in the colour of what it means."""
    _show("<-", octets, COLOURS.get(code, "cyan"))


def _show(arrow: str, octets: bytes, colour: str) -> None:
    head, *attributes = describe(octets)
    output.say(f"  {arrow} {head}", fg=colour)
    for line in attributes:
        output.say(f"     {line}")
