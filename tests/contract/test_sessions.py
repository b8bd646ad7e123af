"""Sessions of the portal in the store: how they begin, and all the ways in which they end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from radius_mfa.auth.model import Mfa
from radius_mfa.auth.notices import Change, Changed
from radius_mfa.store import accounts, queue, sessions, tokens
from radius_mfa.store.accounts import Changes
from radius_mfa.store.database import Database
from radius_mfa.store.housekeeping import Housekeeping
from radius_mfa.store.sessions import MOST, Session
from tests.contract.stores import NOW, SqliteStores, trusted

IDLE, LIFETIME = 1800.0, 43200.0
TOKEN = b"a token of a browser"


@pytest.fixture
def database(stores: SqliteStores) -> Database:
    """alice and bob have accounts."""
    for name in ("alice", "bob"):
        stores.account(name)
    accounts.change(stores.database, "alice", Changes(mail="alice@example.com"))
    return stores.database


def begin(database: Database, token: bytes = TOKEN, name: str = "alice", *, code_given: bool = True) -> bool:
    row = accounts.get(database, name)
    return sessions.begin(database, token, row.id, row.epoch, code_given=code_given)


def find(database: Database, token: bytes = TOKEN) -> Session | None:
    return sessions.find(database, token, idle=IDLE, lifetime=LIFETIME)


def test_a_session_is_found_by_its_token_alone(database: Database) -> None:
    """And its row has no token that anybody could use."""
    assert begin(database)
    found = find(database)
    assert found is not None
    assert ("alice", NOW, NOW) == (found.name, found.created, found.code_at)
    assert find(database, TOKEN + b"!") is None
    with database.read() as connection:
        assert TOKEN not in b"".join(connection.exec_driver_sql("SELECT hash FROM session").scalars())


def test_without_a_code_none_was_given(database: Database) -> None:
    """Until one is."""
    begin(database, code_given=False)
    found = find(database)
    assert found is not None
    assert found.code_at is None
    sessions.code_given(database, found.id)
    again = find(database)
    assert again is not None
    assert NOW == again.code_at


def test_an_account_that_changed_since_its_login_has_no_session(database: Database) -> None:
    """What was accepted at another epoch is over before it begins; so it is for a disabled account."""
    row = accounts.get(database, "alice")
    assert not sessions.begin(database, TOKEN, row.id, row.epoch - 1, code_given=True)
    accounts.disable(database, "alice")
    assert not begin(database)
    assert not sessions.begin(database, TOKEN, 4711, 1, code_given=True)
    assert find(database) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda database: accounts.set_password_hash(database, "alice", "$argon2id$other"),
        lambda database: tokens.reset(database, "alice"),
        lambda database: tokens.disable(database, "alice"),
        lambda database: accounts.disable(database, "alice"),
        lambda database: accounts.unlock(database, "alice"),
        lambda database: accounts.change(database, "alice", Changes(mail="other@example.com")),
        lambda database: accounts.change(database, "alice", Changes(mfa=Mfa.OFF)),
        lambda database: accounts.delete(database, "alice"),
        lambda database: sessions.end_all(database, "alice"),
    ],
    ids=["password", "reset", "tokens", "disable", "unlock", "mail", "mfa", "delete", "by hand"],
)
def test_a_session_ends_with_what_it_rests_on(database: Database, change: Callable[[Database], object]) -> None:
    """Those of others go on."""
    begin(database)
    begin(database, b"bob's", "bob")
    change(database)
    assert find(database) is None
    assert find(database, b"bob's") is not None


def test_a_session_ends_when_nobody_uses_it(stores: SqliteStores, database: Database) -> None:
    """Each use gives it another half hour, as far as its lifetime."""
    begin(database)
    for _ in range(24):
        stores.clock.time += IDLE - 1
        assert find(database) is not None
    stores.clock.time = NOW + LIFETIME
    assert find(database) is None


def test_a_session_that_was_idle_too_long_is_over(stores: SqliteStores, database: Database) -> None:
    """To the second."""
    begin(database)
    stores.clock.time += IDLE
    assert find(database) is None


def test_a_clock_set_back_lets_no_session_live_longer(stores: SqliteStores, database: Database) -> None:
    """One that was used far in the future is not trusted."""
    begin(database)
    stores.clock.time -= IDLE + 1
    assert find(database) is None


def test_use_is_written_down_once_a_minute(stores: SqliteStores, database: Database) -> None:
    """A click costs no transaction."""
    begin(database)
    before = stores.version()
    stores.clock.time += 59
    assert find(database) is not None
    assert before == stores.version()
    stores.clock.time += 1
    assert find(database) is not None
    assert before != stores.version()


def test_an_account_has_so_many_sessions(stores: SqliteStores, database: Database) -> None:
    """The one that was used longest ago makes room."""
    for number in range(MOST + 1):
        stores.clock.time += 1
        begin(database, bytes([number]))
    assert find(database, b"\0") is None
    assert find(database, b"\1") is not None


def test_one_session_ends_alone(database: Database) -> None:
    """Signing out here leaves the other browser alone."""
    begin(database)
    begin(database, b"another browser")
    found = find(database)
    assert found is not None
    sessions.end(database, found.id)
    assert find(database) is None
    assert find(database, b"another browser") is not None


def test_with_all_sessions_the_devices_can_end(stores: SqliteStores, database: Database) -> None:
    """And the owner is told at the stored address, in the same transaction."""
    trusted(stores, stores.store(), stores.load("alice"))
    begin(database)
    sessions.end_all(database, "alice")
    assert 1 == accounts.get(database, "alice").devices
    notice = Changed(account="alice", at=NOW, client="portal", what=Change.NOT_ME)
    sessions.end_all(database, "alice", notice, devices=True)
    assert 0 == accounts.get(database, "alice").devices
    assert [("changed", "alice@example.com")] == [(mail.kind, mail.recipient) for mail in queue.queue(database)]


def test_a_notice_needs_an_address(database: Database) -> None:
    """bob has none, and what he did is done all the same."""
    begin(database, name="bob")
    sessions.end_all(database, "bob", Changed(account="bob", at=NOW, what=Change.SIGNED_OUT))
    assert [] == queue.queue(database)
    assert find(database) is None


def test_sessions_that_are_long_over_are_swept(stores: SqliteStores, database: Database) -> None:
    """No setting lets one live a day without use."""
    begin(database)
    house = Housekeeping(stores.path, stores.clock)
    for later, left in ((86400 + 3540, 1), (86400 + 3605, 0)):
        stores.clock.time = NOW + later
        house.turn()
        with database.read() as connection:
            assert left == connection.exec_driver_sql("SELECT count(*) FROM session").scalar()
    house.close()
