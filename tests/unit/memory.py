"""A store in memory: a model of `asks.Commit` as it is written down, with the guards that a store has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count

from radius_mfa.auth import throttle
from radius_mfa.auth.asks import (
    WON,
    ActivateToken,
    Ask,
    Brought,
    Commit,
    Consumption,
    Ended,
    FindDevice,
    FindRecoveryCode,
    Invite,
    InviteAgain,
    KnowsPlace,
    LoadAccount,
    Loss,
    Mail,
    Outcome,
    RecordAccount,
    Trust,
    UseDevice,
    UseRecoveryCode,
    UseToken,
)
from radius_mfa.auth.model import Account, Claim, Device, RecoveryCode, Token, TokenKind, TokenStatus, Verdict

STORED_FOR = 30.0
MAILED = b"the key of the mail."
"""The secret of every token that a login makes."""


def octets(verdict: Verdict) -> bytes:
    """A stand-in for the signed reply."""
    return repr(verdict).encode()


@dataclass
class Code:
    """A row of the recovery codes."""

    id: int
    used: bool = False
    expires: float | None = None

    def usable(self, at: float) -> bool:
        return not self.used and (self.expires is None or at < self.expires)


@dataclass
class Trusted:
    """A row of the devices."""

    owner: int
    claim: Claim
    device: Device
    datagram: bytes = b""


class Memory:
    """Accounts, codes, devices and States. `taken` is every consumption that was won."""

    def __init__(self, accounts: Iterable[Account], codes: Iterable[str]) -> None:
        self.accounts = {account.name: account for account in accounts}
        self.codes = {(1, text): Code(number) for number, text in enumerate(codes, 1)}
        self.devices: list[Trusted] = []
        self.places: set[tuple[int, str]] = set()
        self.taken: list[Consumption] = []
        self.mails: list[tuple[float, Mail]] = []
        """Everything that was queued, with its time."""
        self.meanwhile: Callable[[], None] = lambda: None
        """What others do between the moment the account was loaded and the commit."""
        self.at = 0.0
        """The time of the request that is being judged."""
        self._spent: set[bytes] = set()
        self._made = count(100)
        self._invitations: list[tuple[float, int, int]] = []
        """When, whose and for which token an invitation was queued."""
        self._replies: dict[tuple[int, bytes], tuple[float, bytes]] = {}

    def change(self, name: str = "alice", /, **facts: object) -> None:
        """What an admin does to the account's row; whether the epoch grows is up to the story."""
        self.accounts[name] = replace(self.accounts[name], **facts)  # type: ignore[arg-type]

    def answer(self, ask: Ask) -> object:
        """What a store knows."""
        match ask:
            case LoadAccount():
                return self._load(ask.name)
            case RecordAccount():
                return self._record(ask.brought)
            case KnowsPlace():
                return (ask.account.id, ask.place) in self.places
            case FindDevice():
                return self._find_device(ask)
            case FindRecoveryCode():
                row = self.codes.get((ask.account.id, ask.code))
                return row and RecoveryCode(row.id, row.usable(self.at))
            case Commit():
                self.meanwhile()
                return self.commit(ask)
        raise TypeError(ask)

    def _record(self, brought: Brought) -> Account:
        self.meanwhile()
        known = self._load(brought.name)
        if known is None:
            number = 1 + max([account.id for account in self.accounts.values()], default=0)
            known = Account(number, brought.name, brought.backend, mail=brought.mail, groups=brought.groups)
        elif known.backend == brought.backend and known.groups != brought.groups:
            known = replace(known, groups=brought.groups, epoch=known.epoch + 1)
        self.accounts[brought.name] = known
        return known

    def _load(self, name: str) -> Account | None:
        account = self.accounts.get(name)
        if account is None:
            return None
        rows = [row for (owner, _), row in self.codes.items() if owner == account.id]
        left = sum(row.usable(self.at) for row in rows)
        return replace(account, recovery_left=left, recovery_issued=bool(rows))

    def commit(self, commit: Commit) -> Outcome:
        """What became of it."""
        lost = self._loss(commit)
        if isinstance(lost, Ended):
            return Outcome(ended=lost)
        if lost is None:
            return WON
        at, reply = self._replies.get((commit.account.id, commit.digest), (0.0, None))
        return Outcome(lost, reply if abs(commit.at - at) <= STORED_FOR else None)

    def _find_device(self, ask: FindDevice) -> Device | None:
        for row in self.devices:
            if row.owner == ask.account.id and ask.claim == row.claim:
                return row.device
            if row.owner == ask.account.id and row.datagram == ask.digest:
                return replace(row.device, rotated=True)
        return None

    def _loss(self, commit: Commit) -> Loss | Ended | None:
        if commit.spend is not None:
            if commit.spend.expires <= commit.at or commit.spend.nonce in self._spent:
                return Loss.STATE
            self._spent.add(commit.spend.nonce)
        now = self.accounts[commit.account.name]
        if commit.consume is not None:
            if not _admits(now, commit):
                return Loss.ACCOUNT
            if not self._consume(now, commit.consume, commit):
                return Loss.CONSUMED
            self.taken.append(commit.consume)
            self._replies[now.id, commit.digest] = (commit.at, octets(commit.verdict))
            if not isinstance(commit.consume, UseDevice):
                self.change(now.name, history=replace(now.history, failures=0))
        if commit.wrong_code is not None:
            return self._count(commit, commit.wrong_code)
        if commit.judged:
            self.change(now.name, history=throttle.judged(now.history, commit.digest))
        return self._rest(commit, now)

    def _rest(self, commit: Commit, now: Account) -> Loss | None:
        if commit.place:
            if now.disabled or now.epoch != commit.account.epoch:
                return Loss.ACCOUNT
            self.places.add((now.id, commit.place))
        if commit.trust is not None:
            self._trust(commit, commit.trust)
        if commit.forget is not None:
            self.devices = [row for row in self.devices if row.device.id != commit.forget]
        losses = [self._queue(commit, mail) for mail in commit.mails]
        return next(filter(None, losses), None)

    def _count(self, commit: Commit, limits: throttle.Lockout) -> Loss | Ended | None:
        now = self.accounts[commit.account.name]
        if throttle.locked(now.history, commit.at):
            return Loss.LOCKED
        after = throttle.count(now.history, commit.digest, commit.at, limits)
        locks = after.locked_until > now.history.locked_until
        disables = after != now.history and throttle.disables(after, limits)
        self.change(now.name, history=after, epoch=now.epoch + (locks or disables))
        if locks or disables:
            self.end_devices(now.id)
        if not disables:
            return Ended.LOCKED if locks else None
        ended = tuple(replace(token, status=TokenStatus.DISABLED) for token in now.tokens)
        self.change(now.name, tokens=ended)
        return Ended.DISABLED

    def end_devices(self, owner: int = 1) -> None:
        """What ends all devices of an account."""
        self.devices = [row for row in self.devices if row.owner != owner]

    def _trust(self, commit: Commit, trust: Trust) -> None:
        owner, at = commit.account.id, commit.at
        others = [row for row in self.devices if (row.owner, row.claim) != (owner, trust.claim)]
        mine = sorted((row for row in others if row.owner == owner), key=lambda row: row.device.last_used)
        for oldest in mine[: max(0, len(mine) + 1 - trust.most)]:
            others.remove(oldest)
        device = Device(next(self._made), at, at, trust.expires, trust.tag)
        self.devices = [*others, Trusted(owner, trust.claim, device)]

    def _queue(self, commit: Commit, mail: Mail) -> Loss | None:
        assert commit.account.mail, "mail to nobody"
        if isinstance(mail, Invite | InviteAgain):
            now = self.accounts[commit.account.name]
            if not _admits(now, commit):
                return Loss.ACCOUNT
            return self._invite(now, mail, commit.at)
        self.mails.append((commit.at, mail))
        return None

    def _invite(self, account: Account, mail: Invite | InviteAgain, at: float) -> Loss | None:
        """A pending token with its mail, or the mail of the one that is there once more."""
        living = [one for one in account.tokens if one.status is not TokenStatus.PENDING or at < (one.expires or 0)]
        waiting = [one for one in living if one.status is TokenStatus.PENDING]
        if isinstance(mail, Invite) and living:
            return None
        if isinstance(mail, InviteAgain):
            if not waiting:
                return Loss.CONSUMED
            if any(when > mail.since for when, _, token in self._invitations if token == waiting[0].id):
                return Loss.TOO_SOON
        today = sum(when > at - 86400 and owner == account.id for when, owner, _ in self._invitations)
        if today >= mail.per_day or sum(when > at - 60 for when, _, _ in self._invitations) >= mail.per_minute:
            return Loss.MAIL_LIMIT
        if isinstance(mail, Invite):
            made = Token(next(self._made), TokenKind.TOTP, TokenStatus.PENDING, MAILED, mail.digits)
            waiting = [replace(made, expires=mail.ends)]
            self.change(account.name, tokens=(*living, *waiting))
        self._invitations.append((at, account.id, waiting[0].id))
        self.mails.append((at, mail))
        return None

    def _consume(self, account: Account, consume: Consumption, commit: Commit) -> bool:
        at = commit.at
        if isinstance(consume, UseDevice):
            return self._use_device(consume, commit)
        if isinstance(consume, UseRecoveryCode):
            row = next(row for row in self.codes.values() if row.id == consume.code_id)
            won, row.used = row.usable(at), True
            if won:
                self.end_devices(account.id)
            return won
        token = next(token for token in account.tokens if token.id == consume.token_id)
        if token.last_step >= consume.step or not _takes(token, consume, at):
            return False
        used = replace(token, last_step=consume.step, drift=consume.drift, status=TokenStatus.ACTIVE, expires=None)
        self.change(account.name, tokens=tuple(used if old is token else old for old in account.tokens))
        return True

    def _use_device(self, consume: UseDevice, commit: Commit) -> bool:
        for row in self.devices:
            if row.device.id == consume.device_id and row.claim == consume.before and commit.at < row.device.expires:
                row.claim, row.datagram = consume.after, commit.digest
                row.device = replace(row.device, last_used=commit.at)
                return True
        return False


def _admits(now: Account, commit: Commit) -> bool:
    return not now.disabled and now.epoch == commit.account.epoch and commit.at >= now.history.locked_until


def _takes(token: Token, consume: UseToken | ActivateToken, at: float) -> bool:
    if isinstance(consume, UseToken):
        return token.status is TokenStatus.ACTIVE
    return token.status is TokenStatus.PENDING and token.expires is not None and at < token.expires
