"""Several workers behind one port: all of them work, whoever sends, and they are one server to everybody."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.daemon.conftest import Start
from tests.daemon.crowd import LOOPBACK, crowd, results, source_of, submit
from tests.daemon.processes import descriptors, is_udp, private, rss
from tests.daemon.raw import RawClient
from tests.daemon.server import Server, wait_for

# A file for each worker, as long as it has sent replies.
COUNT = """
import os

def before_send(reply):
    with open(f"sent {os.getpid()}", "ab") as file:
        file.write(b".")
"""
ONE_CORE = """
import os
before_send = None
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
"""
# A sandbox that refuses one option of setsockopt: SO_ATTACH_REUSEPORT_CBPF (seccomp(2), linux/filter.h).
NO_STEERING = """
import ctypes, platform, struct
before_send = None
filter = [
    (0x20, 0, 0, 0),  # load the number of the call
    (0x15, 0, 3, {"x86_64": 54, "aarch64": 208}[platform.machine()]),
    (0x20, 0, 0, 32),  # load its third argument
    (0x15, 0, 1, 51),
    (0x06, 0, 0, 0x00050001),  # EPERM
    (0x06, 0, 0, 0x7FFF0000),  # let it pass
]
program = b"".join(struct.pack("=HBBI", *instruction) for instruction in filter)
kept = ctypes.create_string_buffer(program, len(program))
given = ctypes.create_string_buffer(struct.pack("@HP", len(filter), ctypes.addressof(kept)))
libc = ctypes.CDLL(None)
assert (libc.prctl(38, 1, 0, 0, 0), libc.prctl(22, 2, given, 0, 0)) == (0, 0)
"""
SOON = """
from radius_mfa.backends import slots
before_send = None
slots.IDLE = 0.2
"""
MEBI = 1024 * 1024


def sent(server: Server) -> list[int]:
    """How many replies each worker has sent, the fewest first; from now on they count anew."""
    files = list(server.directory.glob("sent *"))
    counts = sorted(file.stat().st_size for file in files)
    for file in files:
        file.unlink()
    return counts


def ask_at_once(client: RawClient, count: int, identifier: int | None = None) -> None:
    """So many requests from one port, each refused without a hash, and all their replies."""
    for _ in range(0, count, 100):
        for _ in range(100):
            client.send(client.request("alice", "123456", state=b"none", identifier=identifier))
        for _ in range(100):
            client.next_octets()


@contextlib.contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """These processes stand still, inside the block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_one_port_keeps_both_workers_busy(start: Start) -> None:
    """One client port, its Identifiers in turn or always 0: neither of two workers has more than 60 of 100."""
    server = start(workers=2, hook=COUNT)
    client = server.client()
    for identifier in (None, 0):
        ask_at_once(client, 1000, identifier)
        fewest, most = sent(server)
        assert 1000 == fewest + most
        assert 400 <= fewest


def test_auto_is_one_worker_a_core(start: Start) -> None:
    """As many as the cores the daemon may use when it starts; no reload changes that, for each has its socket."""
    cores = os.sched_getaffinity(0)
    server = start(workers="auto")
    assert len(cores) == len(server.udp_workers())
    single = start(workers="auto", hook=ONE_CORE)
    assert 1 == len(single.udp_workers())
    assert single.process is not None
    os.sched_setaffinity(single.process.pid, cores)
    single.reload()
    wait_for(lambda: len(single.children()) == 2, "the end of the old generation")
    client = single.client()
    ask_at_once(client, 100)
    assert "workers: a change" not in single.log()


def test_where_nobody_steers_all_workers_read_one_socket(start: Start) -> None:
    """The log says so once; every worker answers on both addresses, a code is taken once, the port is nobody else's."""
    server = start(workers=3, hook=NO_STEERING, listen=("127.0.0.1", "127.0.0.2"), clients=LOOPBACK)
    said = "warning this host does not steer datagrams to workers (Operation not permitted): all 3 read one socket"
    assert 1 == server.log().count(said)
    assert 1 == server.log().count("steer")
    workers = server.udp_workers()
    assert 3 == len(workers)
    udp = [{name for name in descriptors(pid) if is_udp(pid, name)} for pid in workers]
    assert 2 == len(set.union(*udp))
    for one in workers:
        with stopped([pid for pid in workers if pid != one]):
            client = server.client()
            assert "accept" == client.ask(client.status()).result
    user = server.add_user()
    with crowd(server, size=50) as clients:
        requests = [
            (client, client.request(user.name, user.code(), state=server.seal_state(user, source=source_of(number))))
            for number, client in enumerate(clients)
        ]
        assert {"accept": 1, "reject": 49} == results(submit(requests))
    assert workers == server.udp_workers()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            second.bind(("127.0.0.1", server.port))


def test_right_passwords_at_once_wait_for_each_other_at_all_workers(start: Start) -> None:
    """An account has five tries from a place: those that another worker has in use come back, and nobody is refused."""
    server = start(workers=4)
    client, user = server.client(), server.add_user()
    for _ in range(3):
        replies = submit([(client, client.request(user.name, user.password)) for _ in range(18)])
        assert {"challenge": 18} == results(replies)


def test_memory(start: Start) -> None:
    """A worker has 45 MiB of its own at most once the hashes are over, and the supervisor 80 MiB in all.

    Of those 45, 16 are SQLite's pages of a large database and 8 the replies that are kept: neither is there yet.
    """
    one_each = "passwords: {hash_memory: 38MiB}\n"  # of two at a time, malloc itself gives one back
    server = start(workers=2, hook=SOON, clients=LOOPBACK, more=one_each)
    user = server.add_user()
    with crowd(server, size=12) as clients:
        replies = submit([(client, client.request(user.name, "wrong")) for client in clients])
        assert {"reject": 12} == results(replies)
    most = (45 - 16 - 8) * MEBI
    wait_for(lambda: all(private(pid) < most for pid in server.udp_workers()), "the memory of the hashes")
    assert server.process is not None
    assert rss(server.process.pid) < 80 * MEBI
