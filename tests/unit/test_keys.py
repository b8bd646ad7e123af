"""The master key file, the data keys it wraps, and changing the one without losing the others."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_mfa.errors import AccessDenied, OperationFailed, SecretError, StoreBusy, StoreNotReady
from radius_mfa.store import fitness, keys, rotation, upgrade
from radius_mfa.store.keys import DataKeys, MasterKey, Purpose
from radius_mfa.store.lock import WriterLock
from tests.contract.stores import CODES, SECRET, SqliteStores

BASE64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[SqliteStores]:
    made = SqliteStores(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("text", [BASE64, BASE64 + "\n", f"\n  {BASE64}\r\n", bytes(range(32)).hex()])
def test_a_key_is_base64_or_hexadecimal(text: str) -> None:
    """Both spellings of 32 octets are taken, whatever white space stands around."""
    assert (bytes(range(32)),) == MasterKey.parse(text).keys


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file_is_no_key(text: str) -> None:
    """No line, no key."""
    with pytest.raises(SecretError, match="is empty") as failure:
        MasterKey.parse(text)
    assert "make one with: radius-mfa key generate" == failure.value.hint


@pytest.mark.parametrize(
    "text", ["secret", BASE64[:-4], BASE64 + BASE64, "0" * 63, "g" * 64, BASE64 + "\njunk", "é" * 43]
)
def test_what_is_not_32_octets_is_no_key(text: str) -> None:
    """Anything else is refused, and the message does not repeat it."""
    with pytest.raises(SecretError, match="is not 32 octets in base64 or hexadecimal") as failure:
        MasterKey.parse(text)
    assert text not in failure.value.message


def test_a_generated_key_is_private_and_durable(tmp_path: Path) -> None:
    """`generate` writes 0600 whatever the umask says, and what it wrote is a key."""
    before = os.umask(0)
    try:
        keys.generate(tmp_path / "key")
    finally:
        os.umask(before)
    assert 0o600 == stat.S_IMODE((tmp_path / "key").stat().st_mode)
    assert 1 == len(MasterKey.read(tmp_path / "key").keys)


def test_two_generated_keys_differ() -> None:
    """Keys are random."""
    assert MasterKey.new() != MasterKey.new()


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """`generate` refuses a file that exists, also an empty one or a dangling link, and leaves it as it was."""
    (tmp_path / "key").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("key", "link"):
        with pytest.raises(OperationFailed, match="already there and is not overwritten"):
            keys.generate(tmp_path / name)
    assert "" == (tmp_path / "key").read_text()
    assert not (tmp_path / "nowhere").exists()


def test_a_directory_that_is_missing_is_said(tmp_path: Path) -> None:
    """`generate` makes no directories."""
    with pytest.raises(AccessDenied, match="No such file"):
        keys.generate(tmp_path / "none" / "key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """A master key open to group or others ends the start, with the command that mends it."""
    keys.generate(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(SecretError, match="others may read") as failure:
        MasterKey.read(tmp_path / "key")
    assert f"run: chmod 600 {tmp_path / 'key'}" == failure.value.hint
    assert 78 == failure.value.exit_code


def test_a_missing_key_is_said(tmp_path: Path) -> None:
    """Without the file there is no start, and the hint makes one."""
    with pytest.raises(SecretError, match="there is no master key") as failure:
        MasterKey.read(tmp_path / "key")
    assert "make one with: radius-mfa key generate" == failure.value.hint


def test_keys_do_not_show_themselves() -> None:
    """Neither the master key nor the data keys are in their repr."""
    master = MasterKey((b"M" * 32,))
    data = DataKeys(*(bytes([65 + number]) * 32 for number in range(5)))
    assert "MasterKey() DataKeys()" == f"{master!r} {data!r}"


def test_each_purpose_has_its_own_key(stores: SqliteStores) -> None:
    """The five data keys are different."""
    data = stores.database.keys
    assert 5 == len({data.secrets, data.recovery, data.devices, data.state, data.mail})


def test_another_master_key_opens_nothing(stores: SqliteStores) -> None:
    """A wrong master key ends the start; running `db upgrade` with it makes no new data keys."""
    other = MasterKey.new()
    for use_of in (
        lambda: fitness.unlock(stores.path, other),
        lambda: upgrade.upgrade(stores.path, other, stores.clock),
    ):
        before = stores.dump()
        with pytest.raises(SecretError, match="the master key does not open the data keys") as failure:
            use_of()
        assert "put back the master key this database was made with" == failure.value.hint
        assert before == stores.dump()


def test_a_missing_data_key_is_said(stores: SqliteStores) -> None:
    """A database without one of its data keys is not ready."""
    stores.edit("DELETE FROM data_key WHERE purpose = 'mail'")
    with pytest.raises(StoreNotReady, match="has no data key for mail") as failure:
        fitness.unlock(stores.path, stores.master)
    assert "run: radius-mfa db upgrade" == failure.value.hint


def test_wrapped_keys_that_change_places_do_not_open(stores: SqliteStores) -> None:
    """A data key is wrapped for its purpose: copied into the row of another it is refused."""
    stores.edit("UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key WHERE purpose = 'mail')")
    with pytest.raises(SecretError):
        fitness.unlock(stores.path, stores.master)


def test_a_recovery_code_is_hashed_for_its_account() -> None:
    """The keyed hash depends on key, account and code."""
    one = DataKeys(*[bytes(32)] * 5)
    other = DataKeys(*[b"x" * 32] * 5)
    hashes = {one.recovery_hash(1, CODES[0]), one.recovery_hash(2, CODES[0]), one.recovery_hash(1, CODES[1])}
    assert 4 == len(hashes | {other.recovery_hash(1, CODES[0])})
    assert one.recovery_hash(1, CODES[0]) in hashes


def test_a_rotation_changes_the_master_key_alone(stores: SqliteStores) -> None:
    """After it the file has one other key, private as before; the data keys and all they sealed are as they were."""
    stores.account("alice")
    old = stores.master
    rotation.rotate(stores.database, stores.key_file)
    assert 1 == len(stores.master.keys)
    assert old != stores.master
    assert 0o600 == stat.S_IMODE(stores.key_file.stat().st_mode)
    assert stores.database.keys == fitness.unlock(stores.path, stores.master)
    assert SECRET == stores.load("alice").tokens[0].secret
    with pytest.raises(SecretError):
        fitness.unlock(stores.path, old)
    assert [] == list(stores.directory.glob("*.new"))


STEPS = [
    (rotation, "replace_file", 0),
    (rotation, "rewrap", 0),
    (rotation, "replace_file", 1),
    (rotation, "sync", 0),
    (rotation, "sync", 1),
    (rotation, "write_private", 0),
    (rotation, "write_private", 1),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("where", "step", "time"), STEPS)
def test_a_rotation_may_be_killed_anywhere(
    stores: SqliteStores, where: object, step: str, time: int, *, after: bool
) -> None:
    """Killed before or after any step, the file still opens the database, and the next rotation ends cleanly."""
    child = os.fork()
    if child == 0:
        try:
            die(where, step, time, after=after)
            rotation.rotate(stores.database, stores.key_file)
        finally:
            os._exit(1)
    assert 9 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert stores.database.keys == fitness.unlock(stores.path, stores.master)
    rotation.rotate(stores.database, stores.key_file)
    assert stores.database.keys == fitness.unlock(stores.path, stores.master)
    assert 1 == len(stores.master.keys)
    assert [] == list(stores.directory.glob("*.new"))


def die(where: object, step: str, time: int, *, after: bool) -> None:
    """End this process before or after the step is done for the given time."""
    real = getattr(where, step)
    calls = iter(range(1000))

    def dying(*arguments: object) -> object:
        last = next(calls) == time
        if last and not after:
            os._exit(9)
        result = real(*arguments)
        if last:
            os._exit(9)
        return result

    setattr(where, step, dying)


def test_a_rotation_replaces_the_file_at_one_stroke(stores: SqliteStores) -> None:
    """Whoever has the file open reads the whole of what it opened."""
    before = stores.key_file.read_text()
    with stores.key_file.open() as opened:
        rotation.rotate(stores.database, stores.key_file)
        assert before == opened.read()


def test_rotations_stand_in_one_queue(stores: SqliteStores, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another writer is at work, a rotation touches neither file nor database."""
    monkeypatch.setattr(rotation, "PATIENCE", 0.05)
    file = stores.key_file.read_text()
    other = WriterLock(stores.path)
    with other.held(), pytest.raises(StoreBusy):
        rotation.rotate(stores.database, stores.key_file)
    other.close()
    assert file == stores.key_file.read_text()


def test_a_rotation_with_another_key_changes_nothing(stores: SqliteStores) -> None:
    """If the file is not the one that opens the database, neither file nor database is touched."""
    stores.key_file.write_text(MasterKey.new().text())
    file, before = stores.key_file.read_text(), stores.dump()
    with pytest.raises(SecretError, match="does not open"):
        rotation.rotate(stores.database, stores.key_file)
    assert (file, before) == (stores.key_file.read_text(), stores.dump())


def test_a_link_to_the_key_stays_a_link(stores: SqliteStores, tmp_path: Path) -> None:
    """A rotation writes the file the link points to."""
    link = tmp_path / "link"
    link.symlink_to(stores.key_file)
    rotation.rotate(stores.database, link)
    assert link.is_symlink()
    assert stores.database.keys == fitness.unlock(stores.path, MasterKey.read(stores.key_file))


def test_a_backup_needs_the_key_of_its_day(stores: SqliteStores, tmp_path: Path) -> None:
    """A copy made before a rotation opens with the key of before."""
    old = stores.master
    fitness.backup(stores.path, tmp_path / "copy.db")
    rotation.rotate(stores.database, stores.key_file)
    assert stores.database.keys == fitness.unlock(tmp_path / "copy.db", old)
    with pytest.raises(SecretError):
        fitness.unlock(tmp_path / "copy.db", stores.master)


def test_the_database_holds_no_secret_in_clear(stores: SqliteStores) -> None:
    """The file and its log have neither the secret of a token, nor a recovery code, nor a key."""
    stores.account("alice")
    data = stores.database.keys
    clear = [SECRET, *(code.encode() for code in CODES), *stores.master.keys, data.secrets, data.recovery, data.state]
    files = [file.read_bytes() for file in stores.directory.glob("radius-mfa.db*")]
    assert [] == [secret for secret in clear for file in files if secret in file]
    assert set(Purpose) == {"secrets", "recovery", "devices", "state", "mail"}
