"""ssh and sshd with the hook and the daemon: what people type, who gets in, and what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from radius_mfa.store import accounts
from tests.daemon.mailbox import QUICK, Mail, code, in_directory, tokens_of
from tests.daemon.mails import by_file
from tests.daemon.server import Server, User, wait_for
from tests.pam.host import NEEDS_HOOK, Host
from tests.pam.sshd import SAME_HASH, SERVICES, UNSIGNED, Sshd

pytestmark = [
    pytest.mark.needs("/usr/sbin/sshd", package="openssh-server"),
    pytest.mark.needs("ssh", package="openssh-client"),
    pytest.mark.needs("/lib/*/security/pam_radius_auth.so", package="libpam-radius-auth"),
    *NEEDS_HOOK,
    pytest.mark.needs_root,
]
# Else each denial would take two seconds.
AT_ONCE = """
from radius_mfa.transport.pam_door import PamDoor
PamDoor.__init__.__kwdefaults__["fail_delay"] = 0.0
"""
ASKS_CODE = "Code from your authenticator app: "
ASKS_AGAIN = "Not accepted. Code from your authenticator app: "
ASKS_BOTH = ("Password: ", ASKS_CODE)
RECOVERY = "ABCDEFGHIJKLMNOP"
TYPED = "ABCD-EFGH-IJKL-MNOP"
CLIENTS = f"""- {{shortname: test, ipaddr: 127.0.0.1, secret: SECRET}}
- {{shortname: old, ipaddr: {UNSIGNED}, secret: SECRET, require_message_authenticator: no}}
"""
DEVICES = f"KbdInteractiveDevices={','.join(['pam'] * 10_000)}"
MANY = "NumberOfPasswordPrompts=10"
EXPIRED = "19000:::::1:"
TO_BE_CHANGED = "0::::::"


@pytest.fixture(scope="module")
def sshd(host: Host) -> Iterator[Sshd]:
    """A host that asks a daemon. Not under pytest's own directory, which other users cannot enter."""
    with TemporaryDirectory(prefix="radius-mfa-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "sshd").mkdir()
        names = "accounts: {case: fold, realms: [example.com]}\n"
        more = SERVICES + names + by_file(folder / "mails")
        server = Server(folder / "daemon", clients=CLIENTS, pam=folder / "pam.sock", more=more, hook=QUICK + AT_ONCE)
        try:
            server.start()
            yield Sshd(folder / "sshd", host, server)
        finally:
            assert server.close() == 0, server.log()


def wrong(user: User) -> str:
    """A code that was none of this user's for a day, and will be none soon."""
    near = {user.code(steps) for steps in range(-3000, 100)}
    return next(text for text in ("000000", "111111", "222222") if text not in near)


def failures(sshd: Sshd, user: User) -> int:
    return accounts.get(sshd.server.database, user.name).failures


def reasons(sshd: Sshd, name: str) -> list[tuple[str, str]]:
    """Result and reason of each round of an account."""
    return [(line["result"], line["reason"]) for line in sshd.server.audit_of(name)]


def test_password_then_code(sshd: Sshd) -> None:
    """Two questions and two right answers: in, and the audit says by which door, service and address."""
    user = sshd.add_user()
    login = sshd.login(user.name, user.password, user.code())
    assert (ASKS_BOTH, True) == (login.asked, login.entered), login.printed
    line = sshd.server.audit_of(user.name)[-1]
    assert ("pam", "sshd", "127.0.0.1") == (line["transport"], line["client"], line["source"])
    assert ("accept", "ok", "totp") == (line["result"], line["reason"], line["method"])


def test_a_wrong_password_leads_to_the_same_question_again(sshd: Sshd) -> None:
    """A wrong password: no question for a code, and the right code after it opens nothing."""
    user = sshd.add_user()
    login = sshd.login(user.name, "wrong horse", user.code(), options=["NumberOfPasswordPrompts=2"])
    assert (("Password: ", "Password: "), False) == (login.asked, login.entered)
    assert failures(sshd, user) == 0


def test_code_after_a_public_key(sshd: Sshd) -> None:
    """After the key the code is all that is asked for, and it lets in."""
    user = sshd.add_user()
    login = sshd.login(user.name, user.code(), service="sshd-key")
    assert ((ASKS_CODE,), True) == (login.asked, login.entered), login.printed
    assert sshd.server.audit_of(user.name)[-1]["client"] == "sshd-key"


def test_a_public_key_alone_is_not_enough(sshd: Sshd) -> None:
    """After the key a wrong code: denied, and counted."""
    user = sshd.add_user()
    login = sshd.login(user.name, *[wrong(user)] * 3, service="sshd-key")
    assert ((ASKS_CODE, ASKS_AGAIN, ASKS_AGAIN), False) == (login.asked, login.entered)
    assert failures(sshd, user) == 3


def test_without_the_public_key_no_code_is_asked_for(sshd: Sshd) -> None:
    """Without the key, sshd does not even ask the daemon."""
    user = sshd.add_user()
    login = sshd.login(user.name, user.code(), service="sshd-key", options=["PubkeyAuthentication=no"])
    assert ((), False) == (login.asked, login.entered)
    assert reasons(sshd, user.name) == []


def test_a_recovery_code_works_once(sshd: Sshd) -> None:
    """A recovery code in place of the code: in; the second time not, and that is no wrong code."""
    user = sshd.add_user(recovery=[RECOVERY])
    first = sshd.login(user.name, user.password, TYPED)
    again = sshd.login(user.name, user.password, TYPED)
    assert (ASKS_BOTH, True) == (first.asked, first.entered), first.printed
    assert ((*ASKS_BOTH, ASKS_AGAIN), False) == (again.asked, again.entered)
    assert failures(sshd, user) == 0


def test_first_login_enrols(sshd: Sshd) -> None:
    """No authenticator yet: the mail brings the key, its first code lets in, and the next login is like any other."""
    user = sshd.add_user("newcomer", token=False, mail="newcomer@example.com")
    sent = sshd.server.directory.parent / "mails"

    def invitations() -> list[Mail]:
        return [mail for mail in in_directory(sent) if mail.invites and mail.to == "newcomer@example.com"]

    first = sshd.login(user.name, user.password, lambda: code(wait_for(invitations, "the mail")[0].key))
    assert first.entered, first.printed
    assert first.asked[0] == "Password: "
    assert first.asked[1].startswith("A mail to n***@example.com shows how")
    (mail,) = invitations()
    known = User(user.id, user.name, user.password, mail.key, ())
    later = sshd.login(user.name, user.password, known.code(1))
    assert (ASKS_BOTH, True) == (later.asked, later.entered), later.printed
    assert [status for _, status, _ in tokens_of(sshd.server, user.name)] == ["active"]


def test_three_wrong_codes_end_it(sshd: Sshd) -> None:
    """One conversation, three questions for a code; then sshd takes nothing more, not even the right answers."""
    user = sshd.add_user()
    login = sshd.login(user.name, user.password, *[wrong(user)] * 3, user.password, user.code(), options=[MANY])
    assert ((*ASKS_BOTH, ASKS_AGAIN, ASKS_AGAIN), False) == (login.asked, login.entered)
    assert f"exhausted maximum number of retries for service for {user.name}" in sshd.log()
    assert reasons(sshd, user.name) == [("challenge", "ok"), *[("reject", "wrong-code")] * 3]
    assert failures(sshd, user) == 3


def test_a_code_used_over_radius_is_used_up(sshd: Sshd) -> None:
    """What has just been accepted over RADIUS is refused over ssh."""
    user, client = sshd.add_user(), sshd.server.client()
    used = user.code()
    state = client.ask(client.request(user.name, user.password)).state
    assert client.ask(client.request(user.name, used, state=state)).result == "accept"
    login = sshd.login(user.name, user.password, used)
    assert ((*ASKS_BOTH, ASKS_AGAIN), False) == (login.asked, login.entered)
    assert failures(sshd, user) == 0


def test_a_code_used_over_ssh_is_used_up(sshd: Sshd) -> None:
    """What has just been accepted over ssh is refused over RADIUS."""
    user, client = sshd.add_user(), sshd.server.client()
    used = user.code()
    assert sshd.login(user.name, user.password, used).entered
    state = client.ask(client.request(user.name, user.password)).state
    assert client.ask(client.request(user.name, used, state=state)).result == "reject"
    assert failures(sshd, user) == 0


@pytest.mark.parametrize(
    ("behind", "round_"), [("", ("challenge", "ok")), ("the code", ("reject", "wrong-password"))], ids=["alone", "code"]
)
def test_password_authentication_cannot_show_a_question(sshd: Sshd, behind: str, round_: tuple[str, str]) -> None:
    """PasswordAuthentication has one answer to all questions: denied, with a code behind it too; none is counted."""
    user = sshd.add_user()
    given = user.password + (user.code() if behind else "")
    login = sshd.login(user.name, given, service="sshd-password", options=["PreferredAuthentications=password"])
    assert (("password: ",), False) == (login.asked, login.entered)
    assert reasons(sshd, user.name) == [round_]
    assert failures(sshd, user) == 0


def test_many_devices_are_no_more_tries(sshd: Sshd) -> None:
    """10,000 keyboard-interactive devices: still three questions a connection, and every wrong code is counted once."""
    user = sshd.add_user()
    first = sshd.login(user.name, user.password, *[wrong(user)] * 30, options=[DEVICES, MANY], tries=100)
    assert ((*ASKS_BOTH, ASKS_AGAIN, ASKS_AGAIN), False) == (first.asked, first.entered)
    assert failures(sshd, user) == 3
    sshd.login(user.name, user.password, wrong(user), options=[DEVICES, MANY], tries=100)  # and hangs up
    assert failures(sshd, user) == 4


def test_many_devices_are_no_more_passwords(sshd: Sshd) -> None:
    """10,000 keyboard-interactive devices: one question for the password in each try of the connection."""
    user = sshd.add_user()
    login = sshd.login(user.name, *["wrong horse"] * 30, options=[DEVICES, "NumberOfPasswordPrompts=3"], tries=100)
    assert (("Password: ",) * 3, False) == (login.asked, login.entered)
    assert len(reasons(sshd, user.name)) == 3


def test_another_spelling_is_another_linux_user(sshd: Sshd) -> None:
    """ALICE and alice@example.com, who are one with alice over RADIUS, are others here: denied, and alice gets in."""
    alice, client = sshd.add_user("alice"), sshd.server.client()
    right = alice.code()
    for name in ("ALICE", "alice@example.com"):
        sshd.add_account(name)
        assert client.ask(client.request(name, alice.password)).result == "challenge"
        for service, answers in (("sshd", (alice.password, right)), ("sshd-key", (right,))):
            assert not sshd.login(name, *answers, service=service).entered
    assert failures(sshd, alice) == 0
    assert sshd.login("alice", alice.password, right).entered


def test_without_the_daemon_nobody_gets_in(sshd: Sshd) -> None:
    """The daemon is stopped: denied without a question, after a key too; it is back: in."""
    user = sshd.add_user()
    assert sshd.server.stop() == 0
    try:
        with_password = sshd.login(user.name, user.password, user.code())
        with_key = sshd.login(user.name, user.code(), service="sshd-key")
    finally:
        sshd.server.start()
    for login in (with_password, with_key):
        assert ((), False) == (login.asked, login.entered)
    assert sshd.login(user.name, user.password, user.code()).entered


@pytest.mark.parametrize("aging", [EXPIRED, TO_BE_CHANGED])
def test_an_expired_account_is_denied(sshd: Sshd, aging: str) -> None:
    """Both factors are right, the daemon says so, and /etc/shadow does not: denied."""
    user = sshd.add_user(aging=aging)
    login = sshd.login(user.name, user.password, user.code())
    assert (ASKS_BOTH, False) == (login.asked, login.entered)
    assert reasons(sshd, user.name)[-1] == ("accept", "ok")


def test_an_expired_account_is_denied_after_its_key(sshd: Sshd) -> None:
    """Key and code are right, and the account has expired: denied."""
    user = sshd.add_user(aging=EXPIRED)
    assert not sshd.login(user.name, user.code(), service="sshd-key").entered


def test_nobody_gets_in_while_the_host_is_closed(sshd: Sshd) -> None:
    """Both factors are right, and /etc/nologin is there: denied."""
    user = sshd.add_user()
    sshd.nologin.touch()
    try:
        assert not sshd.login(user.name, user.password, user.code()).entered
    finally:
        sshd.nologin.unlink()
    assert sshd.login(user.name, user.password, user.code(1)).entered


def test_a_locked_password_leads_to_no_code(sshd: Sshd) -> None:
    """Where the stack checks the password, one that is locked is wrong: no code is asked for, and none is counted."""
    user, other = sshd.add_user(hashed=f"!{SAME_HASH}"), sshd.add_user()
    locked = sshd.login(user.name, user.password, user.code(), service="sshd-unix")
    assert (("Password: ",), False) == (locked.asked, locked.entered)
    assert reasons(sshd, user.name) == []
    assert sshd.login(other.name, other.password, other.code(), service="sshd-unix").entered


def test_pam_radius_auth_asks_the_radius_port(sshd: Sshd) -> None:
    """A host without the hook: password and code over RADIUS, and a code of the hook is used there too."""
    user = sshd.add_user()
    login = sshd.login(user.name, user.password, user.code(-1), service="sshd-radius")
    assert (ASKS_BOTH, True) == (login.asked, login.entered), login.printed
    line = sshd.server.audit_of(user.name)[-1]
    assert ("radius", "old", "accept") == (line["transport"], line["client"], line["result"])
    assert sshd.login(user.name, user.password, user.code()).entered
    again = sshd.login(user.name, user.password, user.code(), service="sshd-radius")
    assert (False, ("reject", "stale-code")) == (again.entered, reasons(sshd, user.name)[-1])
