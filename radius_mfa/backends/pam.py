"""Passwords of this host's own users. The stack runs in another process (`radius-mfa pam-check`), never in this one."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from radius_mfa.auth.asks import Brought, Checked
from radius_mfa.auth.model import Account
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
from radius_mfa.errors import PasswordsBusy, PasswordsUnavailable
from radius_mfa.local_socket import peer_uid
from radius_mfa.ports import Clock

PATIENCE = 3.0
"""Seconds for an answer."""
_HINT = "see that radius-mfa pam-check runs (radius-mfa-pam-check.socket), and passwords.helper"


class PamPasswords:
    """The PasswordBackend of accounts that this host brings. Called from several threads at once.

    `address` gives the mail address of a user, if there is to be one.
    """

    name = "pam"
    waits = True
    brings = True

    def __init__(
        self,
        helper: Path,
        service: str,
        min_uid: int,
        address: Callable[[str], str | None],
        clock: Clock,
        patience: float = PATIENCE,
    ) -> None:
        self._helper = helper
        self._service = service
        self._min_uid = min_uid
        self._address = address
        self._clock = clock
        self._patience = patience

    def check(self, account: Account | None, name: str, password: bytes, rhost: str) -> Checked:  # noqa: ARG002 - the port's
        """Ask about the user `name` (canonical), who sits at `rhost`.

        Raises PasswordsBusy when the answer does not come in time, else PasswordsUnavailable; nothing was decided.
        Nobody is asked about an empty password, one PAM cannot take, or a name that no user can have.
        """
        if not (may_be_user(name) and may_be_password(password)):
            return Checked(passed=False)
        answer = self._ask(Question(self._service, name, password, as_rhost(rhost), self._min_uid))
        match answer.result:
            case Result.PASSED:
                return Checked(passed=True, brought=Brought(name, self.name, answer.groups, self._address(name)))
            case Result.NOT_ALLOWED:
                return Checked(passed=True, allowed=False)
            case Result.WRONG:
                return Checked(passed=False)
        raise PasswordsUnavailable(answer.message or "the check of a password failed", answer.hint)

    def _ask(self, question: Question) -> Answer:
        end = self._clock.monotonic() + self._patience
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                connection.settimeout(self._patience)
                connection.connect(str(self._helper))
                _refuse_stranger(connection)
                connection.sendall(question.encode())
                return Answer.decode(self._line(connection, end))
            except TimeoutError as late:
                raise PasswordsBusy(f"{self._who} does not answer in time", _HINT) from late
            except OSError as error:
                raise PasswordsUnavailable(f"{self._who}: {error.strerror or 'hung up'}", _HINT) from error
            except BadMessage as bad:
                raise PasswordsUnavailable(f"{self._who}: {bad.message}", _HINT) from bad

    @property
    def _who(self) -> str:
        return f"the process that checks passwords ({self._helper})"

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
