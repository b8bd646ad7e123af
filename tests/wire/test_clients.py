"""Which client a source address is (DESIGN 4; THREATS 97)."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_mfa.radius.clients import Clients
from tests.wire.packets import client

NETWORKS = {
    "host": "192.0.2.10/32",
    "office": "192.0.2.0/24",
    "site": "192.0.0.0/16",
    "v6-host": "2001:db8::10/128",
    "v6-office": "2001:db8::/64",
    "mapped": "::ffff:198.51.100.0/120",
}
CLIENTS = Clients([client(network=network, shortname=name) for name, network in NETWORKS.items()])


def found(source: str) -> str | None:
    """The shortname of the client at an address, asked for as text and packed."""
    by_text, by_octets = CLIENTS.find(source), CLIENTS.find(ip_address(source.partition("%")[0]).packed)
    assert by_text is by_octets
    return by_text.shortname if by_text else None


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("192.0.2.10", "host"),
        ("192.0.2.11", "office"),
        ("192.0.2.255", "office"),
        ("192.0.3.0", "site"),
        ("192.1.0.0", None),
        ("0.0.0.0", None),
        ("127.0.0.1", None),
        ("2001:db8::10", "v6-host"),
        ("2001:db8::11", "v6-office"),
        ("2001:db8:0:1::1", None),
        ("::", None),
        ("::ffff:192.0.2.10", "host"),
        ("::ffff:192.0.3.1", "site"),
        ("::192.0.2.10", None),
        ("198.51.100.7", "mapped"),
        ("::ffff:198.51.100.7", "mapped"),
        ("198.51.101.7", None),
    ],
)
def test_the_longest_prefix_wins(source: str, name: str | None) -> None:
    """The most narrow written network decides; who is in none is nobody; a mapped address is the IPv4 address."""
    assert name == found(source)


def test_the_order_of_the_file_decides_nothing() -> None:
    """The same client is found however the file orders them."""
    backwards = Clients([client(network=network, shortname=name) for name, network in reversed(NETWORKS.items())])
    assert "host" == getattr(backwards.find("192.0.2.10"), "shortname", None)


def test_nobody_by_default() -> None:
    """Without clients nobody is one."""
    assert Clients([]).find("192.0.2.10") is None
    assert Clients([]).find("::1") is None


def test_any_address_only_when_written() -> None:
    """0.0.0.0/0 is every IPv4 address and no IPv6 one; narrower networks still win."""
    clients = Clients([client(network="0.0.0.0/0", shortname="any"), client(network="10.0.0.0/8", shortname="ten")])
    names = [getattr(clients.find(source), "shortname", None) for source in ("8.8.8.8", "10.1.2.3", "2001:db8::1")]
    assert ["any", "ten", None] == names


def test_a_link_local_source() -> None:
    """The interface that the kernel adds to a link-local address is not part of it."""
    clients = Clients([client(network="fe80::/10", shortname="link")])
    assert "link" == getattr(clients.find("fe80::1%eth0"), "shortname", None)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=20), st.integers(0, 2**32 - 1))
def test_as_ipaddress_finds_it(prefixes: list[tuple[int, int]], source: int) -> None:
    """The client found is the one a search through all networks finds."""
    address = ip_address(source)
    networks = {ip_network((start >> 32 - size << 32 - size, size)) for start, size in prefixes}
    clients = Clients([client(network=str(network), shortname=str(network)) for network in networks])
    expected = max((n for n in networks if address in n), key=lambda network: network.prefixlen, default=None)
    got = clients.find(socket.inet_ntoa(address.packed))
    assert (str(expected) if expected else None) == (got.shortname if got else None)


def test_many_addresses_of_a_network_take_bounded_memory() -> None:
    """Each finds its client, the first again after the last; of strangers nothing is kept."""
    network = Clients([client(network="10.0.0.0/8", shortname="net")])
    addresses = [f"10.{number >> 8 & 255}.{number & 255}.1" for number in range(10_000)]
    assert {"net"} == {known.shortname for address in (*addresses, addresses[0]) if (known := network.find(address))}
    assert {None} == {network.find(f"192.0.2.{number}") for number in range(256)}
    assert len(network._heard) <= 4096
