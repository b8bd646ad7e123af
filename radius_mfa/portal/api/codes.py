"""Recovery codes, over the API."""

from __future__ import annotations

from functools import partial

from radius_mfa.auth import recovery
from radius_mfa.portal.api.answers import Codes, CodesLeft, Ended
from radius_mfa.portal.api.changes import ApiChange, ending, record
from radius_mfa.portal.api.operation import Answer, Call, Operation
from radius_mfa.portal.desk import Desk
from radius_mfa.ports import Clock, Random
from radius_mfa.store import codes
from radius_mfa.store.api_tokens import Scope


class CodeOperations:
    """Make, count and end them; `count` is how many a set has."""

    def __init__(self, desk: Desk, clock: Clock, random: Random, count: int) -> None:
        self._desk = desk
        self._clock = clock
        self._random = random
        self._count = count

    def operations(self) -> list[Operation]:
        """With their places."""
        path, read, write = "/users/{name}/codes", Scope.CODES_READ, Scope.CODES_WRITE
        return [
            Operation("countCodes", "GET", path, "Count recovery codes", self.left, CodesLeft, read),
            Operation(
                "makeCodes", "POST", path, "Make recovery codes", self.make, Codes, write, status=201,
                describes="The set before ends. The codes are in this answer and nowhere else.",
            ),
            Operation("endCodes", "DELETE", path, "End recovery codes", self.end, Ended, write),
        ]  # fmt: skip

    async def left(self, call: Call) -> Answer:
        return Answer(CodesLeft(left=await self._desk.look(partial(codes.count, name=call.name))))

    async def make(self, call: Call) -> Answer:
        made = recovery.make(self._random, self._count)
        line = record(call, ApiChange.CODES_MADE, self._clock.now())
        await self._desk.change(line, partial(codes.replace, name=call.name, codes=made))
        return Answer(Codes(codes=[recovery.show(code) for code in made]))

    async def end(self, call: Call) -> Answer:
        line = record(call, ApiChange.CODES_DELETED, self._clock.now())
        return Answer(Ended(ended=await self._desk.change(line, partial(ending, codes.delete, call.name))))
