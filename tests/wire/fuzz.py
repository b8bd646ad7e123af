"""Mutated datagrams, unsigned and signed again: `python -m tests.wire.fuzz --count 1000000 --seed 7`.

Whatever comes, it is dropped for a named reason or becomes a LoginRequest; only what is signed is let through; every
reply can be sent; and a login among the rubbish works. Prints the outcomes and the time a datagram takes.
"""

from __future__ import annotations

import argparse
import hmac
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import thread_time_ns

from pyrad.packet import AuthPacket

from radius_mfa.auth.model import Accept, Challenge, DeviceToken, Method, Reject, Stage, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.radius.attributes import DICTIONARY
from radius_mfa.radius.client import describe
from radius_mfa.radius.clients import DOCUMENTATION_VENDOR, Client
from radius_mfa.radius.codec import Request
from radius_mfa.radius.drops import Dropped
from tests.wire.packets import (
    LENIENT,
    NAME,
    NOW,
    PASSWORD,
    SECRET,
    SOURCE,
    STATES,
    STRICT,
    attribute,
    hidden_salted,
    login,
    signed,
    vectors,
    vendor,
)

EVERY = 1000  # datagrams between two logins that must work
SIGNED_AGAIN = 3  # one in so many is signed after it was changed: a gateway that means harm
VERDICTS: tuple[Verdict, ...] = (
    Accept(Method.TOTP, text="3 recovery codes left", attributes=attribute(6, bytes((0, 0, 0, 6)))),
    Accept(Method.DEVICE, device=DeviceToken(bytes(32), NOW)),
    Reject(Reason.WRONG_CODE, "Login failed"),
    Challenge(Stage.CODE, "Code: ", 1, 1, 120.0),
)
INTERESTING = (0, 1, 2, 3, 17, 18, 19, 24, 26, 33, 79, 80, 127, 128, 254, 255)


@dataclass
class Tally:
    """What became of the datagrams; `times` are the nanoseconds of CPU that reading each took."""

    outcomes: Counter[str] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)


class Broken(AssertionError):
    """A rule of the wire was broken; the message has the datagram."""


def seeds() -> list[bytes]:
    """What is mutated: the vectors of the RFCs and of real clients, the malformed ones, and one of everything."""
    found = [vector.datagram for file in ("rfc.txt", "clients.txt", "malformed.txt") for vector in vectors(file)]
    state = STATES.seal(Challenge(Stage.CODE, "", 1, 1, 120.0), client="pbx", source=SOURCE, at=NOW)
    found.append(signed(NAME, PASSWORD, attribute(24, state), attribute(33, b"proxy"), attribute(31, b"192.0.2.7")))
    device = vendor(DOCUMENTATION_VENDOR, 1, hidden_salted(bytes(32)))
    found.append(signed(NAME, PASSWORD, device, vendor(DOCUMENTATION_VENDOR, 2, bytes((0, 0, 0, 1)))))
    return [datagram for datagram in found if len(datagram) <= 600]


def mutate(chance: random.Random, datagram: bytes, other: bytes) -> bytes:
    """The datagram with one to four changes."""
    changed = bytearray(datagram)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed) + 1) if changed else 0
        match chance.randrange(7):
            case 0 if place < len(changed):
                changed[place] ^= 1 << chance.randrange(8)
            case 1 if place < len(changed):
                changed[place] = chance.choice(INTERESTING)
            case 2:
                changed[place:place] = chance.randbytes(chance.randint(1, 20))
            case 3:
                del changed[place : place + chance.randint(1, 20)]
            case 4:
                changed[place:] = other[chance.randrange(len(other)) :]
            case 5:
                changed[place:place] = changed[place : place + chance.randint(1, 60)]
            case _ if len(changed) >= 4:
                changed[2:4] = chance.choice((len(changed), chance.randrange(65_536))).to_bytes(2, "big")
    return bytes(changed)


def sign_again(datagram: bytes) -> bytes:
    """The datagram with its length put right and a right signature where a Message-Authenticator stands or fits."""
    changed = bytearray(datagram[:4078].ljust(20, b"\0"))
    changed[0] = 12 if changed[0] == 12 else 1
    start = 20
    while start + 18 <= len(changed) and (changed[start], changed[start + 1]) != (80, 18):
        start += max(2, changed[start + 1])
    if start + 18 > len(changed):
        start = 20
        changed[20:20] = attribute(80, bytes(16))
    changed[2:4] = len(changed).to_bytes(2, "big")
    changed[start + 2 : start + 18] = bytes(16)
    changed[start + 2 : start + 18] = hmac.digest(SECRET, bytes(changed), "md5")
    return bytes(changed)


def read(datagram: bytes, by: Client) -> str:
    """The outcome of one datagram: the reason of its drop, `status`, `unsupported` or `login`."""
    try:
        request = Request.decode(datagram, by)
        request.verify()
        if request.is_status:
            return "status"
        facts = request.login(source=SOURCE, digest=bytes(32), at=NOW, states=STATES)
    except Dropped as drop:
        return drop.reason
    return "unsupported" if facts.unsupported else "login"


def check_let_through(datagram: bytes, by: Client) -> None:
    """Prove with pyrad that what was let through is signed, or may be unsigned, and that each reply is right."""
    request = Request.decode(datagram, by)
    theirs = AuthPacket(packet=datagram, secret=SECRET, dict=DICTIONARY)
    if 80 in theirs:
        proven = theirs.verify_message_authenticator()
    else:
        proven = by is LENIENT and not {33, 79} & set(theirs) and theirs.code == 1
    if not proven:
        raise Broken(datagram.hex())
    if request.is_status:
        check_reply(request, request.status_answer())
        return
    for verdict in VERDICTS:
        check_reply(request, request.answer(verdict, states=STATES, at=NOW, source=SOURCE))


def check_reply(request: Request, reply: bytes) -> None:
    """A reply is short enough, and pyrad's client takes it for one to this request."""
    asked = AuthPacket(packet=request.raw_packet, secret=SECRET, dict=DICTIONARY)
    right = asked.VerifyReply(asked.CreateReply(packet=reply), reply, enforce_ma=True)
    if len(reply) >= 4096 or reply[20] != 80 or not right:
        raise Broken(request.raw_packet.hex())


def datagrams(count: int, seed: int) -> Iterator[tuple[bytes, Client]]:
    """The mutated datagrams and the client each is from; the same for the same seed."""
    chance = random.Random(seed)
    pool = seeds()
    for number in range(count):
        datagram = mutate(chance, chance.choice(pool), chance.choice(pool))
        if number % SIGNED_AGAIN == 0:
            datagram = sign_again(datagram)
        yield datagram, chance.choice((STRICT, LENIENT))


def run(count: int, seed: int) -> Tally:
    """Send `count` datagrams through the codec. Raises Broken, and whatever the codec must not raise."""
    tally = Tally()
    for number, (datagram, by) in enumerate(datagrams(count, seed)):
        begun = thread_time_ns()
        outcome = read(datagram, by)
        tally.times.append(thread_time_ns() - begun)
        tally.outcomes[outcome] += 1
        if outcome in {"login", "unsupported", "status"}:
            check_let_through(datagram, by)
        if number % EVERY == 0:
            describe(datagram)
            if login(signed(NAME, PASSWORD)).password != b"correct horse":
                raise Broken("a login among the rubbish")
    return tally


def main() -> None:
    """Run from the command line."""
    options = argparse.ArgumentParser(description="send mutated datagrams through the codec")
    options.add_argument("--count", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=7)
    given = options.parse_args()
    tally = run(given.count, given.seed)
    for outcome, number in tally.outcomes.most_common():
        print(f"{number:10} {outcome}")
    times = sorted(nanoseconds / 1000 for nanoseconds in tally.times)
    middle, late = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"reading one takes {middle:.1f} us, p99 {late:.1f} us, at most {times[-1]:.1f} us")


if __name__ == "__main__":
    main()
