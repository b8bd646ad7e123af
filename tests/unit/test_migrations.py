"""Revisions: they make what the schema says, and a database of any release before becomes the one of today."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from radius_mfa.errors import StoreNotReady
from radius_mfa.store import fitness, upgrade
from radius_mfa.store.keys import MasterKey
from radius_mfa.store.schema import metadata
from tests.contract.stores import NOW, SECRET, SetClock, SqliteStores

KEPT = ("account", "token", "recovery_code", "device", "spent", "data_key")
"""The tables that had rows in the first release."""
MADE_THEN = """
INSERT INTO account (name, backend, mail, counted, known, created, changed)
    VALUES ('alice', 'local', 'alice@example.com', x'', x'', 1, 1);
INSERT INTO token (account_id, kind, status, secret, last_step, created) VALUES (1, 'totp', 'active', x'', 7, 1);
INSERT INTO recovery_code (account_id, hash) VALUES (1, x'01');
INSERT INTO device (account_id, kind, client, hash, created, last_used, expires)
    VALUES (1, 'token', 'pbx', x'02', 1, 1, 9);
INSERT INTO spent (key) VALUES (x'03');
"""


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[SqliteStores]:
    made = SqliteStores(tmp_path)
    yield made
    made.close()


@pytest.fixture
def master() -> MasterKey:
    return MasterKey((b"k" * 32,))


@pytest.fixture
def of_the_first_release(tmp_path: Path, master: MasterKey, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of revision 0001 with a row in each table that had any."""
    path, newest = tmp_path / "old.db", command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _: newest(config, "0001"))
        upgrade.upgrade(path, master, SetClock())
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(MADE_THEN)
    return path


def test_the_migrations_make_the_tables_of_the_schema(stores: SqliteStores) -> None:
    """What the revisions build is what schema.py says: Alembic finds no difference, and each table is STRICT."""
    with stores.database.read() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), metadata)
        tables = connection.exec_driver_sql("PRAGMA table_list").fetchall()
    strict = {name: flag for schema, name, _, _, _, flag in tables if schema == "main"}
    assert dict.fromkeys(metadata.tables, 1) == {name: strict[name] for name in metadata.tables}


def test_the_migrations_say_the_same_as_the_schema(stores: SqliteStores, tmp_path: Path) -> None:
    """To the letter: also what Alembic does not compare, as what an index leaves out and what a deletion does."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'plain.db'}")
    metadata.create_all(engine)
    engine.dispose()
    assert tables_of(tmp_path / "plain.db") == tables_of(stores.path)


def test_the_revisions_are_called_as_their_files() -> None:
    """What a check of the schema reads off the names is what Alembic reads in the files, in its order."""
    config = Config()
    config.set_main_option("script_location", "radius_mfa.store:migrations")
    newest_first = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert fitness.REVISIONS == tuple(reversed(newest_first))


def test_an_older_schema_asks_for_the_upgrade(of_the_first_release: Path) -> None:
    """A database of a revision we know and have left behind is mended by `db upgrade`."""
    with pytest.raises(StoreNotReady, match="is older than this program") as failure:
        fitness.check(of_the_first_release)
    assert "run: radius-mfa db upgrade" == failure.value.hint


def test_an_upgraded_database_is_like_a_new_one(
    of_the_first_release: Path, master: MasterKey, stores: SqliteStores
) -> None:
    """The tables are those of a new database, and all that was in the old one is there still."""
    before = rows_of(of_the_first_release)
    assert all(before.values())
    upgrade.upgrade(of_the_first_release, master, SetClock())
    fitness.check(of_the_first_release)
    assert tables_of(stores.path) == tables_of(of_the_first_release)
    assert before == rows_of(of_the_first_release)


def test_an_upgrade_that_was_cut_short_is_no_upgrade(
    of_the_first_release: Path, master: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails after the last revision leaves the tables of the old one, and the next try does it."""
    before = tables_of(of_the_first_release)

    def fail(*_: object) -> None:
        raise StoreNotReady("cut short")

    with monkeypatch.context() as cut:
        cut.setattr(upgrade, "make_missing", fail)
        with pytest.raises(StoreNotReady, match="cut short"):
            upgrade.upgrade(of_the_first_release, master, SetClock())
    assert before == tables_of(of_the_first_release)
    upgrade.upgrade(of_the_first_release, master, SetClock())
    fitness.check(of_the_first_release)


def test_a_mail_outlives_its_token_and_not_its_account(stores: SqliteStores) -> None:
    """An invitation counts for the limit of a day after its token has ended; nothing is left of who is deleted."""
    stores.account("alice")
    stores.edit(
        "INSERT INTO outbox (account_id, token_id, recipient, kind, body, message_id, created, not_before, expires)"
        " SELECT account_id, id, 'alice@example.com', 'invitation', x'', 'm', ?, ?, ? FROM token",
        *(NOW, NOW, NOW + 1),
    )
    assert SECRET == stores.load("alice").tokens[0].secret
    for statement, left in (("DELETE FROM token", [(None,)]), ("DELETE FROM account", [])):
        with stores.database.write() as connection:
            connection.exec_driver_sql(statement)
            assert left == [tuple(row) for row in connection.exec_driver_sql("SELECT token_id FROM outbox")]


def tables_of(path: Path) -> dict[str, str]:
    """Our tables and indexes by name, as SQLite keeps them."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master").fetchall()
    return {name: sql for name, sql in rows if "alembic_version" not in name}


def rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """What stands in the tables that had rows in the first release."""
    with closing(sqlite3.connect(path)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in KEPT}
