"""Accounts, over the API."""

from __future__ import annotations

import asyncio
from functools import partial
from urllib.parse import quote

from radius_mfa.auth.model import Account, ClientPolicy, Mfa
from radius_mfa.auth.policy import ROOT, Rules, canonical_name, owes_code
from radius_mfa.backends.local import hash_password
from radius_mfa.portal.api import answers
from radius_mfa.portal.api.answers import Reset, User, Users
from radius_mfa.portal.api.bodies import NewUser, Page, UserChanges
from radius_mfa.portal.api.changes import DOOR, MFA_CHANGES, ApiChange, record
from radius_mfa.portal.api.operation import BASE, Answer, Call, Operation
from radius_mfa.portal.api.problems import Kind, invalid
from radius_mfa.portal.desk import Desk
from radius_mfa.ports import Clock
from radius_mfa.store import accounts, tokens
from radius_mfa.store.account_row import AccountRow
from radius_mfa.store.accounts import Changes, NewAccount
from radius_mfa.store.api_tokens import Scope

_STRICTER = (Mfa.OFF, Mfa.INHERIT, Mfa.REQUIRED)
"""Each asks for more than those before it."""


class UserOperations:
    """List, show, make, change, reset and unlock accounts."""

    def __init__(self, desk: Desk, clock: Clock, rules: Rules) -> None:
        self._desk = desk
        self._clock = clock
        self._rules = rules
        self._hashing = asyncio.Lock()  # one at a time: a hash takes 19 MiB

    def operations(self) -> list[Operation]:
        """With their places."""
        read, write = Scope.USERS_READ, Scope.USERS_WRITE
        return [
            Operation("listUsers", "GET", "/users", "List accounts", self.some, Users, read, query=Page),
            Operation(
                "createUser", "POST", "/users", "Make an account", self.make, User, write,
                status=201, takes=NewUser, refuses=(Kind.TAKEN,), located=True,
            ),
            Operation("showUser", "GET", "/users/{name}", "Show an account", self.show, User, read),
            Operation(
                "changeUser", "PATCH", "/users/{name}", "Change an account", self.change, User, write,
                takes=UserChanges, refuses=(Kind.CONFLICT,),
                describes="Another address, other groups or MFA end its sessions and the logins that are under way.",
            ),
            Operation(
                "resetUser", "POST", "/users/{name}/reset", "Take the second factor away", self.reset, Reset, Scope.MFA,
                describes="Authenticators, recovery codes, trusted devices and wrong codes; then it may enrol anew.",
            ),
            Operation(
                "unlockUser", "POST", "/users/{name}/unlock", "Forget wrong codes and passwords", self.unlock, None,
                Scope.MFA, status=204, describes="Done again and again it lets somebody guess without an end.",
            ),
        ]  # fmt: skip

    async def some(self, call: Call) -> Answer:
        page: Page = call.query
        rows = await self._desk.look(partial(accounts.all_accounts, after=page.after, most=page.limit + 1))
        shown = [answers.user(row, self._clock.now()) for row in rows[: page.limit]]
        return Answer(Users(users=shown, next=shown[-1].name if len(rows) > page.limit else None))

    async def show(self, call: Call) -> Answer:
        row = await self._desk.look(partial(accounts.get, name=call.name))
        return Answer(answers.user(row, self._clock.now()))

    async def make(self, call: Call) -> Answer:
        new: NewUser = call.body
        canonical = canonical_name(new.name.encode(), self._rules.names)
        if canonical != new.name:
            hint = f"name it {canonical}" if canonical else "takes printable characters, at most 253 octets"
            raise invalid("#/name", f"no login could find it: {hint}")
        if canonical == ROOT:
            raise invalid("#/name", "the host's root is made on the host: radius-mfa user add")
        if new.mfa is Mfa.OFF:
            call.require(Scope.MFA)
        account = NewAccount(new.name, new.mail, frozenset(new.groups), new.language, new.mfa, await self._hashed(new))
        what = ApiChange.USER_CREATED_OFF if new.mfa is Mfa.OFF else ApiChange.USER_CREATED
        line = record(call, what, self._clock.now(), new.name)
        row = await self._desk.change(line, partial(accounts.add, new=account))
        place = f"{BASE}/users/{quote(row.name, safe='')}"
        return Answer(answers.user(row, self._clock.now()), {"Location": place})

    async def change(self, call: Call) -> Answer:
        given: UserChanges = call.body
        if given.mfa is Mfa.OFF:
            call.require(Scope.MFA)
        changes = Changes(
            mail=(given.mail or "") if "mail" in given.model_fields_set else None,
            groups=frozenset(given.groups) if "groups" in given.model_fields_set else None,
            language=(given.language or "") if "language" in given.model_fields_set else None,
            mfa=given.mfa,
        )
        what = MFA_CHANGES.get(given.mfa, ApiChange.USER_CHANGED)
        work = partial(
            accounts.change, name=call.name, changes=changes, mails=self._rules.mails, allow=partial(self._allow, call)
        )
        row = await self._desk.change(record(call, what, self._clock.now()), work)
        return Answer(answers.user(row, self._clock.now()))

    async def reset(self, call: Call) -> Answer:
        work = partial(tokens.reset, name=call.name, mails=self._rules.mails)
        ended = await self._desk.change(record(call, ApiChange.USER_RESET, self._clock.now()), work)
        return Answer(Reset(tokens=ended.tokens, recovery_codes=ended.recovery_codes, devices=ended.devices))

    async def unlock(self, call: Call) -> Answer:
        line = record(call, ApiChange.USER_UNLOCKED, self._clock.now())
        await self._desk.change(line, partial(accounts.unlock, name=call.name))
        return Answer()

    async def _hashed(self, new: NewUser) -> str | None:
        if new.password is None:
            return None
        async with self._hashing:
            return await asyncio.to_thread(hash_password, new.password.get_secret_value())

    def _allow(self, call: Call, before: AccountRow, after: AccountRow) -> None:
        """Raise Problem when the account would get in with less than before, and the token may not do that."""
        lower = _STRICTER.index(after.mfa) < _STRICTER.index(before.mfa)
        if lower or (self._owes(before) and not self._owes(after)):  # groups decide where mfa.required names some
            call.require(Scope.MFA)

    def _owes(self, row: AccountRow) -> bool:
        account = Account(row.id, row.name, groups=row.groups, mfa=row.mfa)
        return owes_code(account, ClientPolicy(DOOR), self._rules)
