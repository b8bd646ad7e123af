"""Answers what a flow asks: at once from the store, or by work for a slot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from typing import Any

from radius_mfa.auth import otp
from radius_mfa.auth.asks import (
    Ask,
    CheckPassword,
    FindDevice,
    FindRecoveryCode,
    FindSkew,
    KnowsPlace,
    LoadAccount,
    MakeDeviceToken,
    Recall,
    RecordAccount,
    TagPassword,
    TakeTry,
)
from radius_mfa.auth.model import Account
from radius_mfa.auth.tries import account_key
from radius_mfa.ports import PasswordBackend, PasswordTries, Random, Remembered, Store
from radius_mfa.value import value

DEVICE_TOKEN = 32
"""Octets of a device token."""


@value
class Work:
    """What a slot has to do before there is an answer; `waits`: for another process, and computes nothing."""

    run: Callable[[], object] = field(repr=False)
    waits: bool = False


class Answers:
    """For one Authenticator. `passwords` are the backends by name, the order in which they are asked.

    `remembered`: None to look up no password that was checked before.
    """

    def __init__(
        self,
        store: Store,
        passwords: Mapping[str, PasswordBackend],
        random: Random,
        tries: PasswordTries,
        remembered: Remembered | None = None,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._bringing = next((backend for backend in passwords.values() if backend.brings), None)
        computing = (backend for backend in passwords.values() if not backend.waits)
        self._nobody = next(computing, next(iter(passwords.values())))
        self._random = random
        self._tries = tries
        self._remembered = remembered
        self._by_kind: dict[type, Callable[[Any], object]] = {
            LoadAccount: self._load,
            Recall: self._recall,
            TakeTry: self._take_try,
            CheckPassword: self._check_password,
            RecordAccount: self._record,
            KnowsPlace: self._knows,
            FindSkew: self._find_skew,
            FindRecoveryCode: self._find_recovery_code,
            FindDevice: self._find_device,
            MakeDeviceToken: self._make_device_token,
            TagPassword: self._tag_password,
        }

    def to(self, ask: Ask) -> object:
        """The answer to any ask but a Commit and a ReturnTry, or the Work that will bring it."""
        return self._by_kind[type(ask)](ask)

    def tries_key(self, ask: TakeTry) -> str:
        """What the tries of this account are counted under; a new epoch begins with fresh ones."""
        return account_key(ask.name, ask.account.epoch if ask.account is not None else 0)

    def give_back(self, taken: object) -> None:
        """The password was right, or was not checked in the end: what TakeTry took does not count."""
        self._tries.give_back(taken)

    def spend(self, taken: object) -> None:
        """The password was wrong: what TakeTry took counts."""
        self._tries.spend(taken)

    def tries_may_come_back(self, ask: TakeTry) -> bool:
        """Whether a try that other processes have in use may be one for this ask."""
        return self._tries.may_come_back(self.tries_key(ask), ask.place, ask.at)

    def _load(self, ask: LoadAccount) -> Account | None:
        return self._store.load(ask.name)

    def _recall(self, ask: Recall) -> bool:
        account = ask.account
        if self._remembered is None:
            return False
        if not self._tries.room(account_key(account.name, account.epoch), ask.place, ask.at):
            return False  # before the password is looked at: else it would take longer for the right one
        return self._remembered.has(account, ask.password)

    def _take_try(self, ask: TakeTry) -> object:
        account = ask.account
        known = (lambda: False) if account is None else partial(self._store.knows, account, ask.place)
        return self._tries.take(self.tries_key(ask), ask.place, ask.at, known)

    def _check_password(self, ask: CheckPassword) -> Work:
        """Only the backend that an account was made with is asked; where there is none, the same work and no."""
        if ask.account is not None:
            backend = self._passwords.get(ask.account.backend)
        else:
            backend = self._bringing if ask.name else None
        if backend is not None:
            return Work(partial(backend.check, ask.account, ask.name, ask.password, ask.rhost), backend.waits)
        return Work(partial(self._nobody.check, None, "", ask.password, ask.rhost), self._nobody.waits)

    def _record(self, ask: RecordAccount) -> Account:
        return self._store.record(ask.brought, ask.at)

    def _knows(self, ask: KnowsPlace) -> bool:
        return self._store.knows(ask.account, ask.place)

    def _find_skew(self, ask: FindSkew) -> Work:
        return Work(partial(otp.find_skew, ask.tokens, ask.code, ask.at, ask.back))

    def _find_recovery_code(self, ask: FindRecoveryCode) -> object:
        return self._store.find_recovery_code(ask.account.id, ask.code)

    def _find_device(self, ask: FindDevice) -> object:
        return self._store.find_device(ask.account.id, ask.claim, ask.digest)

    def _make_device_token(self, _: MakeDeviceToken) -> bytes:
        return self._random(DEVICE_TOKEN)

    def _tag_password(self, ask: TagPassword) -> bytes:
        return self._store.password_tag(ask.account.id, ask.password)
