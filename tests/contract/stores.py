"""A store with an account in it, for one suite over each implementation of ports.Store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from radius_mfa.auth.asks import ActivateToken, Commit, Consumption, Trust, UseRecoveryCode, UseToken
from radius_mfa.auth.model import Accept, Account, Claim, DeviceKind, Method, OpenedState, Reject, Stage, Verdict
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.throttle import Lockout
from radius_mfa.ports import Write
from radius_mfa.store import accounts, codes, keys, tokens, upgrade
from radius_mfa.store.accounts import NewAccount
from radius_mfa.store.connection import Connect, connect
from radius_mfa.store.database import Database
from radius_mfa.store.files import create_private
from radius_mfa.store.keys import MasterKey
from radius_mfa.store.sqlite import SqliteStore
from radius_mfa.store.tokens import NewToken

NOW = 1_750_000_020.0
SECRET = b"12345678901234567890"
CODES = ("ABCDEFGHIJKLMNOP", "QRSTUVWXYZ234567", "AAAABBBBCCCCDDDD")


@dataclass
class SetClock:
    """A clock that stands until it is set."""

    time: float = NOW

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class NoLimit:
    """ports.PasswordTries that never run out. `out` are those that were taken and not given back."""

    def __init__(self) -> None:
        self.out: list[object] = []

    def take(self, account: str, place: str, at: float, known: Callable[[], bool]) -> object | None:
        self.out.append((account, place))
        return account, place

    def room(self, account: str, place: str, at: float) -> bool:
        return True

    def give_back(self, taken: object) -> None:
        self.out.remove(taken)

    def spend(self, taken: object) -> None:
        """It is out for good."""

    def may_come_back(self, account: str, place: str, at: float) -> bool:
        return False


@cache
def _made() -> tuple[bytes, bytes]:
    """The octets of a master key and of a database, as `key generate` and `db upgrade` make them, once a process."""
    with TemporaryDirectory() as directory:
        key, database = Path(directory) / "key", Path(directory) / "database"
        keys.generate(key)
        upgrade.upgrade(database, MasterKey.read(key), SetClock())
        return key.read_bytes(), database.read_bytes()


def make_store(database: Path, key: Path) -> None:
    """A new store without accounts. Alembic is slow, so it is a copy: all that a process makes have the same keys."""
    for path, octets in zip((key, database), _made(), strict=True):
        with open(create_private(path), "wb") as file:
            file.write(octets)


@dataclass
class SqliteStores:
    """A directory with a master key and a database, those that are there or new ones, and the stores opened on it."""

    directory: Path
    clock: SetClock = field(default_factory=SetClock)

    def __post_init__(self) -> None:
        self.path = self.directory / "radius-mfa.db"
        self.key_file = self.directory / "master.key"
        if not self.path.exists():
            make_store(self.path, self.key_file)
        self.database = Database.open(self.path, self.master, self.clock)
        self._open: list[SqliteStore] = []
        self._reader: sqlite3.Connection | None = None

    @property
    def master(self) -> MasterKey:
        return MasterKey.read(self.key_file)

    def store(self, connect: Connect = connect) -> SqliteStore:
        """One more store on the database, as another worker has it."""
        store = SqliteStore(self.path, self.database.keys, self.clock, connect)
        self._open.append(store)
        return store

    def account(self, name: str, *, pending: bool = False, codes_of: Iterable[str] = CODES) -> Account:
        """An account with a token, active unless `pending`, and recovery codes."""
        accounts.add(self.database, NewAccount(name))
        token = tokens.enroll(self.database, name, NewToken(SECRET), expires=NOW + 100)
        if not pending:
            tokens.confirm(self.database, name, token, step=0, drift=0)
        codes.replace(self.database, name, list(codes_of))
        return self.load(name)

    def load(self, name: str) -> Account:
        store = SqliteStore(self.path, self.database.keys, self.clock)
        try:
            account = store.load(name)
        finally:
            store.close()
        assert account is not None
        return account

    def spent(self) -> int:
        """How many States have been spent."""
        with self.database.read() as connection:
            return connection.scalar(sa.text("SELECT count(*) FROM spent")) or 0

    def dump(self) -> list[str]:
        """All that stands in the database."""
        return list(self._reading().iterdump())

    def version(self) -> int:
        """Another number after each commit that wrote anything, be it what was there before."""
        (number,) = self._reading().execute("PRAGMA data_version").fetchone()
        return int(number)

    def _reading(self) -> sqlite3.Connection:
        if self._reader is None:
            self._reader = connect(self.path)
        return self._reader

    def edit(self, statement: str, *parameters: object) -> None:
        """Change the database behind the back of the store."""
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                connection.execute(statement, parameters)
        finally:
            connection.close()

    def close(self) -> None:
        for store in self._open:
            store.close()
        if self._reader is not None:
            self._reader.close()
        self.database.close()


def accepted(text: str = "") -> Verdict:
    return Accept(Method.TOTP, text=text)


def digest(number: int) -> bytes:
    return number.to_bytes(32, "big")


def state(account: Account, nonce: int, *, expires: float = NOW + 120) -> OpenedState:
    return OpenedState(Stage.CODE, account.id, account.epoch, int(expires), nonce.to_bytes(12, "big"))


def step(account: Account, number: int, *, drift: int = 0) -> UseToken:
    return UseToken(account.tokens[0].id, number, drift)


def first_step(account: Account, number: int) -> ActivateToken:
    return ActivateToken(account.tokens[0].id, number, 0)


def use(
    account: Account,
    consume: Consumption | None = None,
    *,
    spend: OpenedState | None = None,
    request: int = 1,
    reply: bytes = b"reply",
    at: float = NOW,
) -> Write:
    """A round that consumes something, or only spends its State."""
    return Write(Commit(account, accepted(), at, digest(request), spend, consume), reply)


def wrong(account: Account, *, spend: OpenedState | None = None, request: int = 1, at: float = NOW) -> Write:
    """A round whose code was wrong."""
    return Write(Commit(account, Reject(Reason.WRONG_CODE), at, digest(request), spend, wrong_code=Lockout()))


def code(store: SqliteStore, account: Account, text: str = CODES[0]) -> UseRecoveryCode:
    found = store.find_recovery_code(account.id, text)
    assert found is not None
    return UseRecoveryCode(found.id)


def claimed(mark: bytes = b"mark", client: str = "pbx", kind: DeviceKind = DeviceKind.TOKEN) -> Claim:
    """What a request shows of a device."""
    return Claim(kind, client, mark)


def trusted(
    stores: SqliteStores, store: SqliteStore, account: Account, claim: Claim | None = None, **facts: object
) -> Trust:
    """A device that the account has trusted, by a code of its own."""
    trust = Trust(claim or claimed(), "desk", NOW + 7 * 86400, 10)
    trust = replace(trust, **facts) if facts else trust  # type: ignore[arg-type]
    last = max(token.last_step for token in stores.load(account.name).tokens)
    round_ = use(account, step(account, last + 1), request=10_000 + last)
    store.commit([replace(round_, commit=replace(round_.commit, trust=trust))])
    return trust
