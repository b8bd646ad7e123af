"""What the server asks the process that calls PAM, and what it is answered: one line of JSON each way. No I/O."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum

from radius_mfa.errors import RadiusMfaError

LONGEST_QUESTION = 8192
"""Octets of a question, newline included: every field at its longest, every octet escaped."""
LONGEST_ANSWER = 65536
LONGEST_PASSWORD = 511
"""Octets that PAM takes in one answer (PAM_MAX_RESP_SIZE less its NUL)."""

_SERVICE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_USER = re.compile(r"(?!-|\.{1,2}\Z)[^\s/:]{1,253}")
_RHOST = re.compile(r"[0-9A-Za-z.:%_-]{1,253}")
_NOT_RHOST = re.compile(r"[^0-9A-Za-z.:%_-]")


class BadMessage(RadiusMfaError):
    """A line that the other side of this version would not send. What was in it is not told: it has a password."""


class Result(StrEnum):
    """What a check came to."""

    PASSED = "passed"
    WRONG = "wrong"
    NOT_ALLOWED = "not-allowed"
    """The password is right, and the account has expired, has a uid below the least, or is none of this host."""
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Question:
    """Is this the password of that user? `rhost` is where the user sits, for the stack (PAM_RHOST)."""

    service: str
    user: str
    password: bytes = field(repr=False)
    rhost: str
    min_uid: int

    def encode(self) -> bytes:
        """The line. Octets that are no UTF-8 become half surrogates, which JSON can carry."""
        return _line(
            service=self.service,
            user=self.user,
            password=self.password.decode("utf-8", "surrogateescape"),
            rhost=self.rhost,
            min_uid=self.min_uid,
        )

    @classmethod
    def decode(cls, line: bytes) -> Question:
        """The question of a line. Raises BadMessage for everything that encode() does not make of valid fields."""
        match _read(line, LONGEST_QUESTION):
            case {
                "service": str(service), "user": str(user), "password": str(text), "rhost": str(rhost),
                "min_uid": int(min_uid), **rest,
            } if not rest and type(min_uid) is int:  # fmt: skip
                question = cls(service, user, _octets(text), rhost, min_uid)
            case _:
                raise BadMessage("a question with other fields")
        if not (_SERVICE.fullmatch(service) and _RHOST.fullmatch(rhost) and min_uid > 0):
            raise BadMessage("a question with a service, rhost or min_uid that cannot be")
        if not (may_be_user(user) and may_be_password(question.password)):
            raise BadMessage("a question with a name or a password that PAM does not take")
        return question


@dataclass(frozen=True, slots=True)
class Answer:
    """`uid` and `groups` come with PASSED; `groups` is None where they cannot be read.

    `message` and `hint` come with UNAVAILABLE.
    """

    result: Result
    uid: int | None = None
    groups: frozenset[str] | None = None
    message: str = ""
    hint: str = ""

    def encode(self) -> bytes:
        """The line; groups that are too many for it count as unreadable."""
        line = self._encode(self.groups)
        return line if len(line) <= LONGEST_ANSWER else self._encode(None)

    def _encode(self, groups: frozenset[str] | None) -> bytes:
        listed = sorted(groups) if groups is not None else None
        return _line(result=self.result, uid=self.uid, groups=listed, message=self.message, hint=self.hint)

    @classmethod
    def decode(cls, line: bytes) -> Answer:
        """The answer of a line. Raises BadMessage."""
        match _read(line, LONGEST_ANSWER):
            case {
                "result": str(result), "uid": int() | None as uid, "groups": list() | None as groups,
                "message": str(message), "hint": str(hint), **rest,
            } if not rest and result in set(Result) and (result == Result.PASSED) is (type(uid) is int):  # fmt: skip
                pass
            case _:
                raise BadMessage("an answer with other fields")
        if groups is not None and not all(isinstance(group, str) and group.isprintable() and group for group in groups):
            raise BadMessage("an answer with groups that are no names")
        return cls(Result(result), uid, frozenset(groups) if groups is not None else None, message, hint)


def may_be_user(name: str) -> bool:
    """Whether a user of this host can be called so: no path, no option, no field of passwd(5), nothing unprintable."""
    return name.isprintable() and _USER.fullmatch(name) is not None


def may_be_password(password: bytes) -> bool:
    """Whether PAM can be asked about it: not empty, no NUL inside, not longer than an answer may be."""
    return 0 < len(password) <= LONGEST_PASSWORD and b"\0" not in password


def as_rhost(told: str) -> str:
    """A place as PAM_RHOST: what no address or host name has becomes `_`.

    It is never empty: modules take a login without PAM_RHOST for a local one.
    """
    return _NOT_RHOST.sub("_", told)[:253] or "_"


def _line(**fields: object) -> bytes:
    return json.dumps(fields).encode("ascii") + b"\n"


def _read(line: bytes, longest: int) -> object:
    if len(line) > longest or not line.endswith(b"\n"):
        raise BadMessage("a message that is not ended, or too long")
    try:
        return json.loads(line.decode("ascii"))
    except (ValueError, RecursionError):
        raise BadMessage("a message that is no JSON") from None


def _octets(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise BadMessage("a password that stands for no octets") from None
