"""The supervisor: what it starts, replaces and ends, and what it never has."""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from radius_mfa.daemon.privileges import become
from tests.daemon.conftest import Start
from tests.daemon.processes import alive, descriptors, is_udp
from tests.daemon.raw import RawClient
from tests.daemon.server import Server, wait_for

NOBODY = ((65534,) * 3, (65534,) * 3, [65534])


def test_the_supervisor_has_one_thread_and_no_database(server: Server) -> None:
    """The supervisor holds sockets and pipes; the database is opened by its children alone."""
    server.add_user("alice")
    client = server.client()
    assert client.ask(client.request("alice", "wrong")).result == "reject"
    assert server.process is not None
    supervisor, worker = server.process.pid, server.worker()
    assert len(list(Path(f"/proc/{supervisor}/task").iterdir())) == 1
    assert not [name for name in descriptors(supervisor) if "store.db" in name]
    assert [name for name in descriptors(worker) if name.endswith("store.db")]
    assert len(list(Path(f"/proc/{worker}/task").iterdir())) > 1


def test_a_child_inherits_only_its_own(start: Start) -> None:
    """Housekeeping holds no socket of the workers, no worker another's, and no child another child's heartbeat."""
    server = start(workers=3)
    children, workers = server.children(), server.udp_workers()
    assert (4, 3) == (len(children), len(workers))
    held = {pid: set(descriptors(pid)) for pid in children}
    for one, other in itertools.combinations(children, 2):
        assert not [name for name in held[one] & held[other] if name.startswith(("pipe:", "socket:"))]
    assert {1} == {len([name for name in held[pid] if is_udp(pid, name)]) for pid in workers}


def test_a_second_serve_is_refused(start: Start, tmp_path: Path) -> None:
    """A second daemon on the same port ends with 69, says why in one line, and the first keeps the port."""
    server, second = start(workers=2), Server(tmp_path / "second", workers=2)
    second.port = server.port
    second.launch()
    assert second.process is not None
    assert second.process.wait(20) == 69
    assert f"error: 127.0.0.1:{server.port} is in use\n" in second.log()
    assert "hint: is radius-mfa running already" in second.log()
    assert "Traceback" not in second.log()
    client = server.client()
    client.ask(client.status())


def test_sigterm_answers_what_was_taken(start: Start) -> None:
    """A Reject that waits for its time still leaves after SIGTERM; what comes later is not read; the status is 0."""
    server = start(reject_delay="2s")
    server.add_user("alice")
    client, late = server.client(), server.client()
    request = client.request("alice", "wrong")
    client.send(request)
    wait_for(server.audit_lines, "the decision")
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "stopping" in server.log(), "the word that it stops")
    late.send(late.status())
    reply = client.receive()
    assert reply is not None
    assert reply.result == "reject"
    assert late.receive(0) is None
    assert server.process.wait(20) == 0
    assert server.process.returncode == 0


def rejected_at_once(client: RawClient, identifier: int) -> bytes:
    """A request that is refused without a hash, whatever the machine is busy with: its State is none."""
    return client.request("alice", "123456", state=b"none", identifier=identifier)


def test_a_killed_worker_loses_no_waiting_datagram(start: Start) -> None:
    """What waits in the socket of a worker that dies is answered by its successor, the rest by the others."""
    server = start(workers=4)
    client, workers = server.client(), server.udp_workers()
    dying = workers.pop()
    os.kill(dying, signal.SIGSTOP)
    for number in range(200):
        client.send(rejected_at_once(client, number))
    os.kill(dying, signal.SIGKILL)
    replies = [client.receive() for _ in range(200)]
    assert {reply.octets[1] for reply in replies if reply and reply.signed} == set(range(200))
    assert server.log().count("has ended with status -9") == 1
    assert dying not in server.udp_workers()
    assert set(workers) < set(server.udp_workers())


def test_a_silent_worker_is_replaced(start: Start) -> None:
    """A worker that does not beat for 5 s is killed, and another takes its place; what waited for it is answered."""
    server = start(workers=4)
    client, workers = server.client(), server.udp_workers()
    silent = workers.pop()
    os.kill(silent, signal.SIGSTOP)
    for _ in range(50):
        client.send(client.status())
    assert all(client.receive() is not None for _ in range(50))
    assert server.log().count("was silent for 5 s: killed") == 1
    assert not alive(silent)
    assert set(workers) < set(server.udp_workers())


def test_children_do_not_outlive_their_supervisor(server: Server) -> None:
    """When the supervisor is killed its children end, and the port is free."""
    assert server.process is not None
    children = server.children()
    assert len(children) == 2
    server.process.kill()
    server.process.wait(20)
    wait_for(lambda: not any(alive(pid) for pid in children), "the end of the children")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", server.port))
    server.process = None


def test_reload_takes_clients_on_and_off(server: Server) -> None:
    """After SIGHUP a new client is answered and a removed one is not."""
    first = server.client()
    first.ask(first.status())
    stranger = server.client("127.0.0.2")
    stranger.send(stranger.status())
    assert first.silent_after()
    server.clients = "- {shortname: other, ipaddr: 127.0.0.2, secret: SECRET}"
    server.reload()
    stranger.ask(stranger.status())
    first.send(first.status())
    assert stranger.silent_after()
    assert first.receive(0) is None
    assert "dropped a datagram of an unknown client from 127.0.0.1: unknown-client; hint: add" in server.log()


def test_reload_loses_no_request(start: Start) -> None:
    """Requests that come while generations change are all answered, and the old children end (THREATS 104)."""
    server = start(reject_delay="1s", workers=4)
    client, before = server.client(), server.children()
    for number in range(100):
        client.send(rejected_at_once(client, number))
        if number in {30, 60}:
            server.reload()
    replies = [client.receive() for _ in range(100)]
    assert {reply.octets[1] for reply in replies if reply and reply.signed} == set(range(100))
    wait_for(lambda: len(server.children()) == len(before), "the end of the old generations")
    assert not set(before) & set(server.children())


def test_a_dismissed_worker_leaves_what_comes_to_its_successor(server: Server) -> None:
    """A datagram that comes after the reload is not read by the old worker, which does not know its client."""
    old = server.worker()
    os.kill(old, signal.SIGSTOP)
    server.clients = "- {shortname: other, ipaddr: 127.0.0.2, secret: SECRET}"
    server.reload()
    successor = server.worker()
    os.kill(successor, signal.SIGSTOP)
    client = server.client("127.0.0.2")
    client.send(client.status())
    os.kill(old, signal.SIGCONT)  # it finds SIGTERM and the datagram at once
    wait_for(lambda: not alive(old), "the end of the old worker")
    os.kill(successor, signal.SIGCONT)
    reply = client.receive()
    assert reply is not None
    assert reply.signed
    assert "silent" not in server.log()


def test_reload_with_a_mistake_keeps_the_old(server: Server) -> None:
    """A wrong configuration is reported with its place, and the old one goes on."""
    server.more = "mfa: {requird: all}\n"
    server.reload()
    assert f"error: {server.config}:" in server.log()
    assert "requird: unknown key (did you mean 'required'?)" in server.log()
    assert "not reloaded: the old configuration stays" in server.log()
    client = server.client()
    client.ask(client.status())
    server.more = ""
    server.reload()
    assert server.log().rstrip().endswith(" reloaded")


NO_BOX = "mail: {from: pbx@example.com, transport: {type: file, directory: /nonexistent}}\n"


@pytest.mark.parametrize(
    ("clients", "more", "message"),
    [
        ("- {shortname: test, ipaddr: 127.0.0.1, secret: {file: /nonexistent}}", "", "/nonexistent: no such file"),
        ("", NO_BOX, "/nonexistent is no directory the server can write into"),
    ],
)
def test_reload_of_what_is_not_fit_keeps_the_old(server: Server, clients: str, more: str, message: str) -> None:
    """What the preflight finds is said, and the old generation goes on."""
    server.clients, server.more = clients or server.clients, more
    server.reload()
    assert message in server.log()
    assert "not reloaded: the old configuration stays" in server.log()
    client = server.client()
    client.ask(client.status())


def test_reload_changes_the_log(server: Server) -> None:
    """A new form of the log holds from the reload on."""
    server.form = "json"
    server.reload()
    assert json.loads(server.log().splitlines()[-1])["message"] == "reloaded"


def test_reload_says_what_needs_a_restart(server: Server, tmp_path: Path) -> None:
    """A changed listen, workers, store or master_key stays as it was, and the log says so."""
    user, old = server.add_user(), server.store
    server.workers = 2  # and the port, which was 0 at the start
    server.store = Server(tmp_path / "another").store
    server.reload()
    for key in ("listen", "workers", "store", "master_key"):
        assert f"warning {key}: a change needs a restart" in server.log()
    assert "user: a change" not in server.log()
    client = server.client()
    assert client.ask(client.request(user.name, user.password)).result == "challenge"
    server.store = old


def test_one_housekeeping_at_a_time(server: Server) -> None:
    """The housekeeping of a new generation waits for the lock of the old one."""
    (first,) = server.alone("housekeeping")
    server.reload()
    wait_for(lambda: server.alone("housekeeping") not in ([], [first]), "the lock to change hands")
    assert len(server.alone("housekeeping")) == 1
    assert first not in server.children()


@pytest.mark.parametrize(
    ("break_it", "message", "hint"),
    [
        (lambda server: server.store.unlink(), "error: there is no database", "hint: run: radius-mfa init"),
        (lambda server: server.store.write_bytes(b""), "error: the database", "put back a copy"),
        (lambda server: server.master_key.unlink(), "master.key: no such file", "hint: "),
        (lambda server: server.master_key.chmod(0o644), "lets others at the secret", "hint: chmod 600"),
        (lambda server: server.store.chmod(0o644), "error: others may read the database", "hint: run: chmod 600"),
        (lambda server: server.audit_file.mkdir(), "error: audit line not written", "hint: "),
        (
            lambda server: Path(f"{server.store}.shared").mkdir(),
            "error: cannot make ",
            "hint: the directory of the store",
        ),
    ],
)
def test_what_is_not_fit_does_not_start(tmp_path: Path, break_it: object, message: str, hint: str) -> None:
    """Without database, key or audit the start ends with 78 and the way out, before any port is bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))  # a bound port would be refused with 69
        server = Server(tmp_path / "server")
        server.port = taken.getsockname()[1]
        assert callable(break_it)
        break_it(server)
        server.launch()
        assert server.process is not None
        assert server.process.wait(20) == 78
    assert message in server.log()
    assert hint in server.log()
    assert "Traceback" not in server.log()


@pytest.mark.needs_root
def test_a_missing_user_does_not_start(tmp_path: Path) -> None:
    """Started as root for a user that the host does not have, it ends with 78."""
    server = Server(tmp_path / "server", user="no-such-user")
    server.launch()
    assert server.process is not None
    assert server.process.wait(20) == 78
    assert "error: user: there is no user no-such-user on this host\nhint: " in server.log()


@pytest.mark.needs_root
def test_no_other_process_of_the_user_looks_into_its_memory() -> None:
    """Also when it was that user from the start: no core, no debugger, no /proc/PID/mem."""
    child = os.fork()
    if child == 0:
        libc = ctypes.CDLL(None)
        os.setuid(65534)
        libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, as any process begins
        become("nobody")
        os._exit(libc.prctl(3, 0, 0, 0, 0))  # PR_GET_DUMPABLE
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.needs_root
def test_root_is_given_up() -> None:
    """Started as root, the process goes on as `user` for good, without a group of root."""
    child = os.fork()
    if child == 0:
        become("nobody")
        os._exit(0 if (os.getresuid(), os.getresgid(), os.getgroups()) == NOBODY else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
