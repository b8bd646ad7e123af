"""How the PAM door speaks of what goes wrong: a success is none of it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from radius_mfa.auth.model import FirstFactor, Mfa
from radius_mfa.errors import AuditLost, PasswordsBusy, PasswordsUnavailable, StoreBusy, StoreFailed, Unavailable
from radius_mfa.transport.pam_door import PamDoor, service
from radius_mfa.transport.pam_lines import BadLine, Fault, Hello
from radius_mfa.transport.pam_terminal import HungUp, Terminal
from tests.contract.stores import SetClock

DENIED = b"DELAY\t2000\nRESULT\tdenied\n"
UNAVAILABLE = b"RESULT\tunavailable\n"


class Unlucky(Terminal):
    """A terminal where the greeting goes wrong."""

    error: Exception

    async def greet(self) -> Hello:
        raise self.error


def told(error: Exception) -> bytes:
    """What the hook hears after this error."""

    async def attend() -> None:
        terminal = Unlucky(ours)
        terminal.error = error
        door = PamDoor(services={}, judge=None, clock=SetClock(), random=bytes)  # type: ignore[arg-type]
        await door.attend(terminal, lambda: True)
        terminal.close()

    ours, hook = socket.socketpair()
    with hook:
        asyncio.run(attend())
        return hook.recv(4096)


ILL = [StoreBusy("x"), StoreFailed("x"), AuditLost("x"), PasswordsBusy("x"), PasswordsUnavailable("x"), TimeoutError()]


@pytest.mark.parametrize("error", [*ILL, Unavailable("x"), BadLine(Fault.VALUE)])
def test_a_daemon_that_is_there_denies(error: Exception) -> None:
    """A crowd, a full disk, a host whose name is no text: none opens the way in that is for a daemon that is down."""
    assert DENIED == told(error)


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.VALUE}))
def test_a_hook_that_is_not_ours_is_told_so(fault: Fault) -> None:
    """A line of another version, or of none, is a matter for the admin."""
    assert UNAVAILABLE == told(BadLine(fault))


@pytest.mark.parametrize("error", [ValueError("hunter2"), KeyError("hunter2"), OSError("hunter2"), MemoryError()])
def test_a_fault_of_the_program_denies(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """The log names its place and not its message."""
    assert DENIED == told(error)
    assert type(error).__name__ in caplog.text
    assert "hunter2" not in caplog.text


def test_nobody_is_told_when_the_hook_is_gone() -> None:
    """There is no line after a hang-up."""
    assert b"" == told(HungUp())


def test_a_service_is_what_the_configuration_says() -> None:
    """By default the account or `mfa.required` decides on the code, and the password is checked here."""
    plain, sudo = service("sshd"), service("sudo", mfa="required", password=False)
    assert ("sshd", Mfa.INHERIT, FirstFactor.CHECK) == (plain.policy.shortname, plain.policy.mfa, plain.first_factor)
    assert (Mfa.REQUIRED, FirstFactor.PROVEN_BY_STACK) == (sudo.policy.mfa, sudo.first_factor)
    assert not plain.policy.always_challenge
    assert plain.policy.groups is None
