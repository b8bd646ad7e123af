"""Trusted devices: which one a request shows, whether it stands in for the code, how one comes to be trusted.

The password is always checked. A device is bound to its account, to the client or service it was trusted at, and to
what shows it: a token, a key that sshd has proven, an address. It is trusted for a fixed time, whatever its use.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Generator
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Any

from radius_mfa.auth import policy, throttle
from radius_mfa.auth.asks import Ask, Commit, FindDevice, Loss, MakeDeviceToken, Outcome, Trust, UseDevice
from radius_mfa.auth.claims import claim, proven_keys
from radius_mfa.auth.model import (
    LOCAL,
    Account,
    Claim,
    Device,
    DeviceKind,
    DeviceToken,
    LoginRequest,
    Method,
    Verdict,
)
from radius_mfa.auth.policy import Rules
from radius_mfa.auth.reasons import Reason
from radius_mfa.auth.texts import Text, lasting, say
from radius_mfa.auth.verdicts import accept, lost, reject, repeated

CLOCK_SLACK = 60.0
"""Seconds by which the clock may be behind the last use of a device: a clock set back further makes none older."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What comes of a wish to trust: the device to be made, the token its front end keeps, and what is said."""

    trust: Trust | None = None
    token: DeviceToken | None = None
    text: str = ""


NOTHING = Granted()


def try_device(
    request: LoginRequest, account: Account, tag: bytes, rules: Rules
) -> Generator[Ask, Any, Verdict | None]:
    """The verdict that a trusted device brings after the right password; None where there is none to trust."""
    shown = _shown(request, account)
    if shown is None or throttle.locked(account.history, request.at):
        return None
    device: Device | None = yield FindDevice(account, shown, request.digest)
    if device is None or not _live(device, request.at):
        return None
    if account.backend != LOCAL and not compare_digest(device.tag or b"", tag):
        # Another password: what was trusted with the one before is not any more.
        verdict = reject(request, Reason.CODE_MISSING)
        yield Commit(account, verdict, request.at, request.digest, forget=device.id)
        return None
    return (yield from _use(request, account, device, shown, rules))


def grant(request: LoginRequest, account: Account, tag: bytes, rules: Rules) -> Generator[Ask, Any, Granted]:
    """What a wish comes to with a code that fits. Where nothing can be trusted, the login goes on all the same."""
    shown, token = _shown(request, account), None
    expires = request.at + rules.trust.lifetime
    if request.client.trusted_devices is DeviceKind.TOKEN and request.signed:
        octets: bytes = yield MakeDeviceToken()
        shown = Claim(DeviceKind.TOKEN, request.client.shortname, octets)
        token = DeviceToken(octets, expires)
    if shown is None or (account.backend != LOCAL and not tag):
        return NOTHING
    trust = Trust(shown, _label(request, shown), expires, rules.trust.most, tag or None)
    return Granted(trust, token, say(Text.TRUSTED, time=lasting(rules.trust.lifetime)))


def _use(
    request: LoginRequest, account: Account, device: Device, shown: Claim, rules: Rules
) -> Generator[Ask, Any, Verdict | None]:
    """Let the device in. One whose mark was changed by this very datagram has to lose, and finds its reply."""
    after, token = shown, None
    if shown.kind is DeviceKind.TOKEN:
        octets: bytes = yield MakeDeviceToken()
        after, token = replace(shown, mark=octets), DeviceToken(octets, device.expires)
    verdict = accept(request, account, Method.DEVICE, policy.low_on_codes(account, rules), device=token)
    outcome: Outcome = yield Commit(
        account,
        verdict,
        request.at,
        request.digest,
        consume=UseDevice(device.id, shown, after),
        place=policy.place_key(request),
    )
    if outcome.stored is not None:
        return repeated(outcome.stored)
    if outcome.lost is Loss.CONSUMED:
        return None  # another request of the same device was faster: this one is asked for a code
    return verdict if outcome.lost is None else lost(request, outcome.lost)


def _live(device: Device, at: float) -> bool:
    return device.created <= at + CLOCK_SLACK and device.last_used <= at + CLOCK_SLACK and at < device.expires


def _shown(request: LoginRequest, account: Account) -> Claim | None:
    """The claim of this request for this account: root is never trusted by an address."""
    shown = claim(request)
    by_address = shown is not None and shown.kind is DeviceKind.CALLING_STATION
    return None if by_address and account.name == policy.ROOT else shown


def _label(request: LoginRequest, shown: Claim) -> str:
    """What the device is called in lists and in the notice, until it is given another name."""
    if shown.kind is not DeviceKind.SSH_KEY:
        return policy.place(request)[: policy.LONGEST_PLACE]
    # As `ssh-keygen -l` prints it.
    key = proven_keys(request).split()[-1]
    try:
        blob = base64.b64decode(key, validate=True)
    except ValueError:
        return "ssh key"
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
