"""The key of a new authenticator as a page shows it: a picture, letters to type, and a link to tap."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from itertools import groupby

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

from radius_mfa.auth.model import Algorithm
from radius_mfa.mail import otpauth
from radius_mfa.mail.picture import QUIET_ZONE


@dataclass(frozen=True, slots=True)
class NewPhone:
    """What new-phone.html shows. `picture`: the path of an SVG of `size` by `size` modules."""

    key: str = field(repr=False)
    uri: str = field(repr=False)
    picture: str = field(repr=False)
    size: int
    digits: int
    period: int
    algorithm: str


def new_phone(secret: bytes, account: str, issuer: str, digits: int, period: int, algorithm: Algorithm) -> NewPhone:
    """A TOTP key for an authenticator app. Raises OperationFailed for a name that no app can show."""
    key = base64.b32encode(secret).decode("ascii").rstrip("=")
    uri = otpauth.uri(key, account, issuer, digits=digits, period=period, algorithm=algorithm.value)
    picture, size = _draw(uri)
    name = algorithm.value.upper().replace("SHA", "SHA-")
    return NewPhone(otpauth.grouped(key), uri, picture, size, digits, period, name)


def _draw(text: str) -> tuple[str, int]:
    """The dark modules of the QR code as one path, a strip at a time, and how wide it is with its quiet zone."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE)
    code.add_data(text)
    modules = code.get_matrix()
    strips = []
    for y, row in enumerate(modules):
        for dark, strip in groupby(range(len(row)), key=row.__getitem__):
            if dark:
                x, *more = strip
                strips.append(f"M{x} {y}h{1 + len(more)}v1H{x}z")
    return "".join(strips), len(modules)
