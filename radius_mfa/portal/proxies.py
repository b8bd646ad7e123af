"""Where a visitor comes from when a proxy stands before the portal."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Sequence

from radius_mfa.settings.addresses import Network

log = logging.getLogger(__name__)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Proxies:
    """Those whose X-Forwarded-For is believed: the networks, and whoever may connect to a Unix socket."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = trusted

    def visitor(self, peer: str | None, forwarded: Sequence[str]) -> str:
        """The visitor's address: of those in `forwarded`, the values of X-Forwarded-For, the last that is no proxy's.

        `peer` is who has connected, None for a Unix socket. What cannot be read makes it the peer's own address, which
        is empty for a Unix socket.
        """
        own = _address(peer or "")
        if own is not None and not self._believes(own):
            return str(own)
        hops = [_address(hop) for hop in ",".join(forwarded).split(",")]
        if None in hops:
            log.warning("portal: the proxy sends no X-Forwarded-For, or one that cannot be read: see docs/portal.md")
            return str(own or "")
        strangers = [hop for hop in hops if hop is not None and not self._believes(hop)]
        return str(strangers[-1] if strangers else hops[0])

    def _believes(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)


def _address(text: str) -> _Address | None:
    """None for what is no address. An IPv4 address is one, whatever the socket that it came to."""
    try:
        found = ipaddress.ip_address(text.strip(" \t"))
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        return None if found.scope_id else found.ipv4_mapped or found
    return found
