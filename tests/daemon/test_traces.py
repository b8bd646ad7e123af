"""What the daemon leaves in its log and its audit: one record an event, and no secret."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_mfa.store.keys import MasterKey
from tests.daemon.conftest import Start
from tests.daemon.raw import RawClient
from tests.daemon.server import SECRET, Server, User, wait_for

HOSTILE = [
    b"a\rb", b"a\nb", b"a\r\n2026-01-01T00:00:00.000+00:00 info forged", b"\x1b]0;owned\x07", b"\x1b[2J",
    "a\u2028b\u2029c\u0085d".encode(), b'"},{"result":"accept', b"\\", b"\\n", b"%s%n", b"n" * 253, b"\xff\xfe\x80",
]  # fmt: skip
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 (debug|info|warning|error) [^\n]*")
RECOVERY = "ABCDEFGHIJKLMNOP"
STUMBLE = """
seen = []

def before_send(reply):
    seen.append(reply)
    if len(seen) == 2:
        raise ValueError(reply)
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_one_record_an_event(start: Start, form: str) -> None:
    """Whatever is in name, station and NAS-Identifier, an event is one record and comes back equal (THREATS 100)."""
    server = start(level="debug", form=form)
    client = server.client()
    for text in HOSTILE:
        more: list[tuple[str, object]] = [("Calling-Station-Id", text), ("NAS-Identifier", text)]
        # a State that is none: refused without a hash
        client.ask(client.request(text, "123456", state=b"none", more=more))
    lines = server.audit_lines()
    shown = [text.decode(errors="backslashreplace") for text in HOSTILE]
    assert shown == [line["account"] for line in lines]
    assert shown == [line["calling_station"] for line in lines]
    raw = server.audit_file.read_bytes()
    assert raw.isascii()
    assert raw.count(b"\n") == len(HOSTILE)
    for line in server.log().split("\n")[:-1]:
        assert json.loads(line) if form == "json" else LINE.fullmatch(line)
        assert line.isprintable()


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_in_log_or_audit(start: Start, form: str) -> None:
    """A DEBUG log of every kind of login, with faults, has no secret: raw, in hex, or in base64 (THREATS 101)."""
    server = start(level="debug", form=form, hook=STUMBLE)
    user = server.add_user("alice", "a-password-like-no-other", recovery=[RECOVERY])
    client = server.client()
    secrets = {
        "password": user.password.encode(),
        "shared secret": SECRET.encode(),
        "recovery code": RECOVERY.encode(),
        "recovery code as shown": b"ABCD-EFGH-IJKL-MNOP",
        "TOTP secret": user.totp.byte_secret(),
        "TOTP secret in base32": user.totp_secret_base32.encode(),
        "master key": MasterKey.read(server.master_key).keys[0],
        "data key": server.database.keys.state,
        "wrong password": b"a-wrong-password",
        **dict(every_kind_of_login(server, client, user)),
    }
    written = server.log_file.read_bytes() + server.audit_file.read_bytes()
    assert server.process is not None
    for pid in (server.process.pid, *server.children()):
        written += Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    for name, secret in secrets.items():
        for needle in forms(secret):
            assert needle not in written, name


def every_kind_of_login(server: Server, client: RawClient, user: User) -> Iterator[tuple[str, bytes]]:
    """Log in, right and wrong, malformed and with a fault on the way out; the secrets that came up."""
    name, password = user.name, user.password
    first = client.request(name, password)
    challenge = client.ask(first)
    yield "State", challenge.state
    code = user.code()
    answer = client.request(name, code, state=challenge.state)
    client.send(answer)  # its Accept stumbles
    wait_for(lambda: "internal-error" in server.log(), "the fault")
    assert client.ask(answer).result == "accept"
    yield "code", b":" + code.encode()  # six digits alone may be part of a time
    assert client.ask(client.request(name, "a-wrong-password")).result == "reject"
    again = client.ask(client.request(name, password))
    yield "second State", again.state
    assert client.ask(client.request(name, "ABCD-EFGH-IJKL-MNOP", state=again.state)).result == "accept"
    assert client.ask(client.request(name, "000000", state=again.state)).result == "reject"
    assert client.silent_after(client.request(name, password, signed=False), first[:-1], b"short")
    yield "datagram", answer
    yield "hidden password", first[first.index(b"\2\x22") + 2 :][:32]


def forms(secret: bytes) -> list[bytes]:
    """The ways in which octets are written down."""
    encoded = base64.b64encode(secret).rstrip(b"=")
    return [
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        encoded,
        encoded.translate(bytes.maketrans(b"+/", b"-_")),
        repr(secret)[2:-1].encode(),
    ]


def test_a_drop_is_one_line_a_minute(common: Server) -> None:
    """1,000 unsigned requests are one line of log with what would mend it, and 1,000 in the counters."""
    client = common.client()
    before, lines = common.dropped("test"), common.log().count("bad-code")
    for _ in range(10):
        for _ in range(100):
            client.send(b"\x04" + client.request("alice", "x")[1:])  # an Accounting-Request
        client.ask(client.status())
    assert common.dropped("test") == before + 1000
    assert common.log().count("bad-code") == lines + 1
