"""The QR code of a mail: a small PNG, black on white with its quiet zone, whatever the colours around it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import png
from qrcode.constants import ERROR_CORRECT_L, ERROR_CORRECT_M
from qrcode.main import QRCode

QUIET_ZONE = 4
"""Modules of margin (ISO/IEC 18004 section 6.3.8)."""
_WIDEST = 300
_DENSITY = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """`png` shows the code at `size` CSS pixels; it has twice as many, for the screens of phones."""

    png: bytes = field(repr=False)
    size: int


def draw(text: str) -> Picture:
    """The QR code of this text, at most 300 CSS pixels; where names are very long, at the lowest error correction."""
    picture = _draw(text, ERROR_CORRECT_M)
    return picture if picture.size <= _WIDEST else _draw(text, ERROR_CORRECT_L)


def _draw(text: str, correction: int) -> Picture:
    code = QRCode(error_correction=correction, border=QUIET_ZONE)
    code.add_data(text)
    modules = code.get_matrix()
    pixels = max(2, _WIDEST // len(modules))  # of CSS, for one module: whole ones stay sharp on every screen
    scale = pixels * _DENSITY
    size = len(modules) * scale
    rows = ([not module for module in row for _ in range(scale)] for row in modules for _ in range(scale))
    written = io.BytesIO()
    png.Writer(size, size, greyscale=True, bitdepth=1, compression=9).write(written, rows)
    return Picture(written.getvalue(), len(modules) * pixels)
