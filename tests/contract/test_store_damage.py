"""A damaged file is refused, or fails closed: no account is ever taken for one that owes nothing."""

from __future__ import annotations

import random
from contextlib import closing, suppress
from pathlib import Path

import pytest

from radius_mfa.errors import StoreFailed, StoreNotReady
from radius_mfa.store import fitness, statements
from radius_mfa.store.connection import connect
from radius_mfa.store.rows import account_of
from radius_mfa.store.sqlite import SqliteStore
from tests.contract.stores import NOW, SqliteStores, step, use, wrong

VARIANTS = 200
PAGE = 4096
NAMES = [f"user{number}" for number in range(40)]


@pytest.fixture
def image(stores: SqliteStores) -> bytes:
    """The octets of a database with forty accounts, every one with a token."""
    for name in NAMES:
        stores.account(name)
    stores.close()
    return stores.path.read_bytes()


def damaged(image: bytes, chance: random.Random) -> bytes:
    """The image with one page flipped in places, overwritten, zeroed, or put in the place of another."""
    pages = len(image) // PAGE
    start = chance.randrange(pages) * PAGE
    page = bytearray(image[start : start + PAGE])
    match chance.randrange(4):
        case 0:
            for _ in range(chance.choice([1, 4, 64])):
                page[chance.randrange(PAGE)] ^= 1 << chance.randrange(8)
        case 1:
            page[chance.randrange(PAGE) :] = chance.randbytes(PAGE)
        case 2:
            page[:] = bytes(PAGE)
        case _:
            other = chance.randrange(pages) * PAGE
            page[:] = image[other : other + PAGE]
    return image[:start] + bytes(page[:PAGE]) + image[start + PAGE :]


def test_a_flipped_page_opens_nothing(stores: SqliteStores, image: bytes) -> None:
    """In 200 variants a database with a damaged page is refused, or every account it still loads owes what it owed."""
    refusals = []
    for variant in range(VARIANTS):
        stores.path.write_bytes(damaged(image, random.Random(variant)))
        try:
            fitness.check(stores.path)
        except StoreNotReady as failure:
            refusals.append(failure.message)
            continue
        store = SqliteStore(stores.path, stores.database.keys, stores.clock)
        for name in NAMES:
            with suppress(StoreFailed):
                account = store.load(name)
                assert account is not None
                assert (1, "inherit") == (len(account.tokens), account.mfa)
        store.close()
    assert len(refusals) > VARIANTS // 3
    assert [] == [message for message in refusals if "\n" in message]


def test_a_damaged_page_under_a_running_store(stores: SqliteStores, image: bytes) -> None:
    """Without any check, lookup and commit in a damaged file work or raise as a store does, and as nothing else."""
    raised = 0
    for variant in range(VARIANTS):
        stores.path.write_bytes(damaged(image, random.Random(variant)))
        store = SqliteStore(stores.path, stores.database.keys, stores.clock)
        for name in NAMES[::8]:
            try:
                account = store.load(name)
                if account is not None and account.tokens:
                    store.commit([use(account, step(account, 5)), wrong(account)])
            except StoreFailed:
                raised += 1
        store.close()
    assert raised > 0


@pytest.mark.parametrize("value", [None, 7, -1.5, "text", b"\xff", b""])
def test_a_value_of_another_type_is_a_failure(stores: SqliteStores, value: object) -> None:
    """A row with anything in the place of anything is read as an account, or refused as damaged."""
    stores.account("alice")
    with closing(connect(stores.path)) as connection:
        (row,) = connection.execute(statements.LOAD, (NOW, '["alice"]')).fetchall()
    refused = 0
    for column in range(len(row)):
        try:
            account_of([(*row[:column], value, *row[column + 1 :])], stores.database.secrets)
        except StoreFailed:
            refused += 1
    assert refused >= 4


@pytest.mark.parametrize("size", [0, 1, 100, PAGE, 3 * PAGE])
def test_a_truncated_file_is_not_an_empty_user_base(stores: SqliteStores, image: bytes, size: int) -> None:
    """A store on a file that was cut off raises; it never says that there is no such account."""
    stores.path.write_bytes(image[:size])
    with pytest.raises(StoreFailed):
        stores.store().load(NAMES[0])
    with pytest.raises(StoreNotReady):
        fitness.check(stores.path)


def test_a_missing_file_is_not_made(stores: SqliteStores, tmp_path: Path) -> None:
    """A store never creates a database: without the file it raises."""
    stores.close()
    stores.path.unlink()
    with pytest.raises(StoreFailed):
        stores.store().load("alice")
    assert not stores.path.exists()
