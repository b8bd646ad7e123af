"""Trusted devices over PAM: ssh and sshd with the hook and the daemon, sudo, and whose code is spared when."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.daemon.mailbox import QUICK, code, edit, in_directory
from tests.daemon.mails import by_file
from tests.daemon.server import Server, User, wait_for
from tests.pam.check_host import PASSWORDS, CheckHost, make
from tests.pam.host import NEEDS_HOOK, Host
from tests.pam.programs import Machine, Terminal
from tests.pam.sshd import Sshd
from tests.pam.test_sshd import ASKS_AGAIN, ASKS_BOTH, ASKS_CODE, AT_ONCE, failures, reasons

pytestmark = [
    pytest.mark.needs("/usr/sbin/sshd", package="openssh-server"),
    pytest.mark.needs("ssh", package="openssh-client"),
    pytest.mark.needs("sudo", package="sudo"),
    pytest.mark.needs("/etc/pam.d/login", package="login"),
    pytest.mark.needs("perl", package="perl"),
    *NEEDS_HOOK,
    pytest.mark.needs_root,
]
HINT = "(add + to trust this device for 7 days)"
ASKS_PASSWORD = ("Password: ",)
ASKS_TRUST = ("Password: ", f"Code from your authenticator app {HINT}: ")
TRUST = "sshd-trust"
"""The service that trusts keys; it lets in without one too, after password and code."""
NO_KEY = "PubkeyAuthentication=no"
DAY = 86400
STATION = "192.0.2.7"
BY_KEY = "{trusted_devices: ssh-key}"
BY_STATION = "{trusted_devices: calling-station}"
# The daemon on another machine, as far as it knows.
ELSEWHERE = """
import ctypes, socket
assert ctypes.CDLL(None).unshare(0x04000000) == 0
socket.sethostname("elsewhere")
"""
NAMED_LIKE_AN_ADDRESS = f"""hostname {STATION} && exec "$@" """
NO_KEYS = {
    "nothing": "",
    "kerberos": "gssapi-with-mic alice@EXAMPLE.COM\n",
    "a round before": "keyboard-interactive/pam\n",
    "a host": 'hostbased ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 client user "alice", client host "192.0.2.7"\n',
}
"""What sshd says in SSH_AUTH_INFO_0 when it has proven no key of this user."""
FIDO = "publickey sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t signature count = %d\n"


def services(**changed: str) -> str:
    """What the daemon is told of the services of these tests."""
    given = {TRUST: BY_KEY, "sshd-trust-2": BY_KEY, "sshd-station": BY_STATION, "sudo": BY_STATION} | changed
    return f"pam: {{services: {{{', '.join(f'{name}: {what}' for name, what in given.items())}}}}}\n"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Not under pytest's own directory, which other users cannot enter."""
    with TemporaryDirectory(prefix="radius-mfa-") as name:
        made = Path(name)
        made.chmod(0o755)
        for part in ("sshd", "check", "sudo"):
            (made / part).mkdir()
        yield made


@pytest.fixture(scope="module")
def checked(folder: Path) -> Iterator[CheckHost]:
    """A host whose users the daemon asks for their passwords."""
    host = make(folder / "check")
    with host.checking():
        yield host


@pytest.fixture(scope="module")
def sshd(host: Host, folder: Path, checked: CheckHost) -> Iterator[Sshd]:
    """A host that asks a daemon."""
    backends = "[{type: local}, {type: pam, mail: '{user}@example.com'}]"
    rest = f"passwords: {{backends: {backends}, helper: {checked.socket}}}\n" + by_file(folder / "mails")
    server = Server(folder / "daemon", pam=folder / "pam.sock", more=services() + rest, hook=QUICK + AT_ONCE)
    try:
        server.start()
        yield Sshd(folder / "sshd", host, server)
    finally:
        assert server.close() == 0, server.log()


@contextmanager
def serving(server: Server, **changed: str) -> Iterator[None]:
    """A while in which services are configured in another way."""
    before = server.more
    server.more = before.replace(services(), services(**changed))
    server.reload()
    try:
        yield
    finally:
        server.more = before
        server.reload()


def trusting(sshd: Sshd, mail: str | None = None) -> User:
    """A user who has trusted the first key of sshd."""
    user = sshd.add_user(mail=mail)
    login = sshd.login(user.name, user.password, f"{user.code()}+", service=TRUST)
    assert (ASKS_TRUST, True) == (login.asked, login.entered), login.printed
    assert ("accept", "trusted") == reasons(sshd, user.name)[-1]
    return user


def is_spared(sshd: Sshd, user: User) -> bool:
    """Whether the password alone lets in, with the first key."""
    login = sshd.login(user.name, user.password, service=TRUST)
    assert login.asked in (ASKS_PASSWORD, ASKS_TRUST)
    assert login.entered == (login.asked == ASKS_PASSWORD), login.printed
    return login.entered


def command(server: Server, *words: str, given: str = "") -> str:
    """What a command of radius-mfa prints."""
    program = Path(sys.executable).with_name("radius-mfa")
    return subprocess.run(
        [program, "--config", server.config, *words], input=given, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def labels(server: Server, user: User) -> list[str]:
    """What the trusted devices of a user are called."""
    return [device["label"] for device in json.loads(command(server, "device", "list", user.name, "--json"))]


def test_a_trusted_key_spares_the_code(sshd: Sshd) -> None:
    """Password, code and plus; from then on the password is all that is asked for, and a wrong one opens nothing."""
    user = trusting(sshd)
    assert is_spared(sshd, user)
    assert is_spared(sshd, user)
    line = sshd.server.audit_of(user.name)[-1]
    assert ("accept", "device", "pam", TRUST) == tuple(line[key] for key in ("result", "method", "transport", "client"))
    guess = sshd.login(user.name, "wrong horse", service=TRUST)
    assert (ASKS_PASSWORD, False) == (guess.asked, guess.entered)


def test_a_trusted_key_is_called_by_its_fingerprint(sshd: Sshd) -> None:
    """`device list` and the mail to its owner name it as ssh-keygen does."""
    user = trusting(sshd, mail="owner@example.com")
    key = sshd.folder / "user_key.pub"
    said = subprocess.run(["ssh-keygen", "-l", "-f", key], check=True, text=True, stdout=subprocess.PIPE).stdout
    fingerprint = said.split()[1]
    assert [fingerprint] == labels(sshd.server, user)
    sent = sshd.server.directory.parent / "mails"
    notice = wait_for(lambda: [mail for mail in in_directory(sent) if mail.to == "owner@example.com"], "the notice")[0]
    assert fingerprint in notice.text


def test_without_a_wish_nothing_is_trusted(sshd: Sshd) -> None:
    """A code without the plus lets in once."""
    user = sshd.add_user()
    assert sshd.login(user.name, user.password, user.code(), service=TRUST).entered
    assert not is_spared(sshd, user)


def test_trust_is_bound_to_the_key(sshd: Sshd) -> None:
    """The same user with another key, or with none: asked."""
    user = trusting(sshd)
    other = sshd.login(user.name, user.password, service=TRUST, options=[sshd.other_key])
    assert (ASKS_TRUST, False) == (other.asked, other.entered)
    none = sshd.login(user.name, user.password, service=TRUST, options=[NO_KEY])
    assert (ASKS_BOTH, False) == (none.asked, none.entered)
    assert is_spared(sshd, user)


def test_trust_is_bound_to_account_and_service(sshd: Sshd) -> None:
    """The same key of another user, or at another service that trusts keys: asked."""
    user, other = trusting(sshd), sshd.add_user()
    assert not is_spared(sshd, other)
    login = sshd.login(user.name, user.password, service="sshd-trust-2")
    assert (ASKS_TRUST, False) == (login.asked, login.entered)


def test_trust_is_bound_to_the_host(sshd: Sshd) -> None:
    """The daemon, with the same store, on a host of another name: asked; back on the first: not."""
    user, server = trusting(sshd), sshd.server
    hook = server.hook
    server.hook = hook + ELSEWHERE
    server.restart()
    try:
        assert not is_spared(sshd, user)
    finally:
        server.hook = hook
        server.restart()
    assert is_spared(sshd, user)


def test_without_a_key_there_is_nothing_to_trust(sshd: Sshd) -> None:
    """Keyboard-interactive alone: the prompt offers nothing, and a plus lets in once without making trust."""
    user = sshd.add_user()
    login = sshd.login(user.name, user.password, f"{user.code()}+", service=TRUST, options=[NO_KEY])
    assert (ASKS_BOTH, True) == (login.asked, login.entered), login.printed
    assert ("accept", "ok") == reasons(sshd, user.name)[-1]
    assert [] == labels(sshd.server, user)
    again = sshd.login(user.name, user.password, service=TRUST, options=[NO_KEY])
    assert (ASKS_BOTH, False) == (again.asked, again.entered)


def test_a_revoked_key_is_asked(sshd: Sshd) -> None:
    """After `device revoke`: asked, and nothing is in the list."""
    user = trusting(sshd)
    assert f"{user.name}: 1 device revoked\n" == command(sshd.server, "device", "revoke", user.name)
    assert [] == labels(sshd.server, user)
    assert not is_spared(sshd, user)


def test_a_new_password_ends_trust(sshd: Sshd) -> None:
    """After `user password` with the new password: asked; with the password set back: asked as well."""
    user = trusting(sshd)
    for password in ("battery staple", user.password):
        command(sshd.server, "user", "password", user.name, "--password-stdin", given=f"{password}\n")
        login = sshd.login(user.name, password, service=TRUST)
        assert (ASKS_TRUST, False) == (login.asked, login.entered)


def test_trust_lasts_seven_days(sshd: Sshd) -> None:
    """In the last minute of the seventh day: spared, which lengthens nothing; a minute later: asked."""
    user = trusting(sshd)
    older = "UPDATE device SET created = created - ?, last_used = last_used - ?, expires = expires - ?"
    edit(sshd.server, older, *[7 * DAY - 60] * 3)
    assert is_spared(sshd, user)
    edit(sshd.server, older, *[60] * 3)
    assert not is_spared(sshd, user)


@pytest.mark.parametrize(
    ("how", "asked"), [("{}", ASKS_BOTH), ("{password: no}", (ASKS_CODE,))], ids=["off", "no round"]
)
def test_a_service_that_trusts_no_more_asks(sshd: Sshd, how: str, asked: tuple[str, ...]) -> None:
    """The setting is taken away, or the service checks no password any more: the trusted key is asked for its code."""
    user = trusting(sshd)
    with serving(sshd.server, **{TRUST: how}):
        login = sshd.login(user.name, *[user.password] * (len(asked) - 1), service=TRUST)
        assert (asked, False) == (login.asked, login.entered)
    assert is_spared(sshd, user)


def test_without_the_setting_a_plus_is_no_part_of_a_code(sshd: Sshd) -> None:
    """The prompt says nothing of it, the answer is no code and not counted, and the code behind it is still good."""
    user = sshd.add_user()
    right = user.code()
    login = sshd.login(user.name, user.password, f"{right}+", right)
    assert ((*ASKS_BOTH, ASKS_AGAIN), True) == (login.asked, login.entered)
    assert ("reject", "not-a-code") in reasons(sshd, user.name)
    assert [] == labels(sshd.server, user)
    assert failures(sshd, user) == 0


def test_another_password_of_a_host_user_ends_trust(sshd: Sshd, checked: CheckHost) -> None:
    """Nobody tells the daemon of a new password in /etc/shadow: the first login with it is asked, and all after it."""
    sshd.add_account("alice")
    sent = sshd.server.directory.parent / "mails"

    def first() -> str:
        to = "alice@example.com"
        mails = wait_for(lambda: [mail for mail in in_directory(sent) if mail.invites and mail.to == to], "the mail")
        return f"{code(mails[0].key)}+"

    old, new = PASSWORDS["alice"].decode(), PASSWORDS["system"].decode()
    enrolled = sshd.login("alice", old, first, service=TRUST)
    assert enrolled.entered, enrolled.printed
    assert HINT in enrolled.asked[1]
    spared = sshd.login("alice", old, service=TRUST)
    assert (ASKS_PASSWORD, True) == (spared.asked, spared.entered)
    shadow = checked.folder / "shadow"
    before = shadow.read_text()
    hashes = dict(line.split(":")[:2] for line in before.splitlines())
    for password, lines in ((new, before.replace(hashes["alice"], hashes["system"])), (old, before)):
        shadow.write_text(lines)
        login = sshd.login("alice", password, service=TRUST)
        assert (ASKS_TRUST, False) == (login.asked, login.entered)


@pytest.mark.parametrize("shown", NO_KEYS.values(), ids=NO_KEYS)
def test_what_is_no_public_key_is_not_trusted(sshd: Sshd, host: Host, shown: str) -> None:
    """What else sshd has checked before belongs to more than one device: nothing is offered, and nothing trusted."""
    user = sshd.add_user()
    host.stack(host.hook(socket=sshd.server.pam), service=TRUST)
    said = host.login(
        user.password, f"{user.code()}+", user=user.name, service=TRUST, options=["-k", shown], timeout=20
    )
    assert ("success", False) == (said.result, any(HINT.encode() in line for line in said.shown))
    assert [] == labels(sshd.server, user)


def test_a_key_that_counts_its_signatures_is_one_key(sshd: Sshd, host: Host) -> None:
    """sshd tells the counter of a FIDO key too, another one in each login: spared all the same."""
    user = sshd.add_user()
    host.stack(host.hook(socket=sshd.server.pam), service=TRUST)
    for count, answers in enumerate(([user.password, f"{user.code()}+"], [user.password], [user.password])):
        said = host.login(*answers, user=user.name, service=TRUST, options=["-k", FIDO % count], timeout=20)
        assert ("success", len(answers)) == (said.result, sum(b"hidden" in line for line in said.shown))
    (label,) = labels(sshd.server, user)
    assert label.startswith("SHA256:")


def test_loopback_is_never_trusted(sshd: Sshd) -> None:
    """Where addresses are trusted, ssh from the host itself: nothing is offered, and a plus makes no trust."""
    user = sshd.add_user()
    login = sshd.login(user.name, user.password, f"{user.code()}+", service="sshd-station")
    assert (ASKS_BOTH, True) == (login.asked, login.entered), login.printed
    again = sshd.login(user.name, user.password, service="sshd-station")
    assert (ASKS_BOTH, False) == (again.asked, again.entered)


@pytest.mark.parametrize(("service", "trusted"), [("sshd-station", True), ("sudo", False)])
def test_an_address_is_trusted_where_no_rights_are_raised(sshd: Sshd, host: Host, service: str, trusted: bool) -> None:
    """With the same setting and PAM_RHOST: spared at a login, asked at sudo."""
    user = sshd.add_user()
    host.stack(host.hook(socket=sshd.server.pam), service=service)
    for answers in ([user.password, f"{user.code()}+"], [user.password]):
        said = host.login(*answers, user=user.name, service=service, options=["-r", STATION], timeout=20)
    assert trusted == (said.result == "success")
    assert trusted == bool(labels(sshd.server, user))


def test_sudo_is_never_trusted(sshd: Sshd, host: Host, folder: Path) -> None:
    """The setting is there and sudo tells an address: no plus is offered, and the code is asked for again."""
    machine = Machine(host, folder / "sudo", sshd.server)
    sudoers = machine.etc / "sudoers"
    sudoers.write_text(f"Defaults pam_rhost\n{sudoers.read_text()}")
    machine.stack("sudo", machine.hook(), "account required pam_unix.so", "session required pam_permit.so")
    user = machine.add("admin")
    run = machine.command("sudo", machine.etc / "shell", user=user.name)
    for answer in (f"{user.code()}+", user.code(1)):
        terminal = Terminal(["unshare", "--uts", "sh", "-c", NAMED_LIKE_AN_ADDRESS, "sh", *run])
        terminal.answer("assword", user.password)
        terminal.answer(ASKS_CODE, answer)
        assert 0 == terminal.end()
        terminal.close()
    assert [STATION] * 4 == [line["source"] for line in sshd.server.audit_of(user.name)]
    assert [] == labels(sshd.server, user)
