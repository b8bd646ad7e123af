"""What the service needs from outside, each with its contract. Adapters are built by the composition root alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from radius_mfa.auth.asks import Brought, Checked, Commit, Outcome
from radius_mfa.auth.model import Account, Claim, Device, RecoveryCode
from radius_mfa.value import value


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""

    def monotonic(self) -> float:
        """Seconds that never step back: for waits, ages and deadlines."""


class Random(Protocol):
    """The only source of randomness: octets fit for keys."""

    def __call__(self, size: int, /) -> bytes: ...


class PasswordBackend(Protocol):
    """Checks passwords of the accounts made with it. Called from several threads at once.

    `waits`: it waits for another process, and computes nothing. `brings`: it knows users who have no account yet.
    """

    name: str
    waits: bool
    brings: bool

    def check(self, account: Account | None, name: str, password: bytes, rhost: str) -> Checked:
        """Whether this is the password of the account, or of the user `name` if the backend brings accounts.

        Else the same work, and no. `rhost`: where the person sits. Raises Unavailable.
        """


class Remembered(Protocol):
    """Passwords that were checked in full a moment ago. Used by several threads at once."""

    def keep(self, account: Account, password: bytes) -> None:
        """Remember that it is the password of the account at this epoch and with this stored hash."""

    def has(self, account: Account, password: bytes) -> bool:
        """Whether it was kept for the account as it is now, and not too long ago."""


class PasswordTries(Protocol):
    """Counts wrong passwords, over all processes of the daemon and nowhere else: a restart forgets them."""

    def take(self, account: str, place: str, at: float, known: Callable[[], bool]) -> object | None:
        """Take one try at a password before it is checked; None when there is none left.

        `account` is a key made of name and epoch, `place` one of where the request came from, `at` in seconds since
        the epoch. `known` tells whether the account was let in from there before; it is asked only when it matters.
        """

    def room(self, account: str, place: str, at: float) -> bool:
        """Whether anybody may try this account from there: `take` would ask for nothing known. Takes nothing."""

    def give_back(self, taken: object) -> None:
        """The password was right, or was not checked: this try does not count."""

    def spend(self, taken: object) -> None:
        """The password was wrong: this try counts, and will not come back."""

    def may_come_back(self, account: str, place: str, at: float) -> bool:
        """Whether other processes have tries of the account in use of which neither is said yet."""


@value
class Write:
    """One round's Commit on its way to the store; `reply` are the octets to store with what is consumed."""

    commit: Commit
    reply: bytes = field(default=b"", repr=False)


@value
class Done:
    """A finished piece of blocking work: its answer, or what it raised."""

    key: object
    answer: object = field(default=None, repr=False)
    error: Exception | None = None


class Slots(Protocol):
    """Bounded threads for what blocks: hashing, PAM, long searches. Used by one thread."""

    def submit(
        self, key: object, client: str, work: Callable[[], object], deadline: float, *, waits: bool = False
    ) -> None:
        """Queue `work`; if no slot is free by `deadline` (monotonic seconds) it fails with PasswordsBusy, unrun.

        `waits`: it waits for another process, and is not to keep those waiting who compute. Raises PasswordsBusy at
        once when the queue is full.
        """

    def finished(self) -> list[Done]:
        """What has finished since the last call; does not wait."""

    def wait(self) -> None:
        """Wait until something has finished; at once when nothing is pending."""


class Store(Protocol):
    """Accounts, tokens, codes. Called by one thread; every method raises StoreBusy or StoreFailed."""

    def load(self, name: str) -> Account | None:
        """The account of this canonical name with its tokens, secrets unsealed (None where they cannot be)."""

    def load_all(self, names: Sequence[str]) -> list[Account | None]:
        """The accounts of all these names, in their order, for hardly more than one costs."""

    def find_recovery_code(self, account_id: int, code: str) -> RecoveryCode | None:
        """The account's recovery code of this normalised text (16 base32 characters), used or not."""

    def find_device(self, account_id: int, claim: Claim, digest: bytes) -> Device | None:
        """The account's device of this claim, expired or not; one that this very datagram gave another mark as well."""

    def password_tag(self, account_id: int, password: bytes) -> bytes:
        """A keyed tag of this password of the account, model.TAG octets."""

    def knows(self, account: Account, place: str) -> bool:
        """Whether the account was let in from this place before, as far as it is remembered."""

    def record(self, brought: Brought, at: float) -> Account:
        """What asks.RecordAccount wants, in a transaction of its own."""

    def commit(self, writes: Sequence[Write]) -> list[Outcome]:
        """Write all of them in one transaction, in order; each sees what came before it.

        When this returns, all is durable. When it raises, nothing was changed.
        """


@dataclass(frozen=True, slots=True)
class Envelope:
    """A mail that is due, a row of the outbox.

    `message_id` is what stands before the @ of it. `created`: seconds since the epoch. `failures`: attempts so far.
    """

    id: int
    message_id: str
    recipient: str
    created: float
    failures: int
    body: bytes = field(repr=False)


class Outbox(Protocol):
    """The mails that wait, each of them one row. Every method raises StoreBusy or StoreFailed."""

    def lease(self, now: float, owner: str, count: int) -> list[Envelope]:
        """At most `count` mails whose time has come, the longest due first; they are the owner's for a while.

        Mails whose lease is over or the owner's own are given out again; expired ones are not.
        """

    def delivered(self, row: int, /) -> None:
        """The mail has left: wipe its body."""

    def deferred(self, row: int, /, text: str, not_before: float) -> None:
        """It has not, for this reason; it is due again at this time."""

    def failed(self, row: int, /, text: str) -> None:
        """It will not by itself, for this reason; until it expires, `mail retry` can send it."""


@value
class AuditRecord:
    """One decision. The adapter adds nothing but the format; the keys are fixed (docs/audit.md)."""

    time: float
    event: str
    account: str = ""
    client: str = ""
    source: str = ""
    calling_station: str = ""
    transport: str = ""
    result: str = ""
    reason: str = ""
    method: str = ""
    duration_ms: float = 0.0
    request_id: str = ""
    actor: str = ""


class Audit(Protocol):
    """Where decisions are written down before they are told."""

    def write(self, records: Sequence[AuditRecord]) -> None:
        """Append all records, whole. Raises AuditLost when not every octet was written."""
