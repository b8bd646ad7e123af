"""What shows a device: a token, a key that sshd has proven, an address; and what never does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from radius_mfa.auth.asks import Brought, Checked, CheckPassword, FindDevice
from radius_mfa.auth.model import Accept, Challenge, DeviceToken, Door, FirstFactor, Method
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from tests.unit.driving import NOW, PASSWORD, World, alice, code, totp
from tests.unit.trusting import (
    GEAR,
    HOST,
    KEY,
    PORTAL,
    SSHD,
    STATION,
    WEEK,
    WIRED,
    Login,
    by_device,
    is_asked,
    tagged,
)


@pytest.fixture
def world() -> World:
    return World(alice(totp()), rules=Rules(low=0))


STATIONS = [
    "", " ", "0.0.0.0", "::", "127.0.0.1", "::1", "224.0.0.1", "ff02::1", "240.0.0.1", "255.255.255.255", "pc-7",
    "pc-7.example.com", "192.0.2", "192.0.2.77:5060", "192.0.2.77 ", "192.0.2.077", "00-11-22-33-44-55",
    "::ffff:192.0.2.77", "fe80::1%eth0", "192.0.2.0/24", "\\xff", "1" * 253, "3232235777", "0x7f000001",
]  # fmt: skip


@pytest.mark.parametrize("station", STATIONS)
def test_what_is_no_literal_address_is_never_trusted(world: World, station: str) -> None:
    """The wish is not granted, the login is let in all the same, and no device is asked for."""
    verdict = Login(world, calling_station=station).code(code() + b"+")
    assert isinstance(verdict, Accept)
    assert (Reason.OK, []) == (verdict.reason, world.devices)
    assert 0 == world.count(FindDevice)


@pytest.mark.parametrize(
    "other",
    [
        {"calling_station": "192.0.2.78"},
        {"calling_station": "::ffff:192.0.2.77"},
        {"client": replace(WIRED, shortname="other")},
        {"name": b"bob"},
    ],
    ids=str,
)
def test_trust_does_not_cross(other: dict[str, Any]) -> None:
    """Another address, the same one in IPv6's clothes, another client or user behind the same address: asked."""
    bob = replace(alice(totp(id=2)), id=2, name="bob")
    world = World(alice(totp()), bob)
    login = Login(world)
    login.trust()
    shown: dict[str, Any] = {"client": WIRED, "calling_station": STATION} | other
    assert isinstance(Login(world, **shown).password(NOW + 60), Challenge)
    assert by_device(login.password(NOW + 60))


def test_one_address_written_in_two_ways_is_one(world: World) -> None:
    """IPv6 addresses are compared, not their spelling."""
    Login(world, calling_station="2001:DB8:0:0::1").trust()
    assert by_device(Login(world, calling_station="2001:db8::1").password(NOW + 60))


@pytest.mark.parametrize("service", ["sudo", "sudo-i", "su", "su-l"])
def test_no_address_raises_rights(service: str) -> None:
    """sudo and su never trust an address, and neither does root anywhere."""
    world = World(alice(totp()), replace(alice(totp(id=2)), id=2, name="root"))
    there = {**HOST, "service": service}
    assert Reason.OK is Login(world, replace(WIRED, shortname=service), **there).code(code() + b"+").reason
    assert Reason.OK is Login(world, **HOST, name=b"root").code(code() + b"+").reason
    assert [] == world.devices


def test_append_spares_the_code_on_a_trusted_device(world: World) -> None:
    """Password, code and plus; then the password alone, also one that ends like a code; the code is taken as ever."""
    login = Login(world, GEAR)
    assert Reason.TRUSTED is login.password(password=PASSWORD + code() + b"+").reason
    assert by_device(login.password(NOW + 60))
    assert Method.TOTP is getattr(login.password(NOW + 60, PASSWORD + code(NOW + 60)), "method", None)
    world.passwords[1] = b"hunter123456"
    assert by_device(login.password(NOW + 90, b"hunter123456"))
    assert (
        Reason.CODE_MISSING
        is Login(world, GEAR, calling_station="192.0.2.1").password(NOW + 90, b"hunter123456").reason
    )


def test_append_takes_a_plus_only_behind_digits_of_a_code(world: World) -> None:
    """A password that ends in a plus is the password."""
    world.passwords[1] = b"hunter+"
    login = Login(world, GEAR)
    assert Reason.TRUSTED is login.password(password=b"hunter+" + code() + b"+").reason
    assert by_device(login.password(NOW + 60, b"hunter+"))
    world.end_devices()
    assert Reason.CODE_MISSING is login.password(NOW + 90, b"hunter+").reason


@pytest.mark.parametrize("name", [b"alice", b"bob", b"nobody"])
def test_every_account_costs_append_the_same(name: bytes) -> None:
    """Whether a device lives here cannot be told from the number of hashes."""
    world = World(alice(totp()), replace(alice(totp(id=2)), id=2, name="bob"))
    Login(world, GEAR).password(password=PASSWORD + code() + b"+")
    world.asked.clear()
    Login(world, GEAR).password(NOW + 60, b"wrong123456", name=name)
    assert 2 == world.count(CheckPassword)


def test_a_front_end_gets_a_token_and_another_after_each_use(world: World) -> None:
    """The wish comes as an attribute; what the front end had before is worth nothing."""
    granted = Login(world, PORTAL, trust_wish=True).code(code())
    assert isinstance(granted, Accept)
    first = granted.device
    assert first is not None
    assert NOW + WEEK == first.expires
    used = Login(world, PORTAL, device_token=first.octets).password(NOW + 60)
    assert isinstance(used, Accept)
    second = used.device
    assert second is not None
    assert (Method.DEVICE, NOW + WEEK) == (used.method, second.expires)
    assert first.octets != second.octets
    assert is_asked(Login(world, PORTAL, device_token=first.octets).password(NOW + 90))
    assert by_device(Login(world, PORTAL, device_token=second.octets).password(NOW + 90))


def test_a_rotated_token_sent_again_in_the_same_datagram_gets_its_accept(world: World) -> None:
    """For thirty seconds, also when nothing but the store remembers the datagram."""
    granted = Login(world, PORTAL, trust_wish=True).code(code())
    assert isinstance(granted, Accept)
    assert isinstance(granted.device, DeviceToken)
    datagram = Login(world, PORTAL, device_token=granted.device.octets).request(PASSWORD, NOW + 60)
    assert by_device(world.login(datagram))
    again = world.login(replace(datagram, at=NOW + 89))
    assert isinstance(again, Accept)
    assert Reason.REPEATED is again.reason
    assert again.stored is not None
    assert is_asked(world.login(replace(datagram, at=NOW + 91)))


def test_what_is_not_signed_gets_no_token(world: World) -> None:
    """Where the Message-Authenticator is left out, somebody on the way may have asked: the login goes on without."""
    verdict = Login(world, PORTAL, signed=False, calling_station="").code(code() + b"+")
    assert isinstance(verdict, Accept)
    assert (None, []) == (verdict.device, world.devices)


def test_of_two_pages_with_one_token_one_is_asked(world: World) -> None:
    """Who is slower by a moment is no thief: the code is asked for, nothing is refused."""
    granted = Login(world, PORTAL, trust_wish=True).code(code())
    assert isinstance(granted, Accept)
    assert granted.device is not None
    login = Login(world, PORTAL, device_token=granted.device.octets)
    rotated = replace(world.devices[0].claim, mark=b"another")

    def faster() -> None:
        world.devices[0].claim = rotated

    world.meanwhile = faster
    assert is_asked(login.password(NOW + 60))


def test_a_key_that_sshd_proved_is_a_device(world: World) -> None:
    """The same key, account, service and host; another one of any of them is asked."""
    login = Login(world, SSHD, proven_key=KEY, **HOST)
    login.trust()
    assert by_device(login.password(NOW + 60))
    assert by_device(login.password(NOW + 60, rhost="192.0.2.1")), "a key travels with its owner"
    others: list[dict[str, Any]] = [
        {"proven_key": KEY + KEY},
        {"proven_key": ""},
        {"service": "cockpit"},
        {"host": "pbx2"},
        {"door": Door.RADIUS},
    ]
    for other in others:
        assert is_asked(login.password(NOW + 60, **other)), other


def test_where_the_stack_checked_the_password_nothing_is_trusted(world: World) -> None:
    """Trust needs a password that we have seen."""
    login = Login(world, SSHD, proven_key=KEY, **HOST)
    login.trust()
    assert is_asked(login.password(NOW + 60, first_factor=FirstFactor.PROVEN_BY_STACK))
    verdict = login.code(code(NOW + 90) + b"+", NOW + 90, first_factor=FirstFactor.PROVEN_BY_STACK)
    assert Reason.OK is verdict.reason


PRINT = "SHA256:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"
HOST_USER = Checked(passed=True, brought=Brought("bob", "pam", frozenset()))


def host_world() -> World:
    """bob, a user of the host; the backend says yes to his password."""
    world = World(replace(alice(totp(id=2)), id=2, name="bob", backend="pam"), rules=Rules(newcomers=True))
    world.host["bob"] = HOST_USER
    return world


def test_a_host_user_s_device_hangs_on_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another password, which nobody told us of, ends the device for good: the old one set back is asked too."""
    world = host_world()
    login = Login(world, SSHD, proven_key=KEY, **HOST, name=b"bob")
    login.trust()
    assert by_device(login.password(NOW + 60))
    monkeypatch.setattr("tests.unit.driving.PASSWORD", b"another one")
    asked = login.password(NOW + 90, b"another one")
    assert isinstance(asked, Challenge)
    assert (2, [], b"an") == (asked.account_id, world.devices, asked.tag)
    monkeypatch.undo()
    assert isinstance(login.password(NOW + 120), Challenge)


def test_a_host_user_s_wish_needs_the_tag_of_the_password() -> None:
    """A State without one, from before the client could trust, makes no device."""
    world = host_world()
    login = Login(world, SSHD, proven_key=KEY, **HOST, name=b"bob")
    asked = login.password()
    assert isinstance(asked, Challenge)
    untagged = replace(tagged(asked, NOW), tag=b"")
    verdict = world.login(login.request(code() + b"+", NOW, state=untagged))
    assert (Reason.OK, []) == (verdict.reason, world.devices)


@pytest.mark.parametrize(
    ("shown", "label"),
    [
        ("publickey ssh-ed25519 aGVsbG8=\n", PRINT),
        ("publickey sk-ssh-ed25519@openssh.com aGVsbG8= signature count = 7\n", PRINT),
        ("publickey ssh-ed25519 a\n", "ssh key"),
    ],
)
def test_a_key_is_called_by_its_fingerprint(world: World, shown: str, label: str) -> None:
    """As `ssh-keygen -l` shows it; a number of signatures behind it is no part of it."""
    world.change(mail="alice@example.com")
    world.rules = Rules(mails=True)
    Login(world, SSHD, proven_key=shown, **HOST).trust()
    ((_, mail),) = world.mails
    assert label == getattr(mail, "device", None)
    counted = shown.replace("count = 7", "count = 8")
    assert by_device(Login(world, SSHD, proven_key=counted, **HOST).password(NOW + 60))


@pytest.mark.parametrize("shown", ["gssapi-with-mic alice@EXAMPLE.COM\n", "hostbased alice host\n", "password\n", ""])
def test_what_other_methods_show_is_no_key(world: World, shown: str) -> None:
    """Only a public key is a device."""
    verdict = Login(world, SSHD, proven_key=shown, **HOST).code(code() + b"+")
    assert (Reason.OK, []) == (verdict.reason, world.devices)
