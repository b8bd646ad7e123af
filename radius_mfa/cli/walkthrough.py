"""The walk-through of `radius-mfa demo`: a login through the real port, and what must not work a second time."""

from __future__ import annotations

from dataclasses import dataclass

import pyotp

from radius_mfa.cli import messages, output, packets, qr, token
from radius_mfa.cli.packets import ACCEPT, CHALLENGE, REJECT
from radius_mfa.cli.throwaway import NAME, PASSWORD, Place
from radius_mfa.radius.client import Exchange, LoginClient

OUTCOMES = {ACCEPT: "Access-Accept", REJECT: "Access-Reject", CHALLENGE: "Access-Challenge"}
"""Names of replies (RFC 2865 section 4)."""
INDENT = "   "


@dataclass
class Walkthrough:
    """Shows one step after the other and remembers whether all went as they were announced."""

    client: LoginClient
    place: Place
    steps: int = 0
    as_said: bool = True

    def run(self) -> bool:
        """All steps; whether every one of them was as said. Raises NoAnswer."""
        self._scan()
        code = pyotp.TOTP(self.place.key).now()
        recovery = self.place.recovery_codes[0]
        accepted = self._login("alice types her password, is asked for a code, and types it", code, ACCEPT)
        self._repeat("Her client missed the reply and sends the datagram again", accepted)
        self._login("Somebody saw the code and tries it too: it is taken only once", code, REJECT)
        self._login("Without her phone, alice types a recovery code", recovery, ACCEPT)
        self._login("The recovery code again: it is gone", recovery, REJECT)
        return self.as_said

    def _scan(self) -> None:
        self._begin("alice scans this with an authenticator app (you can, too)")
        for line in qr.draw(self.place.uri, messages.output_colours()):
            output.say(INDENT + line)
        output.say()
        output.say(f"{INDENT}or types the key  {token.grouped(self.place.key)}")

    def _login(self, title: str, answer: str, expected: int) -> Exchange:
        """A login with password and answer: a challenge, and then what is expected."""
        self._begin(title)
        exchanges = []
        typed = [answer, PASSWORD]
        for exchange in self.client.login(NAME, PASSWORD, lambda _: answer, {"NAS-Port": 0}):
            output.say(f"{INDENT}{NAME} types {typed.pop()}", dim=True)
            packets.show_briefly(exchange)
            exchanges.append(exchange)
        self._judge([OUTCOMES[exchange.code] for exchange in exchanges], [OUTCOMES[CHALLENGE], OUTCOMES[expected]])
        return exchanges[-1]

    def _repeat(self, title: str, before: Exchange) -> None:
        self._begin(title)
        received = self.client.replay(before.sent)
        packets.show_briefly(Exchange(before.sent, received, received[0], ""))
        same = received == before.received
        self._judge(
            [f"{len(received)} octets, {'the same' if same else 'other ones'}"],
            [f"{len(before.received)} octets, the same"],
        )

    def _begin(self, title: str) -> None:
        self.steps += 1
        output.say()
        output.say(f"{self.steps}  {title}", bold=True)
        output.say()

    def _judge(self, outcome: list[str], expected: list[str]) -> None:
        """Say what came out, and remember it if it is not what was said."""
        text = ", then ".join(outcome)
        if outcome == expected:
            output.say(f"{INDENT}ok: {text}", fg="green")
        else:
            self.as_said = False
            output.say(f"{INDENT}wrong: {text}; it should be {', then '.join(expected)}", fg="red", bold=True)
