"""A delivery that is given up from another thread, wherever it has come to."""

from __future__ import annotations

import pytest

from radius_mfa.mail.delivery import Server, SmtpDelivery
from radius_mfa.mail.diagnosis import Deferred
from radius_mfa.mail.samples import SAMPLES
from radius_mfa.mail.session import Tls
from tests.mail.faults import FaultyServer, Talk, black_hole
from tests.mail.reading import letter

pytestmark = pytest.mark.timeout(20)


@pytest.mark.parametrize(
    ("place", "tls", "said"),
    [
        ("", "none", "closed the connection (greeting)"),
        ("RCPT", "none", "closed the connection (recipient)"),
        ("STARTTLS", "starttls", "failed: UNEXPECTED_EOF_WHILE_READING"),
    ],
)
def test_another_thread_breaks_a_delivery_off(place: str, tls: Tls, said: str) -> None:
    """At once and as if the server had gone, also in the middle of a handshake."""

    def hang(talk: Talk) -> bool:
        if place == "STARTTLS":
            talk.say("220 go on")
            talk.sock.recv(1)
        delivery.interrupt()
        return black_hole(talk)

    with FaultyServer({"EHLO": "250-test\r\n250 STARTTLS", place: hang}) as there:
        delivery = SmtpDelivery(Server("localhost", there.port, tls, timeout=10.0))
        with pytest.raises(Deferred) as caught:
            delivery.deliver(letter(SAMPLES[-1]))
    assert caught.value.message.endswith(said)
