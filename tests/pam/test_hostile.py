"""A daemon that is away, slow, lying or somebody else, and a person who does not play along."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pam.host import HELLO, NEEDS_HOOK, NOBODY, SUCCESS, Host, octets, vectors

pytestmark = [
    *NEEDS_HOOK,
]
PASSWORD = b"PROMPT\tpassword\tPassword: \n"
CODE = b"PROMPT\thidden\tCode: \n"
INFO = b"INFO\tone more\n"
MALFORMED = [vector for vector in vectors("from_daemon.txt") if vector[1] == "malformed"]
# Each is what the daemon says and how; with timeout=1 all of them have to end within the five seconds of Host.login.
HOSTILE = {
    "never listened": ("refused", []),
    "backlog full": ("full", []),
    "never accepts": ("deaf", []),
    "never speaks": ("mute", []),
    "hangs up at once": ("slam", []),
    "hangs up after the greeting": ("slam", [HELLO]),
    "hangs up in mid-line": ("slam", [HELLO + b"RESULT\tsucc"]),
    "hangs up before the newline": ("slam", [HELLO + b"RESULT\tsuccess"]),
    "hangs up after a prompt": ("slam", [HELLO + CODE]),
    "half an answer, and silence": ("script", [HELLO + b"RESULT\tsuccess"]),
    "silence after the greeting": ("script", [HELLO]),
    "silence after an answer": ("script", [HELLO + PASSWORD]),
    "silence after half a prompt": ("script", [HELLO + PASSWORD, b"PROMPT\thidden"]),
    "no greeting": ("script", [SUCCESS]),
    "prompt before the greeting": ("script", [CODE, HELLO + SUCCESS]),
    "greeting twice": ("script", [HELLO + HELLO + SUCCESS]),
    "another version": ("script", [b"HELLO\t2\n" + SUCCESS]),
    "HTTP": ("script", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]),
    "a megabyte in one line": ("script", [HELLO + b"INFO\t" + b"a" * 1_000_000 + b"\n" + SUCCESS]),
    "a megabyte of NUL": ("script", [b"\0" * 1_000_000]),
    "a megabyte of newlines": ("script", [b"\n" * 1_000_000]),
    "octets without an end": ("flood", [HELLO, b"RESULT\tsuccess" * 100]),
    "texts without an end": ("flood", [HELLO, INFO]),
    "a drop at a time, no line": ("drip", [HELLO, b"a"]),
    "a drop at a time, line by line": ("drip", [HELLO, INFO]),
    "prompts without an end": ("endless", [HELLO + PASSWORD, CODE]),
    "passwords without an end": ("endless", [HELLO + PASSWORD, PASSWORD]),
    "success, and then more": ("script", [HELLO + SUCCESS + b"RESULT\tdenied\n"]),
    "success twice": ("script", [HELLO + SUCCESS + SUCCESS]),
    "success, and half a line": ("script", [HELLO + SUCCESS + b"x"]),
    "success before the answer": ("script", [HELLO + CODE + SUCCESS]),
    "too many lines, then success": ("script", [HELLO + INFO * 31 + SUCCESS]),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_daemon_lets_nobody_in(host: Host, case: str) -> None:
    """Whatever the daemon does but to play by the grammar: no success, soon, and nothing left open (THREATS 9, 60)."""
    manner, turns = HOSTILE[case]
    host.stack(host.hook("timeout=1"))
    with host.daemon(*turns, manner=manner):
        said = host.login(*["123456"] * 40)
    # Once it has greeted, whoever can wear it out like that gets no further than a wrong answer.
    greeted = bool(turns) and turns[0].startswith(HELLO)
    assert ("auth_err" if greeted else "authinfo_unavail", 0) == (said.result, said.files_left)


@pytest.mark.parametrize(("name", "kind", "value", "line"), MALFORMED)
def test_a_malformed_line_lets_nobody_in(host: Host, name: str, kind: str, value: str, line: str) -> None:
    """Each line that is not of the grammar ends the login, whatever follows."""
    host.stack(host.hook())
    with host.daemon(HELLO + octets(line) + SUCCESS):
        assert "auth_err" == host.login("123456").result


def test_a_line_that_is_too_long_is_not_waited_for(host: Host) -> None:
    """2048 octets without a newline: unavailable at once, not when the time is over."""
    host.stack(host.hook("timeout=60"))
    with host.daemon(HELLO + b"INFO\t" + b"a" * 2043):
        assert "auth_err" == host.login().result


def test_as_many_lines_as_there_may_be(host: Host) -> None:
    """32 lines are heard; this is what the case above of 33 is measured against."""
    host.stack(host.hook())
    with host.daemon(HELLO + INFO * 30 + SUCCESS):
        assert "success" == host.login().result


@pytest.mark.parametrize("seconds", [1, 2])
def test_the_timeout_is_the_daemons_in_all(host: Host, seconds: int) -> None:
    """timeout=N: N seconds for all turns of the daemon together, however they are spread."""
    host.stack(host.hook(f"timeout={seconds}"))
    with host.daemon(HELLO, INFO, manner="drip"):
        said = host.login()
    assert "auth_err" == said.result
    assert seconds * 1000 <= said.milliseconds


def test_no_socket_no_login(host: Host) -> None:
    """The daemon was never started: unavailable."""
    host.stack(host.hook())
    assert "authinfo_unavail" == host.login("123456").result


def test_a_daemon_that_has_stopped_is_unavailable(host: Host, tmp_path: Path) -> None:
    """The daemon has ended and left its socket behind: unavailable."""
    host.stack(host.hook(socket=tmp_path / "left.sock"))
    with host.daemon(socket=tmp_path / "pam.sock"):
        (tmp_path / "pam.sock").rename(tmp_path / "left.sock")
    assert "authinfo_unavail" == host.login("123456").result


@pytest.mark.parametrize("what", ["file", "directory", "loop"])
def test_what_is_no_socket_is_unavailable(host: Host, tmp_path: Path, what: str) -> None:
    """A file, a directory or a link to itself in the place of the socket: unavailable."""
    place = tmp_path / "pam.sock"
    if what == "loop":
        place.symlink_to(place)
    elif what == "file":
        place.touch()
    else:
        place.mkdir()
    host.stack(host.hook(socket=place))
    assert "authinfo_unavail" == host.login("123456").result


@pytest.mark.needs_root
def test_a_listener_of_another_user_is_told_nothing(host: Host) -> None:
    """Who listens is neither root nor the owner: unavailable, and not a word is said to it."""
    for owner in ("", "owner=0", "owner=root", "owner=65533", "owner=", "owner=no-such-user", "owner=65534x"):
        host.stack(f"auth required {host.module} socket={host.socket_of(NOBODY)} {owner}")
        with host.daemon(HELLO + SUCCESS, uid=NOBODY, socket=host.socket_of(NOBODY)) as daemon:
            assert "authinfo_unavail" == host.login("123456").result
        assert not any(daemon.heard)


@pytest.mark.needs_root
@pytest.mark.parametrize("owner", ["owner=65534", "owner=nobody"])
def test_the_owner_is_told(host: Host, owner: str) -> None:
    """`owner` names the one user beside root who may listen."""
    host.stack(f"auth required {host.module} socket={host.socket_of(NOBODY)} {owner}")
    with host.daemon(HELLO + SUCCESS, uid=NOBODY, socket=host.socket_of(NOBODY)):
        assert "success" == host.login().result


@pytest.mark.needs_root
def test_a_caller_who_is_not_root_does_not_reach_the_daemon(host: Host) -> None:
    """The socket is root's alone: an application of another user gets no connection."""
    host.stack(host.hook())
    with host.daemon(HELLO + SUCCESS) as daemon:
        assert "authinfo_unavail" == host.login(uid=NOBODY).result
    assert [] == daemon.heard


@pytest.mark.parametrize("how", ["@fail", "@null", "@again", "end of input"])
@pytest.mark.parametrize("prompts", [1, 2, 3, 4, 5])
def test_who_breaks_off_is_denied(host: Host, how: str, prompts: int) -> None:
    """Ctrl-C, no answer, "come back later" or the end of input at the first to the fifth prompt (THREATS 64)."""
    host.stack(host.hook())
    answers = ["horse", *(f"00000{turn}" for turn in range(4))][: prompts - 1]
    with host.daemon(HELLO + PASSWORD, *[CODE] * (prompts - 1), SUCCESS) as daemon:
        said = host.login(*answers, *([] if how == "end of input" else [how]))
    assert ("auth_err", prompts, 0) == (said.result, len(said.shown), said.files_left)
    assert prompts == len(daemon.only)


@pytest.mark.parametrize("length", [512, 100_000])
def test_an_answer_that_is_too_long_is_denied(host: Host, length: int) -> None:
    """What is longer than PAM answers are never reaches the daemon."""
    host.stack(host.hook())
    for turns in ([HELLO + CODE, SUCCESS], [HELLO + PASSWORD, SUCCESS]):
        with host.daemon(*turns) as daemon:
            assert "auth_err" == host.login("1" * length).result
        assert 1 == len(daemon.only)


@pytest.mark.parametrize("fact", ["user", "-r", "-t", "-u"])
@pytest.mark.parametrize("length", [256, 65_536])
def test_a_name_that_is_too_long_is_denied(host: Host, fact: str, length: int) -> None:
    """A user, host or terminal of more than 255 octets: denied, nothing is said (THREATS 69)."""
    host.stack(host.hook())
    with host.daemon(HELLO + SUCCESS) as daemon:
        name = "a" * length
        said = host.login(user=name) if fact == "user" else host.login(options=[fact, name])
    assert said.result in ("auth_err", "code-4")  # the audit of libpam may refuse it before us: PAM_SYSTEM_ERR
    assert not any(daemon.heard)


def test_nobody_is_nobody(host: Host) -> None:
    """An empty user name: denied, before there is a word with the daemon."""
    host.stack(host.hook())
    with host.daemon(HELLO + SUCCESS) as daemon:
        assert "auth_err" == host.login(user="").result
    assert [] == daemon.heard


def test_no_time_is_not_all_time(host: Host) -> None:
    """timeout=0 does not wait for ever where the backlog is full."""
    host.stack(host.hook("timeout=0"))
    with host.daemon(manner="full"):
        assert "authinfo_unavail" == host.login().result


def test_a_relative_path_is_no_path(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user chooses the directory that sudo runs in: what is there is not looked at."""
    monkeypatch.chdir(host.folder)
    host.stack(host.hook("socket=pam.sock"))
    with host.daemon(HELLO + SUCCESS):
        assert "authinfo_unavail" == host.login().result


@pytest.mark.parametrize(
    "option",
    ["socket=", "socket=pam.sock", "socket=/" + "a" * 107, "timeout=", "timeout=0", "timeout=61", "timeout=-1",
     "timeout=1s", "timeout=99999999999999999999", "sockt=/run/pam.sock", "nullok", "Debug", "use_first_pass=yes"],
)  # fmt: skip
def test_a_mistake_in_the_stack_lets_nobody_in(host: Host, option: str) -> None:
    """An option that is not known or has no sense: unavailable, whatever the daemon would say."""
    host.stack(host.hook(option))
    with host.daemon(HELLO + SUCCESS):
        assert "authinfo_unavail" == host.login().result
