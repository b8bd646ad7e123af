"""What every store promises of trusted devices and known places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from radius_mfa.auth.asks import WON, Consumption, Loss, Outcome, UseDevice
from radius_mfa.auth.model import Account, Claim, DeviceKind
from radius_mfa.ports import Write
from radius_mfa.store import accounts, devices, tokens
from radius_mfa.store.accounts import Changes, NewAccount
from radius_mfa.store.sqlite import SqliteStore
from tests.contract.stores import NOW, SqliteStores, claimed, code, digest, step, trusted, use

WEEK = 7 * 86400.0
OLD, NEW = claimed(b"old"), claimed(b"new")


def found(store: SqliteStore, account: Account, claim: Claim = OLD, request: int = 77) -> int | None:
    device = store.find_device(account.id, claim, digest(request))
    return None if device is None else device.id


def let_in(store: SqliteStore, account: Account, before: Claim = OLD, after: Claim = NEW) -> Consumption:
    return UseDevice(found(store, account, before) or 0, before, after)


def test_a_trusted_device_is_found_by_its_mark_alone(stores: SqliteStores, store: SqliteStore) -> None:
    """Account, kind, client and mark together: another one of any of them finds nothing."""
    alice, bob = stores.account("alice"), stores.account("bob", codes_of=())
    trust = trusted(stores, store, alice, OLD)
    device = store.find_device(alice.id, OLD, digest(1))
    assert device is not None
    assert (NOW, NOW, trust.expires, None, False) == (
        device.created, device.last_used, device.expires, device.tag, device.rotated
    )  # fmt: skip
    others = [
        replace(OLD, mark=b"older"),
        replace(OLD, client="vpn"),
        replace(OLD, kind=DeviceKind.SSH_KEY),
    ]
    assert [None] * 3 == [found(store, alice, claim) for claim in others]
    assert found(store, bob) is None


def test_a_mark_is_used_once(stores: SqliteStores, store: SqliteStore) -> None:
    """Its device has another one from then on, and in the same batch already."""
    alice = stores.account("alice")
    trusted(stores, store, alice, OLD)
    using = let_in(store, alice)
    assert [WON, Outcome(Loss.CONSUMED)] == store.commit([use(alice, using), use(alice, using, request=2)])
    assert found(store, alice, NEW) is not None
    assert found(store, alice, OLD) is None


def test_the_datagram_that_changed_a_mark_finds_its_reply(stores: SqliteStores, store: SqliteStore) -> None:
    """For thirty seconds the same datagram, with the mark of before, gets the very octets; another one nothing."""
    alice = stores.account("alice")
    trusted(stores, store, alice, OLD)
    using = let_in(store, alice)
    store.commit([use(alice, using, request=5, reply=b"accept")])
    again = store.find_device(alice.id, OLD, digest(5))
    assert again is not None
    assert again.rotated
    assert [Outcome(Loss.CONSUMED, b"accept")] == store.commit([use(alice, using, request=5, at=NOW + 29)])
    assert [Outcome(Loss.CONSUMED)] == store.commit([use(alice, using, request=5, at=NOW + 31)])
    assert [Outcome(Loss.CONSUMED)] == store.commit([use(alice, using, request=6)])


@pytest.mark.parametrize(("at", "outcome"), [(NOW + WEEK - 1, WON), (NOW + WEEK, Outcome(Loss.CONSUMED))])
def test_a_device_is_used_until_it_expires(
    stores: SqliteStores, store: SqliteStore, at: float, outcome: Outcome
) -> None:
    """A second before its time is over it is taken, then not, and its use prolongs nothing."""
    alice = stores.account("alice")
    trusted(stores, store, alice, OLD)
    assert [outcome] == store.commit([use(alice, let_in(store, alice), at=at)])
    if outcome is WON:
        device = store.find_device(alice.id, NEW, digest(1))
        assert device is not None
        assert (at, NOW + WEEK) == (device.last_used, device.expires)


def test_the_same_device_is_trusted_anew(stores: SqliteStores, store: SqliteStore) -> None:
    """One that is trusted again has one row, with its new time."""
    alice = stores.account("alice")
    trusted(stores, store, alice, OLD)
    trusted(stores, store, alice, OLD, expires=NOW + 2 * WEEK)
    assert [NOW + 2 * WEEK] == [one.expires for one in devices.all_devices(stores.database, "alice")]


def test_an_account_keeps_as_many_devices_as_it_may(stores: SqliteStores, store: SqliteStore) -> None:
    """The one that was used longest ago goes, and nobody else's."""
    alice, bob = stores.account("alice"), stores.account("bob", codes_of=())
    trusted(stores, store, bob, OLD)
    for number in range(4):
        trusted(stores, store, alice, claimed(b"%d" % number), most=3)
    assert [False, True, True, True] == [
        found(store, alice, claimed(b"%d" % number)) is not None for number in range(4)
    ]
    using = let_in(store, alice, claimed(b"1"), claimed(b"1"))
    store.commit([use(alice, using, request=5, at=NOW + 60)])
    trusted(stores, store, alice, claimed(b"9"), most=3)
    assert [True, False, True, True] == [
        found(store, alice, claimed(mark)) is not None for mark in (b"1", b"2", b"3", b"9")
    ]
    assert found(store, bob) is not None


def test_what_ends_the_trust_ends_every_device(stores: SqliteStores, store: SqliteStore) -> None:
    """Another password, a reset, a disabled token, a recovery code: all devices of the account, and only its own."""
    bob = stores.account("bob", codes_of=())
    trusted(stores, store, bob, OLD)
    stores.account("alice")
    ends: dict[str, Callable[[], object]] = {
        "password": lambda: accounts.set_password_hash(stores.database, "alice", "hash"),
        "disabled": lambda: accounts.disable(stores.database, "alice"),
        "disable": lambda: tokens.disable(stores.database, "alice"),
        "code": lambda: store.commit([use(stores.load("alice"), code(store, stores.load("alice")), request=5)]),
        "reset": lambda: tokens.reset(stores.database, "alice"),
    }
    for what, end in ends.items():
        if what == "disable":
            accounts.enable(stores.database, "alice")
        if what == "code":
            tokens.enable(stores.database, "alice")
        alice = stores.load("alice")
        trusted(stores, store, alice, OLD)
        assert found(store, alice) is not None, what
        end()
        assert found(store, alice) is None, what
    assert found(store, bob) is not None


def test_a_device_lets_nobody_in_past_a_change_of_the_account(stores: SqliteStores, store: SqliteStore) -> None:
    """Disabled, locked or of another epoch: the round loses, and the mark stays."""
    alice = stores.account("alice")
    trusted(stores, store, alice, OLD)
    using = let_in(store, alice)
    accounts.change(stores.database, "alice", Changes(mail="a@example.com"))
    assert [Outcome(Loss.ACCOUNT)] == store.commit([use(alice, using)])
    assert found(store, alice) is not None


def test_a_device_of_another_account_is_not_used(stores: SqliteStores, store: SqliteStore) -> None:
    """A row is consumed by its own account only."""
    alice, bob = stores.account("alice"), stores.account("bob", codes_of=())
    trusted(stores, store, alice, OLD)
    assert [Outcome(Loss.CONSUMED)] == store.commit([use(bob, let_in(store, alice))])


def test_a_device_is_forgotten_without_anything_else(stores: SqliteStores, store: SqliteStore) -> None:
    """What was trusted with another password of a host user ends alone."""
    alice = stores.account("alice")
    trusted(stores, store, alice, OLD, tag=b"ab")
    trusted(stores, store, alice, NEW, tag=b"cd")
    device = store.find_device(alice.id, OLD, digest(1))
    assert device is not None
    assert b"ab" == device.tag
    write = use(alice)
    assert [WON] == store.commit([Write(replace(write.commit, forget=device.id))])
    assert [None, True] == [found(store, alice, OLD), found(store, alice, NEW) is not None]


def test_a_place_is_known_once_it_was_let_in_from(stores: SqliteStores, store: SqliteStore) -> None:
    """Written with the consumption, kept as a keyed hash, the latest eight, each account for itself."""
    alice, bob = stores.account("alice"), stores.account("bob", codes_of=())
    for number in range(9):
        write = use(alice, step(alice, number + 1), request=number)
        store.commit([Write(replace(write.commit, place=f"radius\0pbx\0{number}"), write.reply)])
        alice = stores.load("alice")
    assert [False, *[True] * 8] == [store.knows(alice, f"radius\0pbx\0{number}") for number in range(9)]
    assert not store.knows(bob, "radius\0pbx\0" + "8")
    assert not any(b"pbx" in known for known in alice.known)
    before = stores.version()
    write = use(alice)
    store.commit([Write(replace(write.commit, place="radius\0pbx\0" + "8"))])
    assert before == stores.version(), "a place that is known is not written again"


def test_a_place_alone_is_written_only_for_who_is_still_let_in(stores: SqliteStores, store: SqliteStore) -> None:
    """An account that owes no code has nothing else to commit: its state is asked all the same, but for a lock."""
    alice = stores.account("alice")
    stores.edit("UPDATE account SET locked_until = ?", NOW + 60)
    assert [WON] == store.commit([Write(replace(use(alice).commit, place="radius\0pbx\0y"))])
    accounts.disable(stores.database, "alice")
    write = replace(use(alice).commit, place="radius\0pbx\0x")
    assert [Outcome(Loss.ACCOUNT)] == store.commit([Write(write)])


def test_a_tag_tells_passwords_and_accounts_apart(stores: SqliteStores, store: SqliteStore) -> None:
    """The same password of the same account has the same two octets; nothing is written for it."""
    alice, bob = stores.account("alice"), accounts.add(stores.database, NewAccount("bob"))
    assert store.password_tag(alice.id, b"one") == store.password_tag(alice.id, b"one")
    tags = {store.password_tag(owner, b"%d" % number) for owner in (alice.id, bob.id) for number in range(50)}
    assert {2} == set(map(len, tags))
    assert len(tags) > 95
