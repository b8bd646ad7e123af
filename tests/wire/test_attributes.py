"""Attributes by name: the dictionary, their encoding, and what is said of mistakes."""

from __future__ import annotations

import pytest

from radius_mfa.radius.attributes import DICTIONARY, MAX_LENGTH, encode, problems


@pytest.mark.parametrize(
    ("name", "value", "octets"),
    [
        ("Service-Type", "Administrative-User", "060600000006"),
        ("Service-Type", "6", "060600000006"),
        ("Service-Type", "0x06", "060600000006"),
        ("Session-Timeout", "3600", "1b0600000e10"),
        ("Session-Timeout", "010", "1b060000000a"),
        ("Framed-IP-Address", "192.0.2.1", "0806c0000201"),
        ("Filter-Id", "admins", "0b0861646d696e73"),
        ("Filter-Id", "0x61", "0b0630783631"),
        ("Class", "0x0102", "19040102"),
        ("Cisco-AVPair", "shell:priv-lvl=15", "1a1900000009011373" + b"hell:priv-lvl=15".hex()),
        ("ACL-Auth-Level", "ACL-Auth-SecurityAdminLevel", "1a0c0000138b2306000000c8"),
        ("Login-IPv6-Host", "2001:db8::1", "621220010db8000000000000000000000001"),
    ],
)
def test_a_value_on_the_wire(name: str, value: str, octets: str) -> None:
    """Names of values, numbers, addresses and text are encoded as their attribute says."""
    assert octets == encode({name: value}).hex()
    assert [] == problems({name: value})


def test_several_keep_their_order() -> None:
    """Attributes come out in the order they are written in."""
    assert "0b0361060600000006" == encode({"Filter-Id": "a", "Service-Type": "6"}).hex()
    assert b"" == encode({})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Service-Tipe", "6", "unknown RADIUS attribute (did you mean 'Service-Type'?)"),
        ("service-type", "6", "unknown RADIUS attribute (did you mean 'Service-Type'?)"),
        ("Frobnicate", "6", "unknown RADIUS attribute"),
        (
            "Service-Type",
            "Administrative",
            "'Administrative' is not a value of Service-Type (did you mean 'Administrative-User'?)",
        ),
        ("Service-Type", "-1", "'-1' is not a value of Service-Type"),
        ("Session-Timeout", "1h", "'1h' is not of type integer"),
        ("Session-Timeout", "4294967296", "'4294967296' is not of type integer"),
        ("Framed-IP-Address", "192.0.2.256", "'192.0.2.256' is not of type ipaddr"),
        ("Filter-Id", "a" * 254, f"'{'a' * 254}' is not of type string"),
        ("Class", "0x0g", "'0x0g' is not of type octets"),
        ("State", "x", "set by the server alone"),
        ("Message-Authenticator", "x", "set by the server alone"),
        ("Proxy-State", "x", "set by the server alone"),
        ("Device-Token-Set", "x", "set by the server alone"),
    ],
)
def test_a_mistake_is_named(name: str, value: str, message: str) -> None:
    """A wrong name or value is said with the name, and with what was probably meant."""
    ((where, said),) = problems({name: value})
    assert name == where
    assert said.startswith(message)


def test_all_mistakes_at_once() -> None:
    """Every mistake is reported, in the order of the file."""
    wrong = {"Nothing": "1", "Service-Type": "Login-User", "State": "1"}
    assert ["Nothing", "State"] == [name for name, _ in problems(wrong)]


def test_too_many_octets() -> None:
    """Attributes that would not leave room for the rest of a reply are a mistake of the whole map."""
    names = ["Filter-Id", "Callback-Id", "Framed-Route", "Cisco-AVPair", "Patton-Group"]
    ((name, message),) = problems(dict.fromkeys(names, "a" * 240))
    assert ("", True) == (name, str(MAX_LENGTH) in message)


def test_every_value_of_the_dictionary_encodes() -> None:
    """No named value of our dictionary is out of range for its attribute."""
    named = [(name, value) for name, known in DICTIONARY.attributes.items() for value in known.values.forward]
    assert len(named) > 50
    for name, value in named:
        assert encode({name: value})
    assert set() == DICTIONARY.skipped_attributes
