"""The database file: made whole, brought up to date, refused with what mends it, copied."""

from __future__ import annotations

import os
import pwd
import resource
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from radius_mfa.errors import AccessDenied, OperationFailed, SecretError, StoreFailed, StoreNotReady
from radius_mfa.store import fitness, upgrade
from radius_mfa.store.files import become_owner
from radius_mfa.store.keys import MasterKey
from tests.contract.stores import SECRET, SetClock, SqliteStores, step, use

RESTORE = "stop the server, delete "


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[SqliteStores]:
    made = SqliteStores(tmp_path)
    yield made
    made.close()


def test_a_database_is_made_private_and_in_one_piece(tmp_path: Path) -> None:
    """The file is 0600, has what check wants, and nothing half-made lies beside it."""
    upgrade.upgrade(tmp_path / "x.db", MasterKey.new(), SetClock())
    assert 0o600 == stat.S_IMODE((tmp_path / "x.db").stat().st_mode)
    fitness.check(tmp_path / "x.db")
    assert {"x.db", "x.db.lock"} == {file.name for file in tmp_path.iterdir()}


@pytest.mark.parametrize("umask", [0, 0o777])
def test_no_umask_opens_a_database(tmp_path: Path, umask: int) -> None:
    """The mode is ours, not the shell's."""
    before = os.umask(umask)
    try:
        upgrade.upgrade(tmp_path / "x.db", MasterKey.new(), SetClock())
    finally:
        os.umask(before)
    assert 0o600 & ~umask == stat.S_IMODE((tmp_path / "x.db").stat().st_mode)


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(stores: SqliteStores) -> None:
    """`db upgrade` twice is as good as once: keys and accounts stay."""
    stores.account("alice")
    before = stores.dump()
    upgrade.upgrade(stores.path, stores.master, stores.clock)
    assert before == stores.dump()


def test_a_creation_that_was_cut_short_leaves_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails in the middle is not taken for a database, and the next try starts afresh."""
    path, master = tmp_path / "x.db", MasterKey.new()

    def fail(*_: object) -> None:
        raise SecretError("cut short")

    with monkeypatch.context() as cut:
        cut.setattr(upgrade, "make_missing", fail)
        with pytest.raises(SecretError):
            upgrade.upgrade(path, master, SetClock())
    with pytest.raises(StoreNotReady, match="there is no database"):
        fitness.check(path)
    upgrade.upgrade(path, master, SetClock())
    fitness.check(path)


def test_an_upgrade_that_fails_changes_nothing(stores: SqliteStores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Revisions and keys are one transaction: what the revisions made goes with the keys that could not be."""
    stores.edit("DELETE FROM data_key WHERE purpose = 'mail'")
    before = stores.dump()

    def half_an_upgrade(_path: Path, connection: sa.Connection) -> None:
        connection.exec_driver_sql("DROP TABLE spent")
        connection.exec_driver_sql("CREATE TABLE more (id INTEGER)")

    monkeypatch.setattr(upgrade, "_run_revisions", half_an_upgrade)
    with pytest.raises(SecretError):
        upgrade.upgrade(stores.path, MasterKey.new(), stores.clock)
    assert before == stores.dump()


def zero(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def halved(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def one_page(path: Path) -> None:
    os.truncate(path, 4096)


def one_octet(path: Path) -> None:
    os.truncate(path, 1)


def foreign(path: Path) -> None:
    edit(path, "DROP TABLE alembic_version")


def future(path: Path) -> None:
    edit(path, "UPDATE alembic_version SET version_num = '9999'")


def orphaned(path: Path) -> None:
    edit(path, "INSERT INTO token (account_id, kind, status, secret, created) VALUES (9, 'totp', 'active', x'', 0)")


def opened(path: Path) -> None:
    path.chmod(0o640)


def edit(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("damage", "message", "hint"),
    [
        (Path.unlink, "there is no database", "run: radius-mfa init, or radius-mfa db upgrade"),
        (zero, "is empty", RESTORE),
        (text, "is not a database", RESTORE),
        (one_octet, "is not a database", RESTORE),
        (one_page, "is damaged", RESTORE),
        (halved, "is damaged", RESTORE),
        (orphaned, "is damaged: a row of token belongs to no row of account", RESTORE),
        (foreign, "is not a database of radius-mfa", RESTORE),
        (future, r"\(9999\) is newer", "install the version of radius-mfa that made it, or a newer one"),
        (opened, "others may read the database", "run: chmod 600 "),
    ],
)
def test_what_is_wrong_with_a_database_is_one_line(
    stores: SqliteStores, damage: Callable[[Path], None], message: str, hint: str
) -> None:
    """Each state of the file that is not fit ends with 78, what it is and what mends it; `upgrade` touches none."""
    stores.account("alice")
    stores.database.close()
    damage(stores.path)
    with pytest.raises(StoreNotReady, match=message) as failure:
        fitness.check(stores.path)
    assert failure.value.hint.startswith(hint)
    assert "\n" not in failure.value.message
    if damage in {zero, text, one_octet, foreign, future, opened}:
        before = stores.path.read_bytes()
        with pytest.raises((StoreNotReady, SecretError)):
            upgrade.upgrade(stores.path, stores.master, stores.clock)
        assert before == stores.path.read_bytes()


def test_a_directory_is_no_database(tmp_path: Path) -> None:
    """A path that names no file is refused."""
    with pytest.raises(StoreNotReady, match="is not a file"):
        fitness.check(tmp_path)


def test_a_backup_is_the_whole_database(stores: SqliteStores, tmp_path: Path) -> None:
    """A copy has what was committed last, is private, passes the check, and is a store."""
    alice = stores.account("alice")
    store = stores.store()
    store.commit([use(alice, step(alice, 5))])
    fitness.backup(stores.path, tmp_path / "copy.db")
    fitness.check(tmp_path / "copy.db")
    assert 0o600 == stat.S_IMODE((tmp_path / "copy.db").stat().st_mode)
    stores.close()
    (tmp_path / "copy.db").rename(stores.path)
    after = stores.load("alice")
    assert (SECRET, 5, 3) == (after.tokens[0].secret, after.tokens[0].last_step, after.recovery_left)


def test_a_backup_overwrites_nothing(stores: SqliteStores, tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(OperationFailed, match="already there and is not overwritten"):
        fitness.backup(stores.path, tmp_path / "copy.db")
    assert "mine" == (tmp_path / "copy.db").read_text()


def test_a_backup_that_fails_leaves_no_file(stores: SqliteStores, tmp_path: Path) -> None:
    """Neither a missing directory nor a damaged source leaves a copy that looks like one."""
    with pytest.raises(AccessDenied, match="No such file"):
        fitness.backup(stores.path, tmp_path / "none" / "copy.db")
    zero(stores.path)
    with pytest.raises(StoreNotReady):
        fitness.backup(stores.path, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_backup_that_meets_a_full_disk_leaves_no_file(stores: SqliteStores, tmp_path: Path) -> None:
    """Half a copy is no copy."""
    stores.account("alice")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        with pytest.raises(StoreFailed):
            fitness.backup(stores.path, tmp_path / "copy.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [] == list(tmp_path.glob("copy.db*"))


def as_child(act: Callable[[], None]) -> int:
    """The exit status of a child that does this: 0, or 1 after an exception."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.needs_root
def test_root_becomes_the_owner_of_the_directory(tmp_path: Path) -> None:
    """Started as root, a command goes on as the owner of the store, with its groups alone and no way back."""
    nobody = pwd.getpwnam("nobody")
    directory = tmp_path / "store"
    directory.mkdir(0o700)
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)

    def act() -> None:
        become_owner(directory)
        assert (nobody.pw_uid,) * 3 == os.getresuid()
        assert (nobody.pw_gid,) * 3 == os.getresgid()
        assert {nobody.pw_gid} == set(os.getgroups())
        with pytest.raises(PermissionError):
            os.setuid(0)

    assert 0 == as_child(act)


@pytest.mark.needs_root
def test_root_makes_a_lock_that_the_owner_can_open(tmp_path: Path) -> None:
    """A command that stays root leaves nothing in the directory that its owner could not use."""
    stores = SqliteStores(tmp_path)
    alice = stores.account("alice")
    stores.close()
    for file in (tmp_path, stores.path):
        os.chown(file, 65534, 65534)
    stores.path.with_name(stores.path.name + ".lock").unlink()
    stores.store().commit([use(alice, step(alice, 5))])
    assert {65534} == {file.stat().st_uid for file in tmp_path.glob("radius-mfa.db*")}
    stores.close()


@pytest.mark.needs_root
def test_root_stays_root_where_root_owns_the_store(tmp_path: Path) -> None:
    """Nothing is dropped if the directory is root's, and a missing directory is said."""
    become_owner(tmp_path)
    assert 0 == os.geteuid()
    with pytest.raises(AccessDenied, match="No such file"):
        become_owner(tmp_path / "none")


@pytest.mark.needs_root
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_the_database_of_another_user_is_denied(mode: int) -> None:
    """Whoever may not look into the directory, or not read the file in it, is told so, with 77."""
    with tempfile.TemporaryDirectory() as directory:
        stores = SqliteStores(Path(directory))
        stores.directory.chmod(mode)

        def act() -> None:
            os.setgroups([])
            os.setuid(65534)
            with pytest.raises(AccessDenied, match="Permission denied"):
                fitness.check(stores.path)

        assert 0 == as_child(act)
        stores.close()
