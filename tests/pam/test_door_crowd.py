"""A hundred logins at once through the hook and the real daemon, and what a login costs the host."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyotp
import pytest

from radius_mfa.store import tokens
from tests.daemon.mailbox import newcomers
from tests.daemon.server import PASSWORD, Server, User
from tests.pam.host import HELLO, NEEDS_HOOK, SUCCESS, Host, Said

pytestmark = [
    pytest.mark.needs_root,
    *NEEDS_HOOK,
]
MANY = 100
ASK_AGAIN = b"hidden Not accepted. Code from your authenticator app: "


@pytest.fixture
def server(host: Host) -> Iterator[Server]:
    """A daemon behind the hook; it has to have gone in peace in the end."""
    with TemporaryDirectory(prefix="radius-mfa-") as folder:
        made = Server(Path(folder) / "daemon", pam=Path(folder) / "pam.sock")
        host.stack(host.hook(socket=made.pam))
        made.start()
        try:
            yield made
        finally:
            status = made.close()
        assert status == 0, made.log()
        assert "Traceback" not in made.log(), made.log()


def people(server: Server, number: int) -> list[User]:
    """So many users with an authenticator, whose passwords cost next to nothing."""
    users = [replace(user, totp_secret_base32=pyotp.random_base32()) for user in newcomers(server, number)]
    for user in users:
        new = tokens.NewToken(user.totp.byte_secret())
        pending = tokens.enroll(server.database, user.name, new, expires=time.time() + 3600)
        tokens.confirm(server.database, user.name, pending, step=0, drift=0)
    return users


def log_in_at_once(host: Host, logins: Sequence[tuple[User, str]]) -> list[Said]:
    """All of them with these codes, each in a process of its own."""
    with ThreadPoolExecutor(len(logins)) as pool:
        return list(pool.map(lambda one: host.login(PASSWORD, one[1], user=one[0].name, timeout=60), logins))


def test_many_users_log_in_at_once(host: Host, server: Server) -> None:
    """Each with a password and a code, and all of them get in."""
    users = people(server, MANY)
    said = log_in_at_once(host, [(user, user.code()) for user in users])
    assert {"success": MANY} == Counter(one.result for one in said)
    accepted = [line["account"] for line in server.audit_lines() if line["result"] == "accept"]
    assert {user.name for user in users} == set(accepted)
    assert MANY == len(accepted)


def test_one_code_lets_in_once(host: Host, server: Server) -> None:
    """The same user with the same code from many terminals at once: one gets in, all others are asked again."""
    (user,) = people(server, 1)
    said = log_in_at_once(host, [(user, user.code())] * MANY)
    assert {"success": 1, "auth_err": MANY - 1} == Counter(one.result for one in said)
    assert MANY - 1 == sum(one.shown[-1] == ASK_AGAIN for one in said)
    assert 1 == [line["result"] for line in server.audit_of(user.name)].count("accept")


def cost(host: Host, service: str) -> tuple[float, float]:
    """Milliseconds of user and of system time that MANY logins take, those of the PAM application alone."""
    user = system = 0.0
    for _ in range(MANY):
        command = host.command(PASSWORD, "123456", service=service)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert 0 == process.returncode
        user, system = user + used.ru_utime * 1000, system + used.ru_stime * 1000
    return user, system


@pytest.mark.bench
def test_what_a_login_costs(host: Host) -> None:
    """Figures: the application with the hook and a daemon that answers at once, beside one with pam_permit."""
    host.stack(host.hook(), service="hook")
    host.stack("auth required pam_permit.so", service="permit")
    turns = [HELLO + b"PROMPT\tpassword\tPassword: \n", b"PROMPT\thidden\tCode: \n", SUCCESS]
    with host.daemon(*turns) as daemon:
        costs = {service: cost(host, service) for service in ("permit", "hook")}
    assert MANY == len(daemon.heard)
    print(f"\nCPU of {MANY} logins in ms {'user':>8} {'system':>8} {'one login':>10}")
    for service, (user, system) in costs.items():
        print(f"{service:24} {user:8.1f} {system:8.1f} {(user + system) / MANY:10.3f}")
