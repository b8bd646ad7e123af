"""A code is taken once, whoever asks, however often and at whichever worker; a State too."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from radius_mfa.store import accounts, codes
from tests.daemon.conftest import APPEND, Start, daemons
from tests.daemon.crowd import LOOPBACK, crowd, results, source_of, submit
from tests.daemon.server import PASSWORD, Server

RECOVERY = "ABCDEFGHIJKLMNOPQRST"


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A daemon of four workers that takes requests from a crowd."""
    with daemons(tmp_path_factory.mktemp("four")) as one:
        yield one(clients=LOOPBACK, workers=4)


def recovery_codes(count: int) -> list[str]:
    """Codes as the store takes them: 16 letters of base32."""
    return [f"{RECOVERY[number]}{'BCDEFGHIJKLMNOP'}" for number in range(count)]


@pytest.mark.parametrize(("size", "times"), [(2000, 1), (100, 49)])
def test_a_code_is_taken_once(four: Server, size: int, times: int) -> None:
    """So many submissions of one code at once, each with its own State, to four workers: one Accept (THREATS 1)."""
    with crowd(four, size=200) as clients:
        for _ in range(times):
            user = four.add_user()
            code, requests = user.code(), []
            for number in range(size):
                client, state = clients[number % 200], four.seal_state(user, source=source_of(number % 200))
                requests.append((client, client.request(user.name, code, state=state, identifier=number // 200)))
            assert results(submit(requests)) == {"accept": 1, "reject": size - 1}
            assert [line["result"] for line in four.audit_of(user.name)].count("accept") == 1


def test_a_recovery_code_is_taken_once(four: Server) -> None:
    """2,000 submissions of one recovery code at once to four workers: one Accept, one code less (THREATS 2)."""
    user = four.add_user(recovery=recovery_codes(10))
    with crowd(four, size=200) as clients:
        requests = []
        for number in range(2000):
            client = clients[number % 200]
            state = four.seal_state(user, source=source_of(number % 200))
            answer = client.request(user.name, user.recovery_codes[0], state=state, identifier=number // 200)
            requests.append((client, answer))
        assert results(submit(requests)) == {"accept": 1, "reject": 1999}
    assert codes.count(four.database, user.name) == 9


def test_ten_recovery_codes_are_ten_accepts(four: Server) -> None:
    """Ten different recovery codes at once are ten Accepts, and none is left (THREATS 2)."""
    user = four.add_user(recovery=recovery_codes(10))
    with crowd(four, size=10) as clients:
        requests = []
        for number, client in enumerate(clients):
            state = four.seal_state(user, source=source_of(number))
            requests.append((client, client.request(user.name, user.recovery_codes[number], state=state)))
        assert results(submit(requests)) == {"accept": 10}
    assert codes.count(four.database, user.name) == 0


def test_a_state_is_answered_once(four: Server) -> None:
    """500 uses of one State with the right code at once, at four workers: one Accept (THREATS 22)."""
    user = four.add_user()
    state = four.seal_state(user, source="127.0.0.1")
    clients = [four.client() for _ in range(2)]
    requests = []
    for number in range(500):
        client = clients[number % 2]
        requests.append((client, client.request(user.name, user.code(), state=state, identifier=number // 2)))
    assert results(submit(requests)) == {"accept": 1, "reject": 499}


def test_a_code_is_taken_once_over_names_and_clients(start: Start) -> None:
    """A code used by `alice` is used for every way to write the name, from every client (THREATS 4)."""
    server = start(
        clients="- {shortname: test, ipaddr: 127.0.0.1, secret: SECRET, dialogue: append}\n"
        "- {shortname: other, ipaddr: 127.0.0.2, secret: SECRET, dialogue: append}",
        more="accounts: {realms: [realm], domains: [dom]}\n",
    )
    alice = server.add_user("alice")
    first, other = server.client(), server.client("127.0.0.2")
    field = PASSWORD + alice.code()
    assert first.ask(first.request("alice", field)).result == "accept"
    for name in ("alice", "Alice", "ALICE", "alice@realm", "DOM\\alice", "dom\\ALICE@REALM"):
        for client in (first, other):
            assert client.ask(client.request(name, field)).result == "reject"
    reasons = {line["reason"] for line in server.audit_of("alice")[1:]}
    assert len(server.audit_of("alice")) == 13
    assert reasons == {"stale-code"}
    assert first.ask(first.request("ALICE@realm", PASSWORD + alice.code(1))).result == "accept"


def test_a_retransmission_gets_the_same_bytes(start: Start) -> None:
    """The identical datagram three times: one decision, three equal replies (THREATS 5)."""
    server = start(clients=APPEND)
    alice, client = server.add_user("alice"), server.client()
    request = client.request("alice", PASSWORD + alice.code())
    replies = {client.ask(request).octets for _ in range(3)}
    assert len(replies) == 1
    assert ["accept"] == [line["result"] for line in server.audit_of("alice")]


def test_a_duplicate_of_what_is_at_work_gets_nothing(start: Start) -> None:
    """The same datagram again while its Reject waits for its time: one reply (THREATS 5)."""
    server = start(reject_delay="1s")
    alice, client = server.add_user("alice"), server.client()
    request = client.request("alice", "wrong")
    for _ in range(5):
        client.send(request)
    reply = client.receive()
    assert reply is not None
    assert reply.result == "reject"
    assert client.silent_after()
    assert len(server.audit_of(alice.name)) == 1
    assert server.dropped("test") == 4


def test_a_reject_leaves_late(start: Start) -> None:
    """A Reject is held back for `reject_delay`; what was asked after it and is right is answered before it."""
    server = start(reject_delay="1s")
    client = server.client()
    wrong = client.request("alice", "123456", state=b"none", identifier=1)
    client.send(wrong)
    status = client.status()
    client.send(status)
    order = [reply.octets[1] for reply in (client.receive(), client.receive()) if reply]
    assert order == [status[1], 1]


def test_a_captured_request_is_never_accepted_again(start: Start) -> None:
    """An Accept's request half a minute and a restart later, 10,000 times: Rejects, and nothing counted (THREATS 6)."""
    server = start(clients=LOOPBACK)
    alice = server.add_user("alice")
    first = server.client()
    state = first.ask(first.request("alice", alice.password)).state
    captured = first.request("alice", alice.code(), state=state)
    accept = first.ask(captured)
    assert accept.result == "accept"
    server.age_stored_replies(31.0)
    server.restart()
    # One address, many ports: each is a request of its own to the duplicate cache, and the State fits them all.
    clients = [server.client() for _ in range(100)]
    replies = {client.replay(captured) for _ in range(100) for client in clients}
    assert accept.octets not in replies
    assert {reply[0] for reply in replies} == {3}
    assert accounts.get(server.database, "alice").failures == 0
    assert [line["result"] for line in server.audit_of("alice")].count("accept") == 1


def test_forged_states_open_nothing(common: Server) -> None:
    """States that nobody sealed, and every flipped bit of one that was, are a Reject each (THREATS 19, 20)."""
    user, client = common.add_user(), common.client()
    state = common.seal_state(user)
    flipped = [
        state[:place] + bytes((state[place] ^ 1 << bit,)) + state[place + 1 :]
        for place in range(len(state))
        for bit in range(8)
    ]
    longer = [state[:-1], state + b"A", state * 3, state[:1], b"", bytes(253), state + bytes(253 - len(state))]
    forged = [secrets.token_urlsafe(54).encode() for _ in range(2000)]
    code = user.code()
    for number, false in enumerate([*flipped, *longer, *forged]):
        reply = client.ask(client.request(user.name, code, state=false, identifier=number % 256))
        assert reply.result == "reject", false
    assert {line["reason"] for line in common.audit_of(user.name)} == {"state-invalid"}
    assert client.ask(client.request(user.name, code, state=state)).result == "accept"


def test_a_state_belongs_to_its_client_its_source_and_its_user(start: Start) -> None:
    """A State used from another address, by another client or for another user is a Reject (THREATS 22)."""
    server = start(
        clients="- {shortname: test, ipaddr: 127.0.0.0/24, secret: SECRET}\n"
        "- {shortname: other, ipaddr: 127.0.1.0/24, secret: SECRET}"
    )
    alice, bob = server.add_user("alice"), server.add_user("bob")
    own, neighbour, other = server.client(), server.client("127.0.0.2"), server.client("127.0.1.1")
    state = own.ask(own.request("alice", alice.password)).state
    for client, user, reason in (
        (neighbour, alice, "state-invalid"),
        (other, alice, "state-invalid"),
        (own, bob, "state-invalid"),
    ):
        assert client.ask(client.request(user.name, user.code(), state=state)).result == "reject"
        assert server.audit_lines()[-1]["reason"] == reason
    assert own.ask(own.request("alice", alice.code(), state=state)).result == "accept"
    assert own.ask(own.request("alice", alice.code(1), state=state)).result == "reject"
    assert server.audit_lines()[-1]["reason"] == "state-spent"


@pytest.mark.parametrize(("age", "result"), [(115.0, "accept"), (121.0, "reject")])
def test_a_state_expires(common: Server, age: float, result: str) -> None:
    """A State of 115 s is answered, one of 121 s is not (THREATS 23; to the second in the tests of the rules)."""
    user, client = common.add_user(), common.client()
    state = common.seal_state(user, age=age)
    assert client.ask(client.request(user.name, user.code(), state=state)).result == result
