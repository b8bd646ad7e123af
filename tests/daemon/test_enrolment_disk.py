"""A full disk while somebody enrols: nothing is promised that is not stored, and nothing is lost (THREATS 73)."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.daemon.conftest import Start
from tests.daemon.mailbox import QUICK, code, edit, invitations, newcomers, received, tokens_of, wait_until_sent
from tests.daemon.mails import by_smtp, holding, queue
from tests.daemon.server import PASSWORD, Server, wait_for
from tests.daemon.test_faults import full, healthy, small_disk
from tests.mail.faults import FaultyServer


@pytest.mark.needs_root
def test_no_room_for_an_invitation(start: Start, tmp_path: Path) -> None:
    """No Challenge, token or mail without its row; with room again the same request is answered, and mail leaves."""
    with FaultyServer() as there, small_disk(tmp_path / "disk") as disk:
        server = start(store=Server(disk / "made").store, more=by_smtp(there), hook=QUICK)
        ((alice,), client) = newcomers(server, 1), server.client()
        request, child = client.request(alice.name, PASSWORD), server.alone("mail")
        with full(disk):
            for _ in range(5):
                client.send(request)
            wait_for(lambda: "store-failed" in server.log(), "the word that the store fails")
            assert client.receive(0.5) is None
            assert not healthy(client)
            assert not tokens_of(server, alice.name)
            assert not queue(server)
        wait_for(lambda: healthy(client), "recovery", patience=10)
        challenge = client.ask(request)
        assert challenge.result == "challenge"
        wait_until_sent(server)
        (mail,) = received(there.mails)
        answer = client.request(alice.name, code(mail.key), state=challenge.state)
        assert client.ask(answer).result == "accept"
        wait_until_sent(server)
        assert child == server.alone("mail")
        server.database.close()
        server.stop()


@pytest.mark.needs_root
def test_no_room_to_write_down_that_a_mail_has_left(start: Start, tmp_path: Path) -> None:
    """The mail child remembers it, begins no other mail meanwhile, and sends each once (THREATS 49)."""
    began, released = threading.Event(), threading.Event()
    with FaultyServer({".": holding(began, released)}) as there, small_disk(tmp_path / "disk") as disk:
        server = start(store=Server(disk / "made").store, more=by_smtp(there), hook=QUICK)
        users, client, child = newcomers(server, 3), server.client(), server.alone("mail")
        for user in users:
            assert client.ask(client.request(user.name, PASSWORD)).result == "challenge"
        assert began.wait(20)
        edit(server, "PRAGMA wal_checkpoint(TRUNCATE)")  # what is in it already could be written over
        with full(disk):
            released.set()
            wait_for(lambda: "mail waits for the store" in server.log(), "the word that the store fails")
            assert len(there.mails) == 1
            assert [row["sent_at"] for row in queue(server)] == [None] * 3
        wait_until_sent(server)
        assert invitations(received(there.mails)) == {f"{user.name}@example.com": 1 for user in users}
        assert child == server.alone("mail")
        server.database.close()
        server.stop()
