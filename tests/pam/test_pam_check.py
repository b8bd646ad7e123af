"""Passwords of this host, checked by `radius-mfa pam-check` with the PAM of this machine and users of its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from radius_mfa.auth.asks import Brought, Checked
from radius_mfa.errors import Unavailable
from tests.daemon.server import wait_for
from tests.pam.check_host import PASSWORDS, STATION, UNIX, CheckHost, make
from tests.pam.host import HERE, NEEDS_HOOK, compile_c

pytestmark = [
    *NEEDS_HOOK,
    pytest.mark.needs("perl", package="perl"),
    pytest.mark.needs_root,
]
NO = Checked(passed=False)
NOT_ALLOWED = Checked(passed=True, allowed=False)


@pytest.fixture(scope="module")
def process() -> Iterator[tuple[CheckHost, int]]:
    """A host, and the process that checks there. At the end, no password is in its log."""
    with TemporaryDirectory(prefix="radius-mfa-") as folder:
        host = make(Path(folder))
        with host.checking() as running:
            yield host, running.pid
        for password in PASSWORDS.values():
            assert password not in host.log.encode()


@pytest.fixture(scope="module")
def host(process: tuple[CheckHost, int]) -> CheckHost:
    return process[0]


def check(host: CheckHost, user: str, password: bytes, service: str = "radius-mfa") -> Checked:
    return host.passwords(service).check(None, user, password, STATION)


@pytest.mark.parametrize("user", ["alice", "umlaut", "latin", "long"])
def test_the_password_is_right(host: CheckHost, user: str) -> None:
    """Octets of UTF-8 and of Latin-1, and the 511 that PAM takes."""
    assert check(host, user, PASSWORDS[user]).passed
    assert NO == check(host, user, PASSWORDS[user][:-1])
    assert NO == check(host, user, PASSWORDS[user] + b"x")


@pytest.mark.parametrize(
    "password",
    [b"", b"\0", b"correct horse\0", b"\0correct horse", b"correct horse\0x", b"\xff", b"x" * 512, b"x" * 10**6],
)
def test_what_is_no_password_is_wrong(host: CheckHost, password: bytes) -> None:
    """Empty, with a NUL, not UTF-8, longer than PAM takes."""
    assert NO == check(host, "alice", password)


@pytest.mark.parametrize("password", [b"", b"anything", b"!", b"*"])
@pytest.mark.parametrize("user", ["blank", "locked", "nobody"])
def test_without_a_password_nobody_gets_in(host: CheckHost, user: str, password: bytes) -> None:
    """An account without a password is refused, although the stack says nullok, and one that is locked."""
    assert NO == check(host, user, password)


def test_it_brings_the_groups(host: CheckHost) -> None:
    """The groups of NSS, the user's own among them."""
    brought = Brought("alice", "pam", frozenset({"alice", "staff", "pbx-admins"}))
    assert Checked(passed=True, brought=brought) == check(host, "alice", PASSWORDS["alice"])


def test_groups_that_have_no_name_are_unreadable(host: CheckHost) -> None:
    """One that cannot be told may be the one that owes a code."""
    found = check(host, "nameless", PASSWORDS["nameless"])
    assert Checked(passed=True, brought=Brought("nameless", "pam", None)) == found


@pytest.mark.parametrize("user", ["expired", "aged", "root", "system"])
def test_a_right_password_of_an_account_that_may_not(host: CheckHost, user: str) -> None:
    """Expired, with a password that has to be changed, or with a uid below the least: told apart from a wrong one."""
    assert NOT_ALLOWED == check(host, user, PASSWORDS[user])
    assert NO == check(host, user, b"wrong")


def test_the_least_uid_is_the_backends(host: CheckHost) -> None:
    """A service account may, where min_uid says so; root never."""
    least = host.passwords(min_uid=200)
    assert least.check(None, "system", PASSWORDS["system"], STATION).allowed
    assert not host.passwords(min_uid=201).check(None, "system", PASSWORDS["system"], STATION).allowed
    assert not host.passwords(min_uid=1).check(None, "root", PASSWORDS["root"], STATION).allowed


@pytest.mark.parametrize("user", ["mallory", "Alice", "ALICE", "alice@example.com", "EXAMPLE\\alice"])
def test_a_user_who_is_not_there_costs_the_stack_too(host: CheckHost, user: str) -> None:
    """The whole stack runs for a name that nobody has, as for one that somebody has."""
    ran = host.folder / "ran"
    service = host.stack("traced", f"auth optional pam_exec.so log={ran} /bin/true", *UNIX)
    for name in (user, "alice"):
        ran.unlink(missing_ok=True)
        assert NO == check(host, name, b"wrong", service)
        assert ran.exists()


@pytest.mark.parametrize(
    "user",
    [
        "",
        "-alice",
        "../alice",
        "/etc/passwd",
        ".",
        "..",
        "al ice",
        "alice\n",
        "alice\0",
        "alice:x",
        "x" * 300,
        "\ud800",
    ],
)
def test_a_name_that_no_user_has_never_comes_to_a_module(host: CheckHost, user: str) -> None:
    """pam_faillock makes a file of the name, pam_exec a variable (THREATS 69)."""
    ran = host.folder / "ran"
    ran.unlink(missing_ok=True)
    service = host.stack("traced", f"auth optional pam_exec.so log={ran} /bin/true", *UNIX)
    assert NO == check(host, user, PASSWORDS["alice"], service)
    assert not ran.exists()


def test_a_user_without_uid_is_not_allowed(host: CheckHost) -> None:
    """A stack may know somebody whom NSS does not."""
    service = host.stack("all", "auth required pam_exec.so expose_authtok /bin/true", "account required pam_permit.so")
    assert NOT_ALLOWED == check(host, "ghost", b"anything", service)
    assert check(host, "alice", b"anything", service).allowed


def test_a_stack_that_asks_for_no_password_lets_nobody_in(host: CheckHost) -> None:
    """pam_permit, or pam_rootok in a process of root: no login, and a word to the admin."""
    for module in ("pam_permit.so", "pam_rootok.so"):
        service = host.stack("open", f"auth sufficient {module}", *UNIX)
        with pytest.raises(Unavailable, match="without asking for the password"):
            check(host, "alice", b"anything", service)


@pytest.fixture(scope="module")
def strange(host: CheckHost) -> Path:
    compile_c("-shared", "-fPIC", HERE / "strange.c", "-o", host.folder / "strange.so", "-lpam")
    return host.folder / "strange.so"


def test_a_login_that_becomes_another_users(host: CheckHost, strange: Path) -> None:
    """A module that changes the name: the answer would be about another account than the question."""
    service = host.stack("renamed", *UNIX, f"auth required {strange} rename=alice")
    assert NOT_ALLOWED == check(host, "umlaut", PASSWORDS["umlaut"], service)
    assert check(host, "alice", PASSWORDS["alice"], service).allowed


def test_a_module_that_crashes_is_no_login(host: CheckHost, strange: Path) -> None:
    """The check fails, the next one does not."""
    service = host.stack("crashing", f"auth required {strange} crash", *UNIX)
    with pytest.raises(Unavailable):
        check(host, "alice", PASSWORDS["alice"], service)
    assert check(host, "alice", PASSWORDS["alice"]).allowed
    assert "died of signal 6" in host.log


@pytest.mark.parametrize(
    "lines", [("auth required /nowhere.so",), ("auth required pam_debug.so auth=authinfo_unavail",)]
)
def test_a_stack_that_cannot_decide_is_unavailable(host: CheckHost, lines: tuple[str, ...]) -> None:
    """A module that is missing, or whose server is down: that is no wrong password, and no login."""
    service = host.stack("broken", *lines, "account required pam_permit.so")
    with pytest.raises(Unavailable, match="broken could not check a password: "):
        check(host, "alice", PASSWORDS["alice"], service)


def test_account_that_cannot_decide_is_unavailable(host: CheckHost) -> None:
    """Expiry that cannot be read is not taken for none."""
    service = host.stack("half", UNIX[0], "account required pam_debug.so acct=authinfo_unavail")
    with pytest.raises(Unavailable):
        check(host, "alice", PASSWORDS["alice"], service)


@pytest.mark.parametrize("line", ["auth required pam_radius_mfa.so", "@include hooked", "auth substack hooked"])
def test_a_stack_with_our_hook_is_refused(host: CheckHost, line: str) -> None:
    """It would ask this server again, without end. None of it is run."""
    ran = host.folder / "ran"
    ran.unlink(missing_ok=True)
    host.stack("hooked", "auth sufficient pam_radius_mfa.so")
    service = host.stack("circle", f"auth optional pam_exec.so log={ran} /bin/true", *UNIX, line)
    with pytest.raises(Unavailable, match="would ask this server again"):
        check(host, "alice", PASSWORDS["alice"], service)
    assert not ran.exists()


def test_a_service_without_a_stack_is_refused(host: CheckHost) -> None:
    """libpam would take the stack of `other`."""
    host.stack("other", *UNIX)
    with pytest.raises(Unavailable, match="has no stack"):
        check(host, "alice", PASSWORDS["alice"], "missing")


def test_no_delay_inside_pam(host: CheckHost) -> None:
    """A wrong password is told at once, although the stack asks for a minute: longer than a check may take."""
    service = host.stack("slow", "auth optional pam_faildelay.so delay=60000000", *UNIX)
    assert NO == check(host, "alice", b"wrong", service)


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ("192.0.2.77", "192.0.2.77"),
        ("2001:db8::1%eth0", "2001:db8::1%eth0"),
        ("+49 30\n$(id)", "_49_30___id_"),
        ("", "_"),
    ],
)
def test_the_stack_knows_where_the_user_sits(host: CheckHost, told: str, seen: str) -> None:
    """PAM_RHOST is never missing, and has nothing in it that an address has not."""
    ran = host.folder / "ran"
    ran.unlink(missing_ok=True)
    service = host.stack("traced", f"auth optional pam_exec.so log={ran} /usr/bin/env", *UNIX)
    assert host.passwords(service).check(None, "alice", PASSWORDS["alice"], told).passed
    lines = ran.read_text().splitlines()
    assert f"PAM_RHOST={seen}" in lines
    assert {"PAM_USER=alice", "PAM_SERVICE=traced", "PAM_TYPE=auth"} <= set(lines)
    assert not any(line.startswith("PAM_TTY=") for line in lines)


def test_the_password_is_in_no_argument_and_no_environment(host: CheckHost) -> None:
    """What a module sees of itself and of all its parents, arguments and environment, has no password in it."""
    ran, script = host.folder / "ran", host.folder / "parents"
    ran.unlink(missing_ok=True)
    script.write_text(
        "#!/bin/sh\np=$$\nwhile [ $p -gt 1 ]; do tr '\\0' '\\n' </proc/$p/cmdline; tr '\\0' '\\n' </proc/$p/environ\n"
        "p=$(sed -n 's/PPid:\\s*//p' /proc/$p/status); done\n"
    )
    script.chmod(0o755)
    service = host.stack("traced", f"auth optional pam_exec.so log={ran} {script}", *UNIX)
    assert check(host, "alice", PASSWORDS["alice"], service).passed
    seen = ran.read_bytes()
    assert b"pam-check" in seen
    assert b"PAM_RHOST" in seen
    assert PASSWORDS["alice"] not in seen


def test_a_hundred_at_once(host: CheckHost) -> None:
    """Each gets the answer to its own question."""
    users = ["alice", "umlaut", "latin", "expired", "mallory"] * 20
    with ThreadPoolExecutor(100) as threads:
        right = [threads.submit(check, host, user, PASSWORDS.get(user, b"x")) for user in users]
        wrong = [threads.submit(check, host, user, b"wrong") for user in users]
    assert [(user in PASSWORDS, user not in {"expired", "mallory"}) for user in users] == [
        (found.result().passed, found.result().brought is not None) for found in right
    ]
    assert {NO} == {found.result() for found in wrong}


def test_the_stack_that_is_shipped_is_one(host: CheckHost) -> None:
    """config/pam.d/radius-mfa takes the lines that Debian has for all services."""
    shipped = Path(__file__).parents[2] / "config/pam.d/radius-mfa"
    host.stack("common-auth", UNIX[0])
    host.stack("common-account", UNIX[1])
    host.stack("shipped", shipped.read_text())
    assert check(host, "alice", PASSWORDS["alice"], "shipped").allowed
    assert NO == check(host, "alice", b"wrong", "shipped")
    assert NOT_ALLOWED == check(host, "expired", PASSWORDS["expired"], "shipped")


def test_nothing_is_left_behind(process: tuple[CheckHost, int]) -> None:
    """After all that, the process has no children, and the descriptors of one that has just begun."""
    _, pid = process
    children = Path(f"/proc/{pid}/task/{pid}/children")
    wait_for(lambda: children.read_text() == "", "the last check to end")
    opened = sorted(str(link.readlink()).partition(":")[0] for link in Path(f"/proc/{pid}/fd").iterdir())
    assert ["pipe", "pipe", "socket"] == [what for what in opened if what in {"pipe", "socket", "anon_inode"}]
