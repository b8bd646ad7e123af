"""Every error the program raises on purpose, split by whose fault it is.

    RadiusMfaError
    ├── UsageError             2   the command line
    ├── OperationFailed        1   what was asked cannot be done: a wrong code, the only authenticator
    │   ├── NotFound               what it is about is not there: no such account
    │   ├── NothingToDo            it is so already: no codes to end
    │   └── Taken                  the name has somebody else
    ├── AccessDenied          77   this user may not read or write that file
    ├── ConfigurationError    78   the admin's files and keys
    │   ├── SettingsError          the YAML file: all its mistakes at once
    │   ├── SecretError            a key or secret: missing, readable by others, malformed
    │   └── StoreNotReady          no database, or its schema is older or newer than the program
    ├── Unavailable           69   something the login needs does not answer; nothing was changed
    │   ├── StoreBusy              another writer held the database too long
    │   ├── StoreFailed            the database refused: full, corrupt, read-only
    │   ├── AuditLost              the audit line could not be written in full
    │   ├── PasswordsBusy          no answer about a password in time
    │   └── PasswordsUnavailable   what would check the password is not there, or could not check it
    ├── Unsealed               1   sealed data does not open under its key and its place
    └── PacketError            1   a datagram that is not RADIUS as we take it

The number is the exit status of a command that ends with it (DESIGN "What admins touch").
"""

from __future__ import annotations

import traceback
from typing import ClassVar


class RadiusMfaError(Exception):
    """The root. `message` is lower case without a full stop and names no secret; `hint` says what would mend it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RadiusMfaError):
    """The command line asks for something that cannot be meant."""

    exit_code = 2


class OperationFailed(RadiusMfaError):
    """The command was understood and cannot be carried out."""


class NotFound(OperationFailed):
    """What it is about is not there."""


class NothingToDo(OperationFailed):
    """It is so already: there is nothing that it would end."""


class Taken(OperationFailed):
    """There is one of this name already."""


class AccessDenied(RadiusMfaError):
    """The operating system does not let this user do it."""

    exit_code = 77


class ConfigurationError(RadiusMfaError):
    """The admin's configuration, keys or database are not fit to start with."""

    exit_code = 78


class SettingsError(ConfigurationError):
    """The YAML file is wrong; `problems` has a line `FILE:LINE:COL: path: what (likely fix)` each, in its order."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SecretError(ConfigurationError):
    """A key or secret is missing, malformed or readable by others."""


class StoreNotReady(ConfigurationError):
    """There is no database, or its schema is not the one this program knows."""


class Unavailable(RadiusMfaError):
    """Something the login needs does not answer. Nothing was changed and nothing may be accepted."""

    exit_code = 69


class StoreBusy(Unavailable):
    """Another writer held the database for longer than a login may wait."""


class StoreFailed(Unavailable):
    """The database refused a statement: disk full, corrupt, read-only."""


class AuditLost(Unavailable):
    """An audit line could not be written in full; what it reports must not be sent."""


class PasswordsBusy(Unavailable):
    """Nobody has judged the password in time: every hash slot is taken, or who was asked is slow. Crowds do that."""


class PasswordsUnavailable(Unavailable):
    """What would check the password is not there, or says that it could not check it."""


class Unsealed(RadiusMfaError):
    """Sealed data does not open: another key, another place, or tampered with."""


class PacketError(RadiusMfaError):
    """A datagram that is not RADIUS as this server takes it."""


def where(fault: BaseException) -> str:
    """An unexpected exception as its type and the places it went through, for the log.

    Its message is left out: it may quote a password.
    """
    places = (
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in traceback.extract_tb(fault.__traceback__)
    )
    return f"{type(fault).__name__} at {' > '.join(places)}"
