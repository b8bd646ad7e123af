"""Tokens of other programs, imported while the server runs, log in with the codes that oathtool shows."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from radius_mfa.auth.model import Algorithm
from radius_mfa.store import codes, tokens
from tests.cli.script import run as shell
from tests.daemon.other_tokens import google_authenticator, liboath_takes, login, new_key, oathtool, token_import
from tests.daemon.server import PASSWORD, Server

pytestmark = [pytest.mark.needs("oathtool", package="oathtool")]
google = pytest.mark.needs("google-authenticator", package="libpam-google-authenticator")


def enter(server: Server, name: str, code: str) -> str:
    """What comes of a login of a user of the tests."""
    return login(server.client(), name, PASSWORD, code)


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("digits", [6, 8])
def test_every_kind_of_time_token_logs_in(common: Server, tmp_path: Path, algorithm: Algorithm, digits: int) -> None:
    """otpauth URIs of SHA-1, SHA-256 and SHA-512, 6 and 8 digits and every period: in, and the same code once only."""
    file, users = tmp_path / "uris", {}
    for period in (15, 30, 60, 120):
        user = common.add_user(token=False)
        users[period] = user.name, new_key()[0]
        with file.open("a") as uris:
            facts = f"algorithm={algorithm.upper()}&digits={digits}&period={period}"
            uris.write(f"otpauth://totp/Old%20PBX:{user.name}?secret={users[period][1]}&issuer=Old%20PBX&{facts}\n")
    assert "4 authenticators imported\n" == token_import(common, file).stdout
    for period, (name, key) in users.items():
        shown = oathtool(key, f"--totp={algorithm.value}", f"--digits={digits}", f"--time-step-size={period}s")
        assert ["accept", "reject"] == [enter(common, name, shown), enter(common, name, shown)]


@google
def test_google_authenticator_goes_on_with_its_scratch_codes(common: Server, tmp_path: Path) -> None:
    """The file of a new user of pam_google_authenticator: its code logs in, and each scratch code, once."""
    options = ("--time-based", "--disallow-reuse", "--rate-limit=3", "--rate-time=30", "--window-size=3")
    secret, *rest = google_authenticator(tmp_path / "file", *options)
    scratch = [line for line in rest if line.isdecimal()]
    assert 5 == len(scratch)
    alice = common.add_user(token=False)
    imported = token_import(common, tmp_path / "file", "--account", alice.name)
    assert "1 authenticator imported\n" == imported.stdout
    assert f"{alice.name}: 5 scratch codes of 8 digits, weaker than recovery codes" in imported.stderr
    assert not any(secret_of_theirs in imported.stderr for secret_of_theirs in (secret, *scratch))
    assert "accept" == enter(common, alice.name, oathtool(secret, "--totp"))
    assert ["accept", "reject"] == [enter(common, alice.name, scratch[0]), enter(common, alice.name, scratch[0])]
    assert 4 == codes.count(common.database, alice.name)


@google
def test_google_authenticator_by_the_counter(common: Server, tmp_path: Path) -> None:
    """Its counter token goes on with the counter of the file; the code before that one is refused."""
    secret, *rest = google_authenticator(tmp_path / "file", "--counter-based", "--no-rate-limit", "--minimal-window")
    assert '" HOTP_COUNTER 1' in rest
    alice = common.add_user(token=False)
    assert 0 == token_import(common, tmp_path / "file", "--account", alice.name).status
    before, following = (oathtool(secret, "--hotp", f"--counter={counter}") for counter in (0, 1))
    assert ["reject", "accept"] == [enter(common, alice.name, before), enter(common, alice.name, following)]


def test_an_oath_users_file_goes_on_where_it_was(common: Server, tmp_path: Path) -> None:
    """What liboath has taken is refused by us; the code that follows logs in, and a time token with its next code."""
    file, (key, octets), (time_key, time_octets) = tmp_path / "users.oath", new_key(), new_key()
    counter, clock = common.add_user(token=False).name, common.add_user(token=False).name
    file.write_text(f"# users\nHOTP {counter} - {octets}\nHOTP/T30/8 {clock} - {time_octets}\n")
    taken = oathtool(key, "--hotp", "--counter=3")
    assert liboath_takes(file, counter, taken)
    assert "2 authenticators imported\n" == token_import(common, file).stdout
    assert ["reject", "accept"] == [
        enter(common, counter, taken),
        enter(common, counter, oathtool(key, "--hotp", "--counter=4")),
    ]
    assert "accept" == enter(common, clock, oathtool(time_key, "--totp", "--digits=8"))


def test_freeradius_users_go_on(common: Server, tmp_path: Path) -> None:
    """The secrets of rlm_totp log in; the passwords beside them are neither taken nor shown."""
    first, second = common.add_user(token=False).name, common.add_user(token=False).name
    file, (key, _), (other, octets) = tmp_path / "users", new_key(), new_key()
    file.write_text(
        f'{first}\tCleartext-Password := "their-password", TOTP-Secret := "{key}"\n\tReply-Message := "hello"\n'
        f"{second}\tTOTP-Key := 0x{octets}\n"
    )
    assert "2 authenticators imported\n" == token_import(common, file).stdout
    shown = token_import(common, file, "--dry-run")
    assert "their-password" not in shown.stdout + shown.stderr
    assert "accept" == enter(common, first, oathtool(key, "--totp"))
    client = common.client()
    assert "reject" == client.ask(client.request(first, "their-password")).result
    assert "accept" == enter(common, second, oathtool(other, "--totp"))


def test_old_and_new_phone_log_in_until_the_old_one_is_disabled(common: Server) -> None:
    """An admin enrols a second authenticator beside the first: both are taken, and then only the new one."""
    alice = common.add_user()
    key, octets = new_key()
    made = tokens.enroll(common.database, alice.name, tokens.NewToken(bytes.fromhex(octets)), expires=2.0**40)
    assert "accept" == enter(common, alice.name, oathtool(key, "--totp"))  # the first code makes it active
    assert "accept" == enter(common, alice.name, alice.code())
    old = next(row.id for row in tokens.all_tokens(common.database, alice.name) if row.id != made)
    tokens.disable(common.database, alice.name, old)
    following = oathtool(key, "--totp", "--now=30 seconds")
    assert ["reject", "accept"] == [enter(common, alice.name, code) for code in (alice.code(1), following)]


def test_a_clock_that_is_far_off_is_brought_into_step(common: Server) -> None:
    """A phone that is five minutes ahead is refused, and let in with its next code after `token resync`."""
    alice, now = common.add_user(), int(time.time())
    first, second, third = (alice.totp.at(now + 300 + 30 * step) for step in range(3))
    assert "reject" == enter(common, alice.name, first)
    done = shell(f"radius-mfa --config {common.config} token resync {alice.name} {first} {second}", common.directory)
    assert "is in step again, +" in done.stdout
    assert ["reject", "accept"] == [enter(common, alice.name, code) for code in (second, third)]
