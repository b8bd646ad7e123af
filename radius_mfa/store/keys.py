"""The master key, and the data keys it wraps: the only thing it is used for."""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa

from radius_mfa.auth.model import TAG, Claim
from radius_mfa.errors import OperationFailed, SecretError, StoreNotReady, Unsealed
from radius_mfa.store.files import OTHERS, write_private
from radius_mfa.store.schema import data_key
from radius_mfa.store.sealing import KEY_SIZE, Seal

GENERATE = "make one with: radius-mfa key generate"


class Purpose(StrEnum):
    """What a data key is for; one key a purpose."""

    SECRETS = "secrets"
    RECOVERY = "recovery"
    DEVICES = "devices"
    STATE = "state"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The keys of a master key file: the first wraps, the others (of a rotation that was cut short) still open."""

    keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str, where: str = "the master key") -> MasterKey:
        """From the text of the file: a key of 32 octets a line, in base64 or hexadecimal. Raises SecretError."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            raise SecretError(f"{where} is empty", GENERATE)
        return cls(tuple(_decoded(line, where) for line in lines))

    @classmethod
    def read(cls, path: Path) -> MasterKey:
        """From a file that nobody but its owner may read. Raises SecretError."""
        try:
            with path.open(encoding="ascii", errors="replace") as file:
                if os.fstat(file.fileno()).st_mode & OTHERS:
                    raise SecretError(f"others may read the master key {path}", f"run: chmod 600 {path}")
                text = file.read(4096)
        except FileNotFoundError:
            raise SecretError(f"there is no master key {path}", GENERATE) from None
        except OSError as error:
            raise SecretError(f"cannot read the master key {path}: {error.strerror}") from error
        return cls.parse(text, f"the master key {path}")

    @classmethod
    def new(cls) -> MasterKey:
        """One new key."""
        return cls((os.urandom(KEY_SIZE),))

    def text(self) -> str:
        """As the file has them: one a line, in base64."""
        return "".join(base64.b64encode(key).decode("ascii") + "\n" for key in self.keys)

    def wrap(self, purpose: Purpose, key: bytes) -> bytes:
        """A data key, sealed for its row."""
        return Seal(self.keys[0]).seal(key, table="data_key", column="wrapped", row=purpose)

    def unwrap(self, purpose: Purpose, wrapped: bytes) -> bytes:
        """The data key of that row. Raises Unsealed when none of the keys opens it."""
        for key in self.keys[:-1]:
            try:
                return Seal(key).open(wrapped, table="data_key", column="wrapped", row=purpose)
            except Unsealed:
                continue
        return Seal(self.keys[-1]).open(wrapped, table="data_key", column="wrapped", row=purpose)


@dataclass(frozen=True, slots=True)
class DataKeys:
    """The data keys of a store, each of 32 octets."""

    secrets: bytes = field(repr=False)
    recovery: bytes = field(repr=False)
    devices: bytes = field(repr=False)
    state: bytes = field(repr=False)
    mail: bytes = field(repr=False)

    @classmethod
    def unwrap(cls, master: MasterKey, wrapped: Mapping[str, bytes], store: Path) -> DataKeys:
        """From the rows of table data_key, purpose to wrapped key. Raises StoreNotReady or SecretError."""
        missing = [purpose for purpose in Purpose if purpose not in wrapped]
        if missing:
            raise StoreNotReady(f"{store} has no data key for {missing[0]}", "run: radius-mfa db upgrade")
        try:
            return cls(**{purpose: master.unwrap(purpose, wrapped[purpose]) for purpose in Purpose})
        except Unsealed:
            message = f"the master key does not open the data keys of {store}"
            raise SecretError(message, "put back the master key this database was made with") from None

    def device_hash(self, account_id: int, claim: Claim) -> bytes:
        """What the store keeps of a device: HMAC-SHA256 over account, kind, client and mark, 32 octets."""
        what = f"device\0{claim.kind}\0{claim.client}\0".encode() + claim.mark
        return hmac.digest(self.devices, account_id.to_bytes(8, "big") + what, "sha256")

    def place_hash(self, account_id: int, place: str) -> bytes:
        """What the store keeps of a place that an account was let in from, 32 octets."""
        return hmac.digest(self.devices, account_id.to_bytes(8, "big") + b"place\0" + place.encode(), "sha256")

    def password_tag(self, account_id: int, password: bytes) -> bytes:
        """What a device keeps of the password of a host user: TAG octets, too few to guess it by."""
        return hmac.digest(self.devices, account_id.to_bytes(8, "big") + b"tag\0" + password, "sha256")[:TAG]

    def session_hash(self, token: bytes) -> bytes:
        """What the store keeps of a portal session's token, 32 octets."""
        return hmac.digest(self.devices, b"session\0" + token, "sha256")

    def api_hash(self, token: bytes) -> bytes:
        """What the store keeps of a token of the admin API, 32 octets."""
        return hmac.digest(self.devices, b"api\0" + token, "sha256")

    def link(self, token_id: int) -> str:
        """What stands in a link to the enrolment of this pending token: letters, digits, `-` and `_`."""
        number = token_id.to_bytes(8, "big")
        made = number + hmac.digest(self.secrets, b"link\0" + number, "sha256")
        return base64.urlsafe_b64encode(made).decode("ascii").rstrip("=")

    def token_of(self, link: str) -> int | None:
        """The id of the token that this link was made for; None if it was not made here."""
        try:
            number = int.from_bytes(base64.urlsafe_b64decode(link + "==")[:8], "big")
            return number if hmac.compare_digest(self.link(number).encode(), link.encode()) else None
        except ValueError:
            return None

    def recovery_hash(self, account_id: int, code: str) -> bytes:
        """What the store keeps of a normalised recovery code: HMAC-SHA256 over account and code, 32 octets."""
        return hmac.digest(self.recovery, account_id.to_bytes(8, "big") + code.encode(), "sha256")


def generate(path: Path) -> None:
    """Write a new master key to a file of its owner alone. Raises OperationFailed when there is one, AccessDenied."""
    try:
        write_private(path, MasterKey.new().text())
    except FileExistsError:
        hint = "change it with: radius-mfa key rotate"
        raise OperationFailed(f"{path} is already there and is not overwritten", hint) from None


def make_missing(connection: sa.Connection, master: MasterKey, store: Path, now: float) -> None:
    """Give each purpose its data key, inside the caller's transaction. Raises SecretError: another master key."""
    wrapped = dict(connection.execute(sa.select(data_key.c.purpose, data_key.c.wrapped)).all())
    made = {purpose: master.wrap(purpose, os.urandom(KEY_SIZE)) for purpose in Purpose if purpose not in wrapped}
    for purpose, key in made.items():
        connection.execute(data_key.insert().values(purpose=purpose, wrapped=key, created=now))
    DataKeys.unwrap(master, wrapped | made, store)


def _decoded(line: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(line) if len(line) == 2 * KEY_SIZE else base64.b64decode(line, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_SIZE:
        raise SecretError(f"{where} is not 32 octets in base64 or hexadecimal", GENERATE)
    return key
