"""What the door does with strangers, junk, silence, crowds and a daemon that is ill: never a success."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess

import pytest

from tests.contract.stores import NOW
from tests.daemon.server import wait_for
from tests.pam.door import (
    ANSWER,
    DENIED,
    GREETING,
    HELLO,
    PASSWORD,
    RIGHT,
    SUCCESS,
    UNAVAILABLE,
    WRONG,
    Door,
    RawHook,
    asked_for_a_code,
    asked_for_a_password,
    code,
)  # fmt: skip
from tests.pam.host import NEEDS_HOOK, NOBODY, octets, vectors

pytestmark = [
    pytest.mark.needs_root,
    *NEEDS_HOOK,
]
BAD_LINES = [vector for vector in vectors("from_hook.txt") if vector[1] not in ("hello", "answer", "same")]
STRANGER = """
import socket, sys
caller = socket.socket(socket.AF_UNIX)
caller.connect(sys.argv[1])
try:
    caller.sendall(sys.argv[2].encode())
    print(caller.recv(100))
except (BrokenPipeError, ConnectionResetError):
    print(b"")
"""


@pytest.fixture
def running(door: Door) -> Door:
    """A door that has been started."""
    door.start()
    return door


def connect(door: Door, place: str) -> RawHook:
    """A hook that is about to say its first line, its password or its code."""
    asked = {"password": asked_for_a_password, "code": asked_for_a_code}
    return asked[place](door) if place in asked else door.raw(b"")


@pytest.mark.needs("/usr/bin/python3", package="python3")
def test_who_is_not_root_hears_nothing(running: Door) -> None:
    """Even where the socket's mode lets a user in, the door does not: no line is read, and none is said."""
    running.host.socket.chmod(0o666)
    answer = subprocess.run(
        ["/usr/bin/python3", "-c", STRANGER, running.host.socket, HELLO.decode()], user=NOBODY, group=NOBODY,
        extra_groups=[], check=True, stdout=subprocess.PIPE, timeout=20,
    )  # fmt: skip
    assert b"b''\n" == answer.stdout
    assert f"user {NOBODY} connected to the PAM socket" in running.log()


@pytest.mark.parametrize("place", ["greeting", "password", "code"])
def test_a_line_that_is_none_ends_the_login(running: Door, place: str) -> None:
    """Each bad line at every place: greeted if it was the first, then denied or unavailable, and no round of it."""
    for name, fault, _, line in BAD_LINES:
        hook = connect(running, place)
        before = len(running.audit())
        hook.say(octets(line))
        hook.finish()
        end = DENIED if fault == "value" else UNAVAILABLE
        expected = [*([GREETING] if place == "greeting" else []), *(end if line else [])]
        assert (name, expected) == (name, hook.rest())
        assert len(running.audit()) == before, name
        hook.close()


@pytest.mark.parametrize("line", [HELLO, b"SAME\n", b"ANSWER\t1\nANSWER\t2\n", b"ANSWER\t1\nANS"])
def test_a_line_out_of_turn_ends_the_login(running: Door, line: bytes) -> None:
    """A second greeting, SAME in place of a password, two answers to one question."""
    hook = asked_for_a_password(running)
    hook.say(line)
    assert UNAVAILABLE == hook.rest()


@pytest.mark.parametrize("line", [b"SAME\n", RIGHT])
def test_who_does_not_greet_is_not_asked(running: Door, line: bytes) -> None:
    """The first line has to be the greeting."""
    assert [GREETING, *UNAVAILABLE] == running.raw(line).rest()


@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_a_megabyte_is_not_read_to_its_end(running: Door, newline: bytes) -> None:
    """A line ends the login once it is too long, and others get in."""
    hook = asked_for_a_password(running)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        hook.say(b"ANSWER\t" + b"a" * 1_000_000 + newline)
    assert UNAVAILABLE == hook.rest()
    assert "success" == running.login(PASSWORD, code()).result


@pytest.mark.parametrize("part", [b"", b"HELLO\t1\tsshd"])
def test_a_greeting_that_does_not_come_is_not_waited_for(door: Door, part: bytes) -> None:
    """Silence, and half a line: the daemon hangs up."""
    door.start(constants={"pam_terminal.PROMPTNESS": 0.1})
    assert [GREETING] == door.raw(part).rest()


def test_half_an_answer_is_not_waited_for(door: Door) -> None:
    """A line that has begun has to end."""
    door.start(constants={"pam_terminal.PROMPTNESS": 0.1})
    hook = asked_for_a_password(door)
    hook.say(b"ANSWER\tcorr")
    assert [] == hook.rest()


def test_a_person_may_think(door: Door) -> None:
    """What a hook has to be quick at is no measure for people: an answer after a second is taken."""
    door.start(constants={"pam_terminal.PROMPTNESS": 0.1})
    assert "success" == door.login(PASSWORD, "@slow", code()).result


def test_an_answer_that_comes_late_is_denied(running: Door) -> None:
    """Past the time of its State the right code is refused, and nobody is asked again."""
    hook = asked_for_a_code(running)
    running.at(NOW + 121)
    hook.say(ANSWER % code(4).encode())
    assert DENIED == hook.rest()
    assert ("reject", "state-expired") == running.audit()[-1]


def test_each_question_has_a_time_of_its_own(running: Door) -> None:
    """A wrong code after a long while leaves a whole lifetime for the next one."""
    hook = asked_for_a_code(running)
    running.at(NOW + 100)
    hook.say(ANSWER % WRONG.encode())
    assert b"Not accepted" in hook.hear()
    running.at(NOW + 210)
    hook.say(ANSWER % code(7).encode())
    assert [SUCCESS] == hook.rest()


def test_who_breaks_off_costs_nothing(running: Door) -> None:
    """A hook that goes in the middle leaves no descriptor and no complaint, wherever it was."""
    before = running.connections()
    for place in ("greeting", "password", "code"):
        connect(running, place).close()
    at_work = connect(running, "password")
    at_work.say(RIGHT)
    at_work.close()
    wait_for(lambda: running.connections() == before, "the end of all logins")
    assert "success" == running.login(PASSWORD, code()).result
    assert "" == running.log()


def test_a_store_that_is_ill_denies(running: Door) -> None:
    """The daemon is there, so the way that is meant for one that is down stays closed."""
    hook = asked_for_a_code(running)
    running.stores.edit("ALTER TABLE spent RENAME TO gone")
    hook.say(ANSWER % code().encode())
    assert DENIED == hook.rest()


def test_what_cannot_be_written_down_is_not_told(running: Door) -> None:
    """The right code is no success while the audit cannot be written."""
    hook = asked_for_a_code(running)
    full = running.directory / "full"
    full.symlink_to("/dev/full")
    full.rename(running.audit_file)
    hook.say(ANSWER % code().encode())
    assert DENIED == hook.rest()


def test_a_password_that_hangs_holds_up_nobody_else(door: Door) -> None:
    """It is given up, and the next login goes on beside it."""
    door.start(constants={"turns.LONGEST_ROUND": 0.3})
    hook = asked_for_a_password(door)
    hook.say(ANSWER % b"hang")
    assert DENIED == hook.rest()
    assert "success" == door.login(PASSWORD, code()).result


def test_a_crowd_at_the_passwords_is_denied(door: Door) -> None:
    """When all hash slots and their queue are taken, the answer is no, and not that nothing answers."""
    door.start(threads=1, queue=2)
    for _ in range(2):
        asked_for_a_password(door).say(ANSWER % b"hang")
        wait_for(door.asked, "a password at work")
    assert "auth_err" == door.login(PASSWORD, code()).result
    assert "every hash slot is taken" in door.log()


def test_it_beats(running: Door) -> None:
    """The supervisor hears of it all the time."""
    beats = b"".join(os.read(running.beats, 1) for _ in range(3))
    assert b"..." == beats


def test_sigterm_lets_logins_end(running: Door) -> None:
    """Who is under way gets in, who comes later is not attended to, and then the process ends; it beats until then."""
    assert running.process is not None
    hook = asked_for_a_code(running)
    running.signal(signal.SIGTERM)
    os.read(running.beats, 4096)
    os.read(running.beats, 1)
    os.read(running.beats, 1)
    late = running.raw()
    hook.say(ANSWER % code().encode())
    assert [SUCCESS] == hook.rest()
    assert 0 == running.process.wait(20)
    assert [] == late.rest()


def test_sigterm_does_not_wait_for_ever(door: Door) -> None:
    """Who is still under way when the time is over is hung up on."""
    door.start(constants={"pam_socket.DRAIN": 0.1})
    assert door.process is not None
    hook = asked_for_a_code(door)
    door.signal(signal.SIGTERM)
    assert [] == hook.rest()
    assert 0 == door.process.wait(20)


def test_it_ends_with_its_supervisor(running: Door) -> None:
    """A door whose supervisor has gone ends at once, whoever is under way."""
    assert running.process is not None
    hook = asked_for_a_code(running)
    running.hang_up_the_supervisor()
    assert [] == hook.rest()
    assert 0 == running.process.wait(20)
    assert "the supervisor is gone" in running.log()


def test_the_log_tells_no_secret(running: Door) -> None:
    """Neither what was typed nor what was asked for stands in it."""
    running.login(PASSWORD, PASSWORD)
    running.login(PASSWORD, WRONG, code())
    running.raw(HELLO + RIGHT + b"ANSWER\t" + code(1).encode()).rest()
    assert "a line that the PAM hook would not send" in running.log()
    assert not [secret for secret in (PASSWORD, WRONG, code(), code(1)) if secret in running.log()]


def test_a_slow_disk_keeps_nobody_from_being_greeted(running: Door) -> None:
    """While a round waits for the store, who comes is greeted: no hook may think that nobody is there."""
    hook = asked_for_a_code(running)
    with contextlib.closing(sqlite3.connect(running.stores.path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        hook.say(ANSWER % code().encode())
        others = [asked_for_a_password(running) for _ in range(10)]
        assert not hook.is_answered
        foreign.execute("ROLLBACK")
    assert hook.rest()[-1] in (SUCCESS, DENIED[-1])
    for other in others:
        other.close()
