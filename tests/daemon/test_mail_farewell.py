"""How a mail child ends: what it gives up, what it waits for, and who comes after it."""

from __future__ import annotations

import signal
import threading

import pytest

from tests.daemon.conftest import Start
from tests.daemon.mails import by_smtp, holding, invite, queue
from tests.daemon.processes import alive, descriptors
from tests.daemon.server import wait_for
from tests.mail.faults import FaultyServer, Talk, black_hole


@pytest.mark.parametrize("place", ["", "EHLO", "RCPT"])
def test_sigterm_ends_a_delivery_that_hangs(start: Start, place: str) -> None:
    """The daemon ends by itself, and the mail is due again at once."""
    began = threading.Event()

    def hang(talk: Talk) -> bool:
        began.set()
        return black_hole(talk)

    with FaultyServer({place: hang}) as there:
        server = start(more=by_smtp(there, "5m"))
        invite(server)
        assert began.wait(20)
        assert server.stop() == 0
    assert "killed" not in server.log()
    [row] = queue(server)
    assert row["sent_at"] is None
    assert row["lease_owner"] is None
    assert not there.mails


def test_sigterm_waits_for_the_word_of_the_server(start: Start) -> None:
    """Once the content has left, the child stays for the answer, so that the mail is not sent twice."""
    began, released = threading.Event(), threading.Event()
    with FaultyServer({".": holding(began, released)}) as there:
        server = start(more=by_smtp(there))
        invite(server)
        assert began.wait(20)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        (pid,) = server.alone("mail")
        wait_for(lambda: server.children() == [pid], "the end of the others")
        released.set()
        assert server.stop() == 0
    assert len(there.mails) == 1
    [row] = queue(server)
    assert row["sent_at"] is not None
    assert "killed" not in server.log()


def test_the_mail_child_has_more_time_to_end_than_a_worker(start: Start) -> None:
    """It stays for an answer that does not come until its own time for a delivery is over."""
    with FaultyServer({".": black_hole}) as there:
        server = start(more=by_smtp(there, "8s"))
        invite(server)
        wait_for(lambda: there.heard[-1:] == ["data"], "the content on its way")
        assert server.stop() == 0
    assert f"deferred: 127.0.0.1:{there.port} did not answer in time (content)" in server.log()
    assert "killed" not in server.log()


def test_what_has_just_begun_is_interrupted_too(start: Start) -> None:
    """Told to end before there is a connection to break off, the child breaks it off later."""
    hook = """
from radius_mfa.mail import delivery
real, calls = delivery.SmtpDelivery.interrupt, []
def interrupt(self):
    if calls:
        real(self)
    calls.append(self)
delivery.SmtpDelivery.interrupt = interrupt
def before_send(reply): pass
"""
    with FaultyServer({"RCPT": black_hole}) as there:
        server = start(more=by_smtp(there, "5m"), hook=hook)
        invite(server)
        wait_for(lambda: "rcpt TO:<alice@example.com>" in there.heard, "a delivery under way")
        assert server.stop() == 0


def test_the_mail_child_does_not_outlive_its_supervisor_by_much(start: Start) -> None:
    """Not even for an answer of the server: nobody would end it any more. PATIENCE is cut short here."""
    hook = """
from radius_mfa.daemon import mail
mail.PATIENCE = 0.5
def before_send(reply): pass
"""
    began, released = threading.Event(), threading.Event()
    with FaultyServer({".": holding(began, released)}) as there:
        server = start(more=by_smtp(there, "5m"), hook=hook)
        invite(server)
        assert began.wait(20)
        assert server.process is not None
        children = server.children()
        server.process.kill()
        server.process.wait(20)
        server.process = None
        wait_for(lambda: not any(alive(pid) for pid in children), "the end of the children")
        released.set()
    assert "the mail under way did not leave in time: it is sent again" in server.log()


def test_reload_goes_to_another_mail_server(start: Start) -> None:
    """A delivery that hangs is given up, and the mail leaves by the server of the new configuration."""
    with FaultyServer({"RCPT": black_hole}) as old, FaultyServer() as new:
        server = start(more=by_smtp(old, "5m"))
        invite(server)
        wait_for(lambda: "rcpt TO:<alice@example.com>" in old.heard, "a delivery under way")
        server.more = by_smtp(new)
        server.reload()
        wait_for(lambda: new.mails, "the mail")
        assert not old.mails
        assert "killed" not in server.log()


def test_two_generations_never_deliver_at_once(start: Start) -> None:
    """The child of the new generation begins when that of the old has the answer to its last mail, not before."""
    began, released, told = threading.Event(), threading.Event(), []

    def tell(talk: Talk) -> bool:
        told.append(released.is_set())
        talk.say("220 test")
        return True

    with FaultyServer({".": holding(began, released)}) as old, FaultyServer({"": tell}) as new:
        server = start(more=by_smtp(old))
        invite(server)
        assert began.wait(20)
        [first] = server.alone("mail")
        server.more = by_smtp(new)
        server.reload()
        lock = f"{server.store}.mail"
        wait_for(lambda: sum(lock in descriptors(pid) for pid in server.children()) == 2, "both generations")
        for name in ("bob", "carol", "dave"):  # whose mails the new child would take, were it not waiting
            invite(server, name)
        assert [first] == server.alone("mail")
        released.set()
        wait_for(lambda: len(new.mails) == 3, "the others' mails")
    assert len(old.mails) == 1
    assert all(told)
    assert "killed" not in server.log()
