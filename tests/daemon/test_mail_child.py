"""The mail child of a running daemon: what it delivers, whom it does not hold up, and what it survives."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pyotp

from radius_mfa.store.lock import WriterLock
from tests.conftest import ROOT
from tests.daemon.conftest import Start
from tests.daemon.mails import by_file, by_smtp, files, invite, key_in, once, queue
from tests.daemon.server import wait_for
from tests.mail.faults import FaultyServer, black_hole

HEAVY = {"jinja2", "smtplib", "qrcode", "png"}


def test_the_first_login_enrols_by_mail(start: Start, tmp_path: Path) -> None:
    """The right password brings a mail with a key; its first code is let in; a notice follows; each leaves once."""
    server, box = start(more=by_file(tmp_path / "box")), tmp_path / "box"
    alice, challenge = invite(server)
    assert "a***@example.com" in str(challenge.attributes["Reply-Message"])
    [invitation] = files(box, 1)
    client = server.client()
    assert client.ask(client.request("alice", alice.password)).result == "challenge"  # no second mail
    answer = client.request("alice", pyotp.TOTP(key_in(invitation)).now(), state=challenge.state)
    accept = client.ask(answer)
    assert accept.result == "accept"
    assert client.ask(answer).octets == accept.octets
    assert key_in(invitation).encode() not in files(box, 2)[1]
    wait_for(lambda: all(row["sent_at"] for row in queue(server)), "the end of both mails")
    assert [b"", b""] == [row["body"] for row in queue(server)]
    assert key_in(invitation) not in server.log()
    assert "alice@" not in server.log()


def test_without_mail_there_is_no_mail_child(start: Start) -> None:
    """The start warns that nobody can enrol, and the first login is refused."""
    server = start()
    user, client = server.add_user(token=False, mail="alice@example.com"), server.client()
    assert client.ask(client.request(user.name, user.password)).result == "reject"
    assert len(server.children()) == 2
    assert "warning mfa.not_enrolled: accounts without an authenticator are rejected" in server.log()
    assert not Path(f"{server.store}.mail").exists()


def test_a_killed_mail_child_is_replaced_and_the_mail_leaves(start: Start) -> None:
    """kill -9 in the middle of a delivery: another child takes the mail over."""
    with FaultyServer({"RCPT": once(black_hole)}) as there:
        server = start(more=by_smtp(there))
        invite(server)
        wait_for(lambda: "rcpt TO:<alice@example.com>" in there.heard, "a delivery under way")
        (pid,) = server.alone("mail")
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: there.mails, "the mail", 60)
        assert pid not in server.alone("mail")
        assert f"mail ({pid}) has ended with status -9" in server.log()
        wait_for(lambda: queue(server)[0]["sent_at"], "the word that it is sent")
    assert len(there.mails) == 1


def test_a_fault_of_the_mail_child_costs_one_child(start: Start, tmp_path: Path) -> None:
    """A mistake of ours ends the child with a trace that quotes nothing; its successor delivers."""
    hook = f"""
from radius_mfa.daemon import mail
real = mail.Tour._recovered
def broken(tour):
    try:
        open({str(tmp_path / "broken")!r}, "x").close()
    except FileExistsError:
        return real(tour)
    raise ValueError("hunter2")
mail.Tour._recovered = broken
def before_send(reply): pass
"""
    server = start(more=by_file(tmp_path / "box"), hook=hook)
    invite(server)
    files(tmp_path / "box", 1)
    assert "a child failed: ValueError at " in server.log()
    assert re.search(r"mail \(\d+\) has ended with status 70", server.log())
    assert "hunter2" not in server.log()


def test_a_store_that_is_busy_costs_no_mail_child(start: Start, tmp_path: Path) -> None:
    """A child that cannot take over what the one before has left asks again until it can."""
    server = start(more=by_file(tmp_path / "box"))
    lock = WriterLock(server.store)
    with lock.held(20):
        (pid,) = server.alone("mail")
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: "warning mail waits for the store: the queue of writers" in server.log(), "a busy store")
    lock.close()
    invite(server)
    files(tmp_path / "box", 1)
    assert 1 == server.log().count("has ended with")


def test_a_hanging_mail_server_holds_up_nobody(start: Start) -> None:
    """The mail child beats on and logins go on while a server says nothing for longer than a child may be silent."""
    with FaultyServer({"": black_hole}) as there:
        server = start(more=by_smtp(there, "7s"))
        bob, client = server.add_user("bob"), server.client()
        (pid,) = server.alone("mail")
        invite(server)
        challenge = client.ask(client.request("bob", bob.password))
        assert client.ask(client.request("bob", bob.code(), state=challenge.state)).result == "accept"
        wait_for(lambda: f"deferred: 127.0.0.1:{there.port} did not answer in time" in server.log(), "the end of it")
        assert [pid] == server.alone("mail")
        assert "silent" not in server.log()


def test_a_worker_has_nothing_of_mail_in_memory(start: Start, tmp_path: Path) -> None:
    """Templates, pictures and SMTP are loaded by the mail child alone."""
    report = tmp_path / "modules"
    hook = f"""
def before_send(reply):
    with open({str(report)!r}, "w") as file:
        file.write(" ".join(sys.modules))
"""
    server = start(more=by_file(tmp_path / "box"), hook=hook)
    invite(server)
    loaded = set(report.read_text().split())
    assert "radius_mfa.transport.udp" in loaded
    assert not loaded & HEAVY


def test_the_command_that_serves_loads_nothing_of_mail() -> None:
    """What `serve` imports every child inherits."""
    program = "import sys, radius_mfa.cli.serve; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "radius_mfa.daemon.generation" in done.stdout.split()
    assert not set(done.stdout.split()) & HEAVY
