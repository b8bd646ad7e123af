"""What every password backend keeps, whoever stands behind it."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from radius_mfa.auth.model import Account
from radius_mfa.backends import local
from radius_mfa.ports import PasswordBackend

PASSWORD = "correct horse é \\ & $ @"


@pytest.fixture(scope="module")
def backend() -> PasswordBackend:
    return local.LocalPasswords()


@pytest.fixture(scope="module")
def alice() -> Account:
    return Account(1, "alice", password_hash=local.hash_password(PASSWORD))


def passes(backend: PasswordBackend, account: Account | None, password: bytes) -> bool:
    return backend.check(account, account.name if account else "", password, "192.0.2.7").passed


def test_the_right_password_passes(backend: PasswordBackend, alice: Account) -> None:
    """The account's own password, in UTF-8, is taken."""
    assert passes(backend, alice, PASSWORD.encode())


@pytest.mark.parametrize(
    "password",
    [b"", b"\0", b"wrong", PASSWORD.encode() + b"\0", PASSWORD.encode()[:-1], PASSWORD.encode("latin-1"), b"\xff\xfe"],
)
def test_any_other_password_fails(backend: PasswordBackend, alice: Account, password: bytes) -> None:
    """One octet more, less or different is another password."""
    assert not passes(backend, alice, password)


@pytest.mark.parametrize("stored", [None, "", "x", "$argon2id$v=19$m=1,t=1,p=1$", "$2b$12$abcdefghijklmnopqrstuv"])
def test_an_account_without_a_usable_hash_never_passes(backend: PasswordBackend, stored: str | None) -> None:
    """No password is right for an account whose hash is missing or broken, the empty one least of all."""
    account = Account(1, "alice", password_hash=stored)
    assert [False, False] == [passes(backend, account, password) for password in (b"", b"x")]


def test_an_empty_password_never_passes_even_if_its_hash_is_stored(backend: PasswordBackend) -> None:
    """A hash of nothing in the store lets nobody in."""
    account = Account(1, "alice", password_hash=local.hash_password(""))
    assert not passes(backend, account, b"")


def test_nobody_passes_without_an_account(backend: PasswordBackend) -> None:
    """An unknown account has no password."""
    assert not passes(backend, None, b"x")


def test_every_answer_costs_one_hash(alice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown, without a password, empty, wrong and right: each is exactly one argon2id of the same cost."""
    calls: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, stored: str, password: bytes) -> bool:
        calls.append(stored[: stored.rindex("$", 0, stored.rindex("$"))])
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    backend = local.LocalPasswords()
    nobody = Account(2, "bob")
    for account, password in [(None, b"x"), (nobody, b"x"), (alice, b""), (alice, b"x"), (alice, PASSWORD.encode())]:
        passes(backend, account, password)
    assert ["$argon2id$v=19$m=19456,t=2,p=1"] * 5 == calls
