"""Which client a datagram is from: its source address decides, and the longest prefix wins."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from radius_mfa.auth.model import ClientPolicy
from radius_mfa.radius.secret import SharedSecret

DOCUMENTATION_VENDOR = 32473
"""The vendor number of examples (RFC 5612), which stands until an admin sets one."""

Network = IPv4Network | IPv6Network
_HEARD = 4096
"""Addresses of clients that need no search; strangers are never among them."""
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96, an IPv4 address on an IPv6 socket, RFC 4291 section 2.5.5.2


@dataclass(frozen=True, slots=True)
class Client:
    """Who may ask, and how.

    `index` counts from 0 in the order of the configuration. `vendor` is the number of our vendor attributes.
    """

    shortname: str
    network: Network
    index: int
    policy: ClientPolicy
    secret: SharedSecret = field(repr=False)
    require_message_authenticator: bool = True
    vendor: int = DOCUMENTATION_VENDOR


class Clients:
    """All clients, found by source address. Nobody is a client who is not in a written network."""

    def __init__(self, clients: Iterable[Client]) -> None:
        prefixes: dict[tuple[int, int], dict[int, Client]] = {}
        for client in clients:
            network = _unmapped(client.network)
            rest = network.max_prefixlen - network.prefixlen
            size = network.max_prefixlen // 8
            prefixes.setdefault((size, rest), {})[int(network.network_address) >> rest] = client
        self._heard: dict[str, Client] = {}
        self._prefixes: dict[int, list[tuple[int, dict[int, Client]]]] = {4: [], 16: []}
        for (size, rest), by_prefix in sorted(prefixes.items(), key=lambda item: item[0]):
            self._prefixes[size].append((rest, by_prefix))

    def find(self, source: str | bytes) -> Client | None:
        """The client at this address, as text or packed (4 or 16 octets), or None.

        An IPv4 address mapped into IPv6 is that IPv4 address.
        """
        if isinstance(source, bytes):
            return self._search(source)
        known = self._heard.get(source)
        if known is not None:
            return known
        found = self._search(_pack(source))
        if found is not None:
            if len(self._heard) >= _HEARD:
                self._heard.clear()
            self._heard[source] = found
        return found

    def _search(self, packed: bytes) -> Client | None:
        if packed.startswith(_MAPPED):
            packed = packed[12:]
        address = int.from_bytes(packed, "big")
        for rest, by_prefix in self._prefixes[len(packed)]:
            client = by_prefix.get(address >> rest)
            if client is not None:
                return client
        return None


def _unmapped(network: Network) -> Network:
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped is not None:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


def _pack(source: str) -> bytes:
    if ":" in source:
        return socket.inet_pton(socket.AF_INET6, source.partition("%")[0])  # link-local addresses come with %interface
    return socket.inet_pton(socket.AF_INET, source)
