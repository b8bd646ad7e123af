"""Secrets: written in the file, in a file of their own, or handed over by systemd; read only when asked for."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from radius_mfa.errors import SecretError
from radius_mfa.settings.scalars import beside, mistake

if TYPE_CHECKING:
    from radius_mfa.settings.model import Settings

MAX_OCTETS = 4096
OTHERS = 0o027  # group may read; group write and everything of others is too much

_SAYS = "takes a text, {file: PATH} or {credential: NAME}"
_CREDENTIAL = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}"


@dataclass(frozen=True, repr=False)
class SecretSource:
    """Where a secret comes from; exactly one of the three is set. It never shows a text."""

    text: str | None = None
    file: Path | None = None
    credential: str | None = None

    def read(self) -> bytes:
        """The secret's octets, without one trailing line end.

        SecretError when it is missing, empty, longer than 4096 octets, or open to others than owner and group.
        """
        if self.text is not None:
            return self.text.encode()
        return _read(self.file if self.file is not None else self._credential_path())

    def shown(self) -> object:
        """What `config show` prints."""
        if self.file is not None:
            return {"file": str(self.file)}
        return {"credential": self.credential} if self.credential is not None else "***"

    def __repr__(self) -> str:
        return f"SecretSource({self.shown()})"

    def _credential_path(self) -> Path:
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            hint = f"start it by systemd with LoadCredential={self.credential}:PATH"
            raise SecretError(f"credential {self.credential}: no CREDENTIALS_DIRECTORY here", hint)
        return Path(directory) / str(self.credential)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        printed = core_schema.plain_serializer_function_ser_schema(cls.shown)
        return core_schema.with_info_plain_validator_function(_source, serialization=printed)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        one_key = {"type": "object", "additionalProperties": False, "minProperties": 1, "maxProperties": 1}
        keys = {
            "file": {"type": "string", "minLength": 1},
            "credential": {"type": "string", "pattern": f"^{_CREDENTIAL}$"},
        }
        return {"anyOf": [{"type": "string", "minLength": 1}, {**one_key, "properties": keys}]}


@dataclass(frozen=True, repr=False)
class Secrets:
    """Every secret of the configuration, read. `clients` by shortname; `smtp` None where no password is set."""

    master_key: bytes
    clients: Mapping[str, bytes]
    smtp: bytes | None = None

    def __repr__(self) -> str:
        return "Secrets(***)"


def read_secrets(settings: Settings) -> Secrets:
    """Read them all. One SecretError names every key whose secret is missing, malformed or open to others."""
    found: dict[str, bytes] = {}
    problems: list[SecretError] = []
    for key, source in secret_sources(settings):
        try:
            found[key] = source.read()
        except SecretError as error:
            problems.append(SecretError(f"{key}: {error.message}", error.hint))
    problems += _open_to_others(settings)
    if problems:
        hints = dict.fromkeys(problem.hint for problem in problems)
        raise SecretError("\n".join(problem.message for problem in problems), "; ".join(hints))
    clients = {client.shortname: found[f"clients[{i}].secret"] for i, client in enumerate(settings.clients)}
    return Secrets(found["master_key"], clients, found.get("mail.transport.password"))


def secret_sources(settings: Settings) -> list[tuple[str, SecretSource]]:
    """Every secret of the file with the path of its key."""
    sources = [("master_key", settings.master_key)]
    sources += [(f"clients[{i}].secret", client.secret) for i, client in enumerate(settings.clients)]
    password = getattr(settings.mail.transport, "password", None) if settings.mail else None
    return sources if password is None else [*sources, ("mail.transport.password", password)]


def _open_to_others(settings: Settings) -> list[SecretError]:
    """The configuration file is a secret file as soon as one secret stands in it as text."""
    if all(source.text is None for _, source in secret_sources(settings)) or settings.path is None:
        return []
    try:
        _check_mode(settings.path, settings.path.stat())
    except SecretError as error:
        return [error]
    except OSError as error:
        return [_unreadable(settings.path, error)]
    return []


def _source(value: object, info: ValidationInfo) -> SecretSource:
    if isinstance(value, SecretSource):
        return value
    if isinstance(value, str) and value:
        return SecretSource(text=value)
    if not isinstance(value, dict) or len(value) != 1:
        raise mistake(_SAYS)
    (kind, given), *_ = value.items()
    if kind not in {"file", "credential"}:
        close = get_close_matches(str(kind), ["file", "credential"], 1)
        raise mistake(_SAYS + (f" (did you mean '{close[0]}'?)" if close else ""))
    if not isinstance(given, str) or not given or "\n" in given:
        raise mistake(_SAYS)
    if kind == "file":
        return SecretSource(file=beside(Path(given), info))
    if not re.fullmatch(_CREDENTIAL, given):
        raise mistake("takes a credential name of letters, digits, dots, dashes and underscores")
    return SecretSource(credential=given)


def _read(path: Path) -> bytes:
    try:
        # O_NONBLOCK: a FIFO must not hang the start.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(path, error) from None
    with open(descriptor, "rb") as file:
        _check_mode(path, os.fstat(descriptor))
        octets = file.read(MAX_OCTETS + 1)
    if len(octets) > MAX_OCTETS:
        raise SecretError(f"{path}: longer than {MAX_OCTETS} octets", f"write only the secret into {path}")
    secret = octets.removesuffix(b"\n").removesuffix(b"\r")
    if not secret:
        raise SecretError(f"{path}: empty", f"write the secret into {path}")
    return secret


def _check_mode(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SecretError(f"{path}: not a regular file", f"write the secret into a file and name it in place of {path}")
    if status.st_mode & OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        raise SecretError(f"{path}: mode {mode:04o} lets others at the secret", f"chmod 600 {path}")


def _unreadable(path: Path, error: OSError) -> SecretError:
    if isinstance(error, FileNotFoundError):
        return SecretError(f"{path}: no such file", f"create {path} with mode 0600")
    if isinstance(error, PermissionError):
        return SecretError(f"{path}: cannot be read by this user", f"chown radius-mfa {path}")
    return SecretError(f"{path}: {(error.strerror or 'cannot be read').lower()}", f"check {path}")
