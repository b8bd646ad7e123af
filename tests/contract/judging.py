"""Rounds for the service, and an audit and a store that can fail it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from radius_mfa.auth import otp
from radius_mfa.auth.asks import Outcome
from radius_mfa.auth.model import (
    Account,
    Algorithm,
    Challenge,
    ClientPolicy,
    Dialogue,
    Door,
    LoginRequest,
    OpenedState,
    Verdict,
)
from radius_mfa.auth.policy import Rules
from radius_mfa.backends.local import LocalPasswords, hash_password
from radius_mfa.backends.slots import HashSlots
from radius_mfa.errors import AuditLost
from radius_mfa.ports import AuditRecord, PasswordTries, Write
from radius_mfa.round import Round
from radius_mfa.service import Authenticator
from radius_mfa.store.sqlite import SqliteStore
from tests.contract.stores import NOW, SECRET, NoLimit, SqliteStores

PBX = ClientPolicy("pbx")
APPEND = ClientPolicy("gear", Dialogue.APPEND)
PASSWORD = "correct horse"
HASH = hash_password(PASSWORD)
CODE = otp.code_at(SECRET, int(NOW) // 30, 6, Algorithm.SHA1)


@dataclass
class Recorder:
    """An audit that can be lost, and a store that can fail, seen from the service."""

    store: SqliteStore
    records: list[AuditRecord] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    lost: bool = False
    failing: Callable[[Sequence[Write]], None] = lambda writes: None

    def write(self, records: Sequence[AuditRecord]) -> None:
        if self.lost:
            raise AuditLost("no space left on device")
        self.records += records

    def load_all(self, names: Sequence[str]) -> list[Account | None]:
        accounts = self.store.load_all(names)
        return [replace(account, password_hash=HASH) if account else None for account in accounts]

    def find_recovery_code(self, account_id: int, code: str) -> object:
        return self.store.find_recovery_code(account_id, code)

    def knows(self, account: Account, place: str) -> bool:
        return self.store.knows(account, place)

    def commit(self, writes: Sequence[Write]) -> list[Outcome]:
        self.batches.append(len(writes))
        self.failing(writes)
        return self.store.commit(writes)


def asking(
    number: int, password: str = PASSWORD + CODE, client: ClientPolicy = APPEND, **facts: object
) -> LoginRequest:
    made = LoginRequest(Door.RADIUS, client, NOW, b"alice", password.encode(), number.to_bytes(32, "big"), "192.0.2.1")
    return replace(made, **facts) if facts else made  # type: ignore[arg-type]


def answering(number: int, challenge: Challenge, answer: str, **facts: object) -> LoginRequest:
    state = OpenedState(
        challenge.stage,
        challenge.account_id,
        challenge.epoch,
        int(NOW + challenge.lifetime),
        number.to_bytes(12, "big"),
    )
    return asking(number, answer, PBX, state=state, **facts)


def octets(verdict: Verdict) -> bytes:
    return f"{type(verdict).__name__} {verdict.reason}".encode()


def finish(authenticator: Authenticator, slots: HashSlots, rounds: list[Round]) -> None:
    left = len(rounds) - len(authenticator.advance(rounds))
    while left:
        slots.wait()
        left -= len(authenticator.advance())


def challenge_of(authenticator: Authenticator) -> Challenge:
    verdict = authenticator.run([asking(999, PASSWORD, PBX)])[0]
    assert isinstance(verdict, Challenge)
    return verdict


def judge(
    world: Recorder, slots: HashSlots, stores: SqliteStores, tries: PasswordTries | None = None, **passwords: object
) -> Authenticator:
    """The service over this world, with local passwords unless there are others."""
    given = passwords or {"local": LocalPasswords()}
    return Authenticator(Rules(), world, given, slots, world, stores.clock, os.urandom, tries or NoLimit())  # type: ignore[arg-type]
