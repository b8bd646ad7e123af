"""What the admin does to trusted devices."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radius_mfa.auth.asks import Commit, Loss, Trust, UseDevice
from radius_mfa.auth.model import Claim, DeviceKind
from radius_mfa.errors import OperationFailed
from radius_mfa.ports import Write
from radius_mfa.store import accounts, devices
from radius_mfa.store.accounts import NewAccount
from radius_mfa.store.database import Database
from radius_mfa.store.devices import DeviceRow
from radius_mfa.store.labels import LONGEST_LABEL
from radius_mfa.store.sqlite import SqliteStore
from tests.contract.stores import NOW, SqliteStores, accepted, digest

WEEK = 7 * 86400.0
ACTS: dict[str, Callable[[Database, str], object]] = {
    "list": devices.all_devices,
    "rename": lambda database, name: devices.rename(database, name, 1, "laptop"),
    "revoke": lambda database, name: devices.revoke(database, name, 1),
    "revoke all": devices.revoke_all,
}


@pytest.fixture
def database(stores: SqliteStores) -> Database:
    """alice has the devices 1 to 3, bob has 4."""
    for name, many in (("alice", 3), ("bob", 1)):
        accounts.add(stores.database, NewAccount(name))
        for number in range(many):
            trusted(stores, name, bytes([number]), expires=NOW + WEEK)
    return stores.database


def trusted(stores: SqliteStores, name: str, mark: bytes, *, expires: float) -> None:
    """A device of the account, as a login leaves it."""
    stores.edit(
        "INSERT INTO device (account_id, kind, client, label, hash, created, last_used, expires)"
        " SELECT id, 'calling-station', 'pbx', '192.0.2.7', ?, ?, ?, ? FROM account WHERE name = ?",
        mark,
        expires - WEEK,
        NOW,
        expires,
        name,
    )


def numbers(database: Database, name: str) -> list[int]:
    return [row.id for row in devices.all_devices(database, name)]


def test_a_list_shows_what_a_login_has_left(database: Database) -> None:
    """Kind, client, label and the three times, of this account alone, oldest first; nothing that shows a device."""
    rows = devices.all_devices(database, "alice")
    assert DeviceRow(1, DeviceKind.CALLING_STATION, "pbx", "192.0.2.7", NOW, NOW, NOW + WEEK) == rows[0]
    assert [1, 2, 3] == [row.id for row in rows]


def test_an_expired_device_is_not_shown(stores: SqliteStores, database: Database) -> None:
    """From the second on at which it would be asked for a code again, it is in no list and no count."""
    trusted(stores, "bob", b"old", expires=NOW + 1)
    assert [4, 5] == numbers(database, "bob")
    stores.clock.time = NOW + 1
    assert [4] == numbers(database, "bob")
    assert 1 == accounts.get(database, "bob").devices


def test_a_device_gets_another_label(database: Database) -> None:
    """It alone, and an empty label takes it away."""
    devices.rename(database, "alice", 2, "Laptop, grün")
    assert ["192.0.2.7", "Laptop, grün", "192.0.2.7"] == [row.label for row in devices.all_devices(database, "alice")]
    devices.rename(database, "alice", 2, "")
    assert "" == devices.all_devices(database, "alice")[1].label


@pytest.mark.parametrize("label", ["x" * (LONGEST_LABEL + 1), "two\nlines", "\x1b[0m", "a\u202eb"])
def test_a_label_is_a_line_of_text(database: Database, label: str) -> None:
    """One that is too long, or could steer a terminal, is refused and the old one stays."""
    with pytest.raises(OperationFailed, match="is no label"):
        devices.rename(database, "alice", 1, label)
    assert "192.0.2.7" == devices.all_devices(database, "alice")[0].label


def test_the_longest_label_fits(database: Database) -> None:
    """The limit is characters, not octets."""
    devices.rename(database, "alice", 1, "ü" * LONGEST_LABEL)
    assert "ü" * LONGEST_LABEL == devices.all_devices(database, "alice")[0].label


def test_one_device_or_all_of_them(database: Database) -> None:
    """Revoking ends what it names and leaves the devices of others; with none left it says so."""
    devices.revoke(database, "alice", 2)
    assert [1, 3] == numbers(database, "alice")
    assert 2 == devices.revoke_all(database, "alice")
    assert ([], [4]) == (numbers(database, "alice"), numbers(database, "bob"))
    with pytest.raises(OperationFailed, match="alice has no trusted devices"):
        devices.revoke_all(database, "alice")


@pytest.mark.parametrize(
    "act", [devices.revoke, lambda database, name, number: devices.rename(database, name, number, "laptop")]
)
@pytest.mark.parametrize("number", [4, 9])
def test_a_device_of_another_account_is_not_there(
    stores: SqliteStores, database: Database, act: Callable[[Database, str, int], object], number: int
) -> None:
    """A number that is somebody else's, or nobody's, changes nothing and leads to the list."""
    before = stores.dump()
    with pytest.raises(OperationFailed, match=f"alice has no device {number}") as failure:
        act(database, "alice", number)
    assert "see them with: radius-mfa device list alice" == failure.value.hint
    assert before == stores.dump()


@pytest.mark.parametrize(
    "revoke",
    [lambda database: devices.revoke(database, "alice", 1), lambda database: devices.revoke_all(database, "alice")],
)
def test_a_revoked_device_ends_at_the_next_packet(
    stores: SqliteStores, store: SqliteStore, revoke: Callable[[Database], object]
) -> None:
    """A login finds it no more, and one that had found it a moment before loses."""
    alice = stores.account("alice")
    shown = Claim(DeviceKind.CALLING_STATION, "pbx", b"192.0.2.7")
    trust = Trust(shown, "192.0.2.7", NOW + WEEK, most=10)
    store.commit([Write(Commit(alice, accepted(), NOW, digest(1), trust=trust))])
    found = store.find_device(alice.id, shown, digest(2))
    assert found is not None
    assert [found.id] == numbers(stores.database, "alice")
    revoke(stores.database)
    assert store.find_device(alice.id, shown, digest(2)) is None
    late = Write(Commit(alice, accepted(), NOW, digest(2), consume=UseDevice(found.id, shown, shown)), b"reply")
    assert [Loss.CONSUMED] == [outcome.lost for outcome in store.commit([late])]


@pytest.mark.parametrize("act", ACTS)
def test_an_account_that_is_not_there_is_said(database: Database, act: str) -> None:
    """Every operation on a name without an account ends with the way to see the names."""
    with pytest.raises(OperationFailed, match="there is no account nobody") as failure:
        ACTS[act](database, "nobody")
    assert "see them with: radius-mfa user list" == failure.value.hint
