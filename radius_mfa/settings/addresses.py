"""Where the server listens and who its clients are: endpoints, networks, the database."""

from __future__ import annotations

import ipaddress
import re
import socket
from pathlib import Path
from typing import Annotated, NamedTuple

from radius_mfa.settings.scalars import Scalar, mistake

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ENDPOINT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<v4>[0-9.]+)):(?P<port>0|[1-9][0-9]{0,4})")
_SQLITE = "sqlite:///"


class Endpoint(NamedTuple):
    """An address to bind and its port; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        """AF_INET or AF_INET6."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint(text: str) -> Endpoint:
    """`192.0.2.1:1812` or `[2001:db8::1]:1812`; ValueError for anything else, host names included."""
    match = _ENDPOINT.fullmatch(text)
    if not match or int(match["port"]) > 65535:
        raise ValueError
    host = ipaddress.IPv6Address(match["v6"]) if match["v6"] else ipaddress.IPv4Address(match["v4"])
    return Endpoint(str(host), int(match["port"]))


def network(text: str) -> Network:
    """An address, or a network with its prefix written out.

    ValueError with a text of its own where the likely fix is known: host bits, an IPv4-mapped address, and `0.0.0.0`,
    which looks like "any client" and is none.
    """
    try:
        found = ipaddress.ip_network(text, strict=False)
        exact = ipaddress.ip_network(text, strict=True) if "/" in text else found
    except ValueError:
        exact = None
        found = ipaddress.ip_network(text, strict=False)
    if isinstance(found, ipaddress.IPv6Network) and found.network_address.ipv4_mapped:
        raise mistake("takes the IPv4 address itself, not its IPv6-mapped form")
    if exact is None:
        raise mistake(f"has bits set beyond its prefix (did you mean {found}?)")
    if found.network_address.is_unspecified and "/" not in text:
        raise mistake(f"takes the address the client sends from (or {found.network_address}/0 for every address)")
    return found


def database(text: str) -> str:
    """A `sqlite:////absolute/path` URL, as it stands."""
    path = text.removeprefix(_SQLITE)
    if path == text or not path.startswith("/") or path.endswith("/") or "?" in path or "\n" in path:
        raise ValueError
    return text


def database_path(store: str) -> Path:
    """The file a store URL names."""
    return Path(store.removeprefix(_SQLITE))


def _endpoint_or_socket(text: str) -> Endpoint | Path:
    path = text.removeprefix("unix:")
    if path == text:
        return endpoint(text)
    if not path.startswith("/") or "\n" in path:
        raise ValueError
    return Path(path)


ENDPOINT = Scalar(
    read=endpoint,
    says="takes ADDRESS:PORT or [IPv6]:PORT, such as 0.0.0.0:1812 or [::]:1812",
    schema={"type": "string", "pattern": r"^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]{1,5}$", "examples": ["0.0.0.0:1812"]},
)
NETWORK = Scalar(
    read=network,
    says="takes an address or a network, such as 192.0.2.10 or 192.0.2.0/24",
    schema={"type": "string", "pattern": "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$", "examples": ["192.0.2.10", "192.0.2.0/24"]},
    write=lambda found: str(found.network_address if found.prefixlen == found.max_prefixlen else found),
)
STORE = Scalar(
    read=database,
    says="takes sqlite:/// and an absolute path, such as sqlite:////var/lib/radius-mfa/radius-mfa.db",
    schema={
        "type": "string",
        "pattern": "^sqlite:////[^?]*[^?/]$",
        "examples": ["sqlite:////var/lib/radius-mfa/radius-mfa.db"],
    },
)
_DOOR: Scalar[Endpoint | Path] = Scalar(
    read=_endpoint_or_socket,
    says="takes ADDRESS:PORT or unix:/path, such as 127.0.0.1:8443",
    schema={"type": "string", "pattern": r"^(unix:/.+|(\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]{1,5})$"},
    write=lambda found: f"unix:{found}" if isinstance(found, Path) else str(found),
)

RadiusEndpoint = Annotated[Endpoint, ENDPOINT]
PortalEndpoint = Annotated[Endpoint | Path, _DOOR]
ClientNetwork = Annotated[Network, NETWORK]
Store = Annotated[str, STORE]
