"""Duplicate detection and the reply cache (RFC 5080 section 2.2.2; THREATS 5, 91, 92 as far as the wire goes)."""

from __future__ import annotations

import tracemalloc

import pytest

from radius_mfa.radius.clients import Client
from radius_mfa.radius.duplicates import Duplicates, Endpoint, Seen, digest, key, way
from tests.wire.packets import LENIENT, STRICT, attribute, client, packet

HERE: Endpoint = ("192.0.2.1", 1812)
THERE: Endpoint = ("192.0.2.10", 50_000)
DATAGRAM = packet(attribute(1, b"alice"))
WAY = way(STRICT.shortname, HERE, THERE)
KEY = key(WAY, DATAGRAM)
DIGEST = digest(WAY, DATAGRAM)


def numbered(number: int) -> tuple[bytes, bytes]:
    """The key and digest of one of many datagrams."""
    datagram = packet(attribute(1, b"alice"), authenticator=number.to_bytes(16, "big"))
    there = ("192.0.2.10", 1024 + number % 60_000)
    return key(way(STRICT.shortname, HERE, there), datagram), digest(way(STRICT.shortname, HERE, there), datagram)


def test_the_life_of_a_datagram() -> None:
    """New, then at work, then answered with the same octets, until its lifetime is over."""
    known = Duplicates(lifetime=30.0)
    assert Seen.NEW is known.look(KEY, DIGEST, 100.0)
    known.begin(KEY, DIGEST, 100.0)
    assert Seen.IN_WORK is known.look(KEY, DIGEST, 100.5)
    known.finish(KEY, b"reply", 101.0)
    assert b"reply" == known.look(KEY, DIGEST, 101.0)
    assert b"reply" == known.look(KEY, DIGEST, 130.9)
    assert Seen.NEW is known.look(KEY, DIGEST, 131.0)


def test_a_dropped_datagram_is_new_again() -> None:
    """What was forgotten may come again; forgetting twice is no harm."""
    known = Duplicates()
    known.begin(KEY, DIGEST, 100.0)
    known.forget(KEY)
    known.forget(KEY)
    assert Seen.NEW is known.look(KEY, DIGEST, 100.0)
    assert (0, 0) == (len(known), known.size)


def test_what_is_too_old_leaves_with_the_next_that_begins() -> None:
    """Memory is given back as time goes on, not only when there is no room."""
    known = Duplicates(lifetime=30.0)
    left = []
    for number, now in enumerate((100.0, 110.0, 131.0, 135.0, 142.0, 1000.0, 1029.0, 1031.0, 1062.0)):
        key, digest = numbered(number)
        known.begin(key, digest, now)
        known.finish(key, b"reply", now)
        left.append(len(known))
    assert [1, 2, 2, 3, 3, 1, 2, 2, 1] == left


def test_looking_changes_nothing() -> None:
    """A datagram that is not verified leaves no trace."""
    known = Duplicates()
    known.look(KEY, DIGEST, 100.0)
    assert (0, 0) == (len(known), known.size)


def test_other_octets_under_the_same_authenticator() -> None:
    """The same Identifier and authenticator with other octets is a conflict, at work or answered."""
    changed = packet(attribute(1, b"alicf"))
    other = digest(WAY, changed)
    assert KEY == key(WAY, changed)
    known = Duplicates()
    known.begin(KEY, DIGEST, 100.0)
    assert Seen.CONFLICT is known.look(KEY, other, 100.0)
    known.finish(KEY, b"reply", 100.0)
    assert Seen.CONFLICT is known.look(KEY, other, 100.0)
    padded = digest(WAY, DATAGRAM + b"\0")
    assert Seen.CONFLICT is known.look(KEY, padded, 100.0)


def test_an_identifier_used_again() -> None:
    """A new authenticator under the same Identifier is a new request; it does not get the old reply."""
    known = Duplicates()
    known.begin(KEY, DIGEST, 100.0)
    known.finish(KEY, b"reply", 100.0)
    fresh = packet(attribute(1, b"alice"), authenticator=bytes(16))
    fresh_key, fresh_digest = key(WAY, fresh), digest(WAY, fresh)
    assert Seen.NEW is known.look(fresh_key, fresh_digest, 100.0)
    known.begin(fresh_key, fresh_digest, 100.0)
    known.finish(fresh_key, b"other", 100.0)
    assert (b"reply", b"other") == (known.look(KEY, DIGEST, 100.0), known.look(fresh_key, fresh_digest, 100.0))


@pytest.mark.parametrize(
    ("by", "here", "there"),
    [
        (client(shortname="pbx2"), HERE, THERE),
        (STRICT, ("192.0.2.2", 1812), THERE),
        (STRICT, ("192.0.2.1", 1645), THERE),
        (STRICT, HERE, ("192.0.2.11", 50_000)),
        (STRICT, HERE, ("192.0.2.10", 50_001)),
        (STRICT, HERE, ("192.0.2.1", 0)),
    ],
)
def test_the_way_is_part_of_it(by: Client, here: Endpoint, there: Endpoint) -> None:
    """The same octets of another client, from or to another address or port, are another datagram."""
    assert DIGEST != digest(way(by.shortname, here, there), DATAGRAM)
    assert KEY != key(way(by.shortname, here, there), DATAGRAM)


def test_the_whole_datagram_is_part_of_the_digest() -> None:
    """Each octet counts, and a digest has 32 of them."""
    digests = {digest(WAY, DATAGRAM[:place] + b"\xee" + DATAGRAM[place + 1 :]) for place in range(27)}
    assert 27 == len(digests - {DIGEST})
    assert 32 == len(DIGEST)
    assert DIGEST == digest(way(LENIENT.shortname, HERE, THERE), DATAGRAM)


def test_a_flood_is_bounded() -> None:
    """Of 200,000 answered requests the newest are kept, in the octets that were allowed."""
    known = Duplicates()
    for number in range(200_000):
        known.begin(*numbered(number), number / 1000)
        known.finish(numbered(number)[0], bytes(100), number / 1000)
        assert known.size <= 8 * 1024 * 1024
    assert b"\0" * 100 == known.look(*numbered(199_999), 200.0)
    assert len(known) > 5000


def test_the_oldest_go_first() -> None:
    """Without room, what was answered longest ago makes it; entries past their lifetime go without need."""
    known = Duplicates(lifetime=30.0, limit=2500)
    for number in range(3):
        known.begin(*numbered(number), float(number))
    known.finish(numbered(0)[0], b"", 3.0)
    known.begin(*numbered(3), 4.0)
    kept = [known.look(*numbered(number), 4.0) for number in range(4)]
    assert [b"", Seen.NEW, Seen.IN_WORK, Seen.IN_WORK] == kept
    known.begin(*numbered(4), 100.0)
    assert 1 == len(known)


def test_a_late_reply_is_not_kept() -> None:
    """The reply to a request that was evicted meanwhile is sent, not stored."""
    known = Duplicates(limit=700)
    known.begin(*numbered(0), 0.0)
    known.begin(*numbered(1), 0.0)
    known.finish(numbered(0)[0], b"reply", 0.0)
    assert Seen.NEW is known.look(*numbered(0), 0.0)
    assert 700 == known.size


def test_size_is_what_it_costs() -> None:
    """What an entry is reckoned at is no less than the memory it takes."""
    known = Duplicates()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(5000):
            known.begin(*numbered(number), 0.0)
            known.finish(numbered(number)[0], bytes(bytearray(100)), 0.0)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken <= known.size
