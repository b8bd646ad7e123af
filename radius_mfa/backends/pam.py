"""Passwords of this host's own users. The stack runs in another process (`radius-mfa pam-check`), never in this one."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from radius_mfa.backends.pam_question import (
    LONGEST_ANSWER,
    Answer,
    BadMessage,
    Question,
    Result,
    as_rhost,
    may_be_password,
    may_be_user,
)
from radius_mfa.errors import Unavailable
from radius_mfa.local_socket import peer_uid
from radius_mfa.ports import Clock

PATIENCE = 3.0
"""Seconds for an answer. With the wait for a slot before, it is less than the five that the PAM hook waits."""
_HINT = "see that radius-mfa pam-check runs (radius-mfa-pam-check.socket), and passwords.helper"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a backend says of a password.

    `allowed`: the account may be used; else its answer is that of a wrong password, and the audit's `not-allowed`.
    `groups` is None where they cannot be read: then MFA is owed and no `groups` matches.
    """

    passed: bool
    allowed: bool = True
    uid: int | None = None
    groups: frozenset[str] | None = None


class PamPasswords:
    """The PasswordBackend of accounts that this host brings. Called from several threads at once."""

    name = "pam"

    def __init__(self, helper: Path, service: str, min_uid: int, clock: Clock, patience: float = PATIENCE) -> None:
        self._helper = helper
        self._service = service
        self._min_uid = min_uid
        self._clock = clock
        self._patience = patience

    def check(self, name: str, password: bytes, rhost: str) -> Checked:
        """Ask about the user `name` (canonical), who sits at `rhost`. Raises Unavailable, and nothing was decided.

        Nobody is asked about an empty password, one PAM cannot take, or a name that no user can have.
        """
        if not (may_be_user(name) and may_be_password(password)):
            return Checked(passed=False)
        answer = self._ask(Question(self._service, name, password, as_rhost(rhost), self._min_uid))
        match answer.result:
            case Result.PASSED:
                return Checked(passed=True, uid=answer.uid, groups=answer.groups)
            case Result.NOT_ALLOWED:
                return Checked(passed=True, allowed=False)
            case Result.WRONG:
                return Checked(passed=False)
        raise Unavailable(answer.message or "the check of a password failed", answer.hint)

    def _ask(self, question: Question) -> Answer:
        end = self._clock.monotonic() + self._patience
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                connection.settimeout(self._patience)
                connection.connect(str(self._helper))
                _refuse_stranger(connection)
                connection.sendall(question.encode())
                return Answer.decode(self._line(connection, end))
            except OSError as error:
                what = "does not answer in time" if isinstance(error, TimeoutError) else error.strerror or "hung up"
                raise Unavailable(f"the process that checks passwords ({self._helper}): {what}", _HINT) from error
            except BadMessage as bad:
                raise Unavailable(f"the process that checks passwords ({self._helper}): {bad.message}", _HINT) from bad

    def _line(self, connection: socket.socket, end: float) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            left = end - self._clock.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
            # One octet more than an answer has is asked for, and then none: that is the end, too.
            if not (part := connection.recv(LONGEST_ANSWER + 1 - len(line))):
                break
            line += part
        return line


def _refuse_stranger(connection: socket.socket) -> None:
    """Only root, or who may be this very process, is believed (the credentials are those of listen())."""
    uid = peer_uid(connection)
    if uid not in (0, os.geteuid()):
        raise BadMessage(f"uid {uid} listens there, who is not root")
