"""A QR code drawn with half blocks: two modules high and one wide are about square in a terminal."""

from __future__ import annotations

QUIET_ZONE = 4
"""Modules of margin (ISO/IEC 18004 section 6.3.8)."""
_INK = "\x1b[38;5;16;48;5;231m"
_END = "\x1b[0m"


def draw(text: str, colours: bool) -> list[str]:
    """The lines of the QR code of this text.

    With colours it is black on white whatever the terminal looks like; without, light modules are drawn, since most
    terminals are dark.
    """
    rows = modules(text)
    rows += [[False] * len(rows[0])] * (len(rows) % 2)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    lines = ["".join(_glyph(top is colours, low is colours) for top, low in zip(*pair, strict=True)) for pair in pairs]
    return [f"{_INK}{line}{_END}" for line in lines] if colours else lines


def modules(text: str) -> list[list[bool]]:
    """The QR code with its quiet zone, row by row; True is dark. Lowest error correction: a screen has no stains."""
    from qrcode.constants import ERROR_CORRECT_L
    from qrcode.main import QRCode

    code = QRCode(error_correction=ERROR_CORRECT_L, border=QUIET_ZONE)
    code.add_data(text)
    return [[bool(module) for module in row] for row in code.get_matrix()]


def _glyph(top: bool, low: bool) -> str:
    return (" ", "▄", "▀", "█")[2 * top + low]
