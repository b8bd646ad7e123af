"""The root of the command line: what it loads, and what becomes of what goes wrong."""

from __future__ import annotations

import gc
import subprocess
import sys

import click
import pytest

from radius_mfa import cli
from radius_mfa.cli.root import COMMANDS, root
from radius_mfa.errors import SecretError

HEAVY = {"alembic", "argon2", "cryptography", "pydantic", "pyotp", "pyrad", "qrcode", "sqlalchemy", "yaml"}


MAKERS = {"init", "demo"}


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """The exit status of a command that ends with this error."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(root, "main", fail)
    return cli.main([])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_explains_itself(name: str) -> None:
    """Each name of the root loads a command, or a group of commands, with help."""
    command = root.get_command(click.Context(root), name)
    assert command is not None
    assert command.help
    assert gc.isenabled(), "it rests while modules are loaded"
    assert all(inner.help for inner in getattr(command, "commands", {}).values())


def test_help_pays_for_no_command() -> None:
    """`--help` loads none of the libraries that the commands need."""
    script = "import sys; from radius_mfa.cli import main; main(['--help']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert set() == HEAVY & set(loaded.split())


def test_only_a_command_that_makes_the_database_pays_for_alembic() -> None:
    """What every login, list and check of the store does without: it takes a fifth of the time of a command."""
    loading = "; ".join(f"import radius_mfa.cli.{name.replace('-', '_')}" for name in COMMANDS if name not in MAKERS)
    script = f"import sys, radius_mfa.daemon; {loading}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert {"sqlalchemy"} == {"sqlalchemy", "alembic"} & set(loaded.split())


def test_a_fault_of_the_program_is_one_line_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected error is told by type and place: its text may quote a secret."""
    assert failing(monkeypatch, ValueError("hunter2")) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("error: fault of the program: ValueError at ")
    assert "hunter2" not in errors
    assert "Traceback" not in errors


def test_the_trace_of_a_fault_can_be_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With RADIUS_MFA_TRACE in the environment, whoever mends the program sees all."""
    monkeypatch.setenv("RADIUS_MFA_TRACE", "1")
    assert failing(monkeypatch, ValueError("hunter2")) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
        (SystemExit(143), 143, ""),
        (PermissionError(13, "Permission denied", "file"), 77, "error: file: permission denied\n"),
        (OSError(28, "No space left on device"), 1, "error: no space left on device\n"),
        (SecretError("one\ntwo", "mend it"), 78, "error: one\nerror: two\nhint: mend it\n"),
    ],
)
def test_an_error_becomes_a_message_and_a_status(
    error: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Interrupted 130, permission 77, configuration 78; a line of its own for each line of the message."""
    assert status == failing(monkeypatch, error)
    assert capsys.readouterr().err.startswith(said)
