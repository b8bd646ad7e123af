"""What the figures rest on: radload proves replies, and FreeRADIUS beside us asks for both factors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.contest import running
from tests.bench.freeradius import FreeRadius
from tests.bench.load import Visitors
from tests.bench.ours import RadiusMfa
from tests.bench.population import CHEAP, DIALOGUES, PASSWORD, make_store
from tests.daemon.raw import RawClient, Reply

pytestmark = [
    pytest.mark.bench,
    pytest.mark.needs_root,
    pytest.mark.needs("freeradius", package="freeradius"),
    pytest.mark.needs("/usr/lib/freeradius/rlm_totp.so", package="freeradius"),
    pytest.mark.needs("cc", package="gcc"),
]

USERS = 20


@pytest.fixture(scope="module", params=["files", "sql"])
def freeradius(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeRadius]:
    """FreeRADIUS as it stands in the tables."""
    server = FreeRadius(tmp_path_factory.mktemp("radius") / "server", USERS, request.param)
    with running(server):
        yield server


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RadiusMfa]:
    """radius-mfa as it stands in the tables."""
    folder = tmp_path_factory.mktemp("ours")
    make_store(folder / "store.db", USERS, CHEAP.hash(PASSWORD))
    server = RadiusMfa(folder / "server", folder / "store.db", 1)
    with running(server):
        yield server


@pytest.mark.parametrize("dialogue", DIALOGUES)
def test_every_user_gets_into_freeradius(freeradius: FreeRadius, radload: Path, dialogue: str) -> None:
    """Names, keys and passwords of the two are the same, and the code of a user is right."""
    load = Visitors(radload, freeradius.port, freeradius.secret, USERS, again=True).log_in(dialogue, logins=USERS)
    assert (load.accepts, load.rejects, load.lost, load.foreign) == (USERS, 0, 0, 0)


def test_every_user_gets_into_radius_mfa(ours: RadiusMfa, radload: Path) -> None:
    """Half of them through a challenge, half with password and code in one, and every reply is signed."""
    visitors = Visitors(radload, ours.port, ours.secret, USERS)
    for dialogue in DIALOGUES:
        load = visitors.log_in(dialogue, logins=USERS // 2)
        assert (load.accepts, load.rejects, load.lost, load.foreign) == (USERS // 2, 0, 0, 0)
        assert load.unsigned == 0


@pytest.mark.parametrize("dialogue", DIALOGUES)
def test_a_server_without_the_secret_lets_nobody_in(freeradius: FreeRadius, radload: Path, dialogue: str) -> None:
    """A reply that its authenticators do not prove counts for nothing."""
    visitors = Visitors(radload, freeradius.port, "another-secret", USERS, again=True)
    load = visitors.log_in(dialogue, logins=2, resend=0.1, tries=2)
    assert (load.accepts, load.lost) == (0, 2)


def test_freeradius_asks_for_both_factors(freeradius: FreeRadius) -> None:
    """A wrong password, a wrong code and the challenge of somebody else end in a Reject."""
    client = RawClient(("127.0.0.1", freeradius.port), freeradius.secret.encode())
    wrong = answer(client, "user0000001", "wrong")
    challenge, other = (answer(client, f"user000000{number}", PASSWORD) for number in (1, 2))
    rejects = [
        answer(client, "user0000001", typed, state)
        for typed, state in (("12345x", challenge.state), ("123456", other.state), ("123456", b"forged"))
    ]
    client.close()
    assert (wrong.result, challenge.result, other.result) == ("reject", "challenge", "challenge")
    assert [reply.result for reply in rejects] == ["reject"] * 3


def answer(client: RawClient, name: str, password: str, state: bytes | None = None) -> Reply:
    """The reply; FreeRADIUS 3.2.1 puts no Message-Authenticator into it."""
    client.send(client.request(name, password, state=state))
    reply = client.receive()
    assert reply is not None
    return reply
