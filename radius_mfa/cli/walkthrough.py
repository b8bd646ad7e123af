"""The walk-through of `radius-mfa demo`: a first login, the mail it sends, and what must not work a second time."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyotp

from radius_mfa.cli import mailbox, messages, output, packets, qr
from radius_mfa.cli.mailbox import Received
from radius_mfa.cli.packets import ACCEPT, CHALLENGE, REJECT
from radius_mfa.cli.throwaway import NAME, PASSWORD, Place
from radius_mfa.radius.client import Exchange, LoginClient

OUTCOMES = {ACCEPT: "Access-Accept", REJECT: "Access-Reject", CHALLENGE: "Access-Challenge"}
"""Names of replies (RFC 2865 section 4)."""
INDENT = "   "
EDGE = f"{INDENT}│ "
"""What stands at the left of a mail."""
WIDTH = 80
CODES_A_LINE = 3
NAS_PORT = {"NAS-Port": 0}


@dataclass
class Walkthrough:
    """Shows one step after the other and remembers whether all went as they were announced."""

    client: LoginClient
    place: Place
    steps: int = 0
    as_said: bool = True
    recovery_codes: list[str] = field(default_factory=list)

    def run(self) -> bool:
        """All steps; whether every one of them was as said. Raises NoAnswer, and OperationFailed without a mail."""
        code, accepted = self._enrol()
        self._repeat("Her client missed the reply and sends the datagram again", accepted)
        self._login("Somebody saw the code and tries it too: it is taken only once", code, REJECT)
        self._generate("For the day the phone is gone, the admin makes recovery codes for alice")
        self._login("Without her phone, alice types one of them", self.recovery_codes[0], ACCEPT)
        self._login("The same recovery code again: it is gone", self.recovery_codes[0], REJECT)
        if self.as_said:
            self._look("Her mailbox by now: she hears of all that happens to her account")
        return self.as_said

    def _enrol(self) -> tuple[str, Exchange]:
        """The first login: its mail, the code that the mail leads to, and the exchange in which it is taken."""
        self._begin("MFA is switched on for alice. She logs in as always, with her password")
        answers: list[str] = []
        login = self.client.login(NAME, PASSWORD, lambda _: answers.pop(), NAS_PORT)
        asked = next(login)
        self._judge([_shown(PASSWORD, asked)], [CHALLENGE])
        self._begin("A mail is in her mailbox. She scans the picture with an app (you can, too)")
        (mail,) = mailbox.wait_for(self.place.mailbox, 1)
        _show(mail)
        self._begin("The login still waits: alice types the code that the app shows, and is in")
        answers.append(pyotp.TOTP(mail.key).now())
        code = answers[0]
        accepted = next(login, asked)
        self._judge([_shown(code, accepted)], [ACCEPT])
        return code, accepted

    def _login(self, title: str, answer: str, expected: int) -> None:
        """A login with password and answer: a challenge, and then what is expected."""
        self._begin(title)
        typed = [answer, PASSWORD]
        login = self.client.login(NAME, PASSWORD, lambda _: answer, NAS_PORT)
        self._judge([_shown(typed.pop(), exchange) for exchange in login], [CHALLENGE, expected])

    def _repeat(self, title: str, before: Exchange) -> None:
        self._begin(title)
        received = self.client.replay(before.sent)
        packets.show_briefly(Exchange(before.sent, received, received[0], ""))
        same = received == before.received
        self._conclude(
            f"{len(received)} octets, {'the same' if same else 'other ones'}",
            f"{len(before.received)} octets, the same",
        )

    def _generate(self, title: str) -> None:
        self._begin(title)
        self.recovery_codes = self.place.make_recovery_codes()
        output.say(f"{INDENT}radius-mfa codes generate {NAME}", dim=True)
        for start in range(0, len(self.recovery_codes), CODES_A_LINE):
            output.say(f"{INDENT}{'  '.join(self.recovery_codes[start : start + CODES_A_LINE])}")

    def _look(self, title: str) -> None:
        self._begin(title)
        for mail in mailbox.wait_for(self.place.mailbox, 3):
            output.say(INDENT + output.plain(mail.subject))

    def _begin(self, title: str) -> None:
        self.steps += 1
        output.say()
        output.say(f"{self.steps}  {title}", bold=True)
        output.say()

    def _judge(self, replies: Iterable[int], expected: Iterable[int]) -> None:
        """Say what the replies were; both are codes of packets."""
        self._conclude(*(", then ".join(OUTCOMES[code] for code in codes) for codes in (replies, expected)))

    def _conclude(self, outcome: str, expected: str) -> None:
        """Say what came out, and remember it if it is not what was said."""
        if outcome == expected:
            output.say(f"{INDENT}ok: {outcome}", fg="green")
        else:
            self.as_said = False
            output.say(f"{INDENT}wrong: {outcome}; it should be {expected}", fg="red", bold=True)


def _shown(typed: str, exchange: Exchange) -> int:
    """Show what was typed and what came of it; the code of the reply."""
    output.say(f"{INDENT}{NAME} types {typed}", dim=True)
    packets.show_briefly(exchange)
    return exchange.code


def _show(mail: Received) -> None:
    """The mail as its reader sees it, down to the link; the picture is the one in its HTML."""
    lines, rest = mail.upto_link()
    more = f"({rest} more lines: the steps for each app, and what to do when in doubt)"
    head = [f"From:    {mail.sender}", f"To:      {mail.recipient}", f"Subject: {mail.subject}"]
    for line in [*head, "", *lines, "", more, "", "The picture in its HTML version:", ""]:
        for piece in _folded(messages.printable(line)):
            output.say(f"{EDGE}{piece}".rstrip())
    for line in qr.draw(mail.link, messages.output_colours()):
        output.say(EDGE + line)


def _folded(line: str) -> list[str]:
    """The line as a mail program folds it, indented as it was."""
    text = line.lstrip()
    lead = line.removesuffix(text)
    return textwrap.wrap(text, WIDTH - len(EDGE), initial_indent=lead, subsequent_indent=lead) or [""]
