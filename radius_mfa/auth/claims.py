"""What a request shows of a device, and whether it wishes that the device be trusted: questions about it alone."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from radius_mfa.auth.model import Claim, ClientPolicy, DeviceKind, Door, FirstFactor, LoginRequest

RAISING = frozenset({"sudo", "sudo-i", "su", "su-l", "runuser", "runuser-l", "polkit-1", "pkexec", "doas"})
"""PAM services that raise rights: no address is ever trusted there."""
_KEY = re.compile(r"^publickey (\S+ \S+)", re.MULTILINE)


def may_trust(client: ClientPolicy) -> bool:
    """Whether a `+` behind the code is more than text at this client or service."""
    return client.trusted_devices is not None


def wished(request: LoginRequest, answer: bytes) -> tuple[bytes, bool]:
    """An answer without the `+` that wishes for trust, and whether that was wished for; elsewhere `+` is text."""
    if not may_trust(request.client):
        return answer, False
    return answer.removesuffix(b"+"), request.trust_wish or answer.endswith(b"+")


def claim(request: LoginRequest) -> Claim | None:
    """What this request shows of a device; None where it shows none that this client or service can trust."""
    kind = request.client.trusted_devices
    if kind is None or request.first_factor is not FirstFactor.CHECK:
        return None
    mark = _mark(request, kind)
    return Claim(kind, request.client.shortname, mark) if mark else None


def offers_trust(request: LoginRequest) -> bool:
    """Whether a `+` would be granted as far as it hangs on the request. A front end with tokens asks in its own way."""
    return request.client.trusted_devices is not DeviceKind.TOKEN and claim(request) is not None


def station(text: str) -> IPv4Address | IPv6Address | None:
    """The literal address of one host; None for all else that a Calling-Station-Id or PAM_RHOST may say."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if address.is_unspecified or address.is_multicast or address.is_loopback or address.is_reserved:
        return None
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address.scope_id):
        return None  # the same host could be written in two ways, or only be known on one interface
    return address


def proven_keys(request: LoginRequest) -> str:
    """The public keys that sshd has proven, a line each, as authorized_keys has them.

    A line of SSH_AUTH_INFO_0 is a method and what it has shown. No other method shows a key of this user, and behind a
    FIDO key stands how often it has signed, which is another number in each login.
    """
    return "\n".join(_KEY.findall(request.proven_key))


def _mark(request: LoginRequest, kind: DeviceKind) -> bytes | None:
    match kind:
        case DeviceKind.TOKEN:
            return request.device_token
        case DeviceKind.SSH_KEY if request.door is Door.PAM and (keys := proven_keys(request)):
            return f"{keys}\0{request.service}\0{request.host}".encode()
        case DeviceKind.CALLING_STATION if request.service not in RAISING:
            address = station(request.rhost if request.door is Door.PAM else request.calling_station)
            return f"{request.door}\0{address}".encode() if address is not None else None
    return None
