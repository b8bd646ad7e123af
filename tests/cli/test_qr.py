"""The QR code in the terminal can be read by a phone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import png
import pytest

from radius_mfa.cli import qr

URI = "otpauth://totp/Example%20PBX:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example%20PBX"
SCALE = 4


def seen(lines: list[str]) -> list[list[int]]:
    """What a camera sees of half blocks: 255 where ink is light, 0 where it is dark, module by module."""
    rows = []
    for line in lines:
        text = re.sub(r"\x1b\[[0-9;]*m", "", line)
        light, dark = (0, 255) if text != line else (255, 0)
        rows.append([light if glyph in "▀█" else dark for glyph in text])
        rows.append([light if glyph in "▄█" else dark for glyph in text])
    return rows


@pytest.mark.needs("zbarimg", package="zbar-tools")
@pytest.mark.parametrize("colours", [False, True])
def test_a_phone_reads_what_is_drawn(colours: bool, tmp_path: Path) -> None:
    """With colours and without, the drawing holds the very text."""
    rows = [[grey for grey in row for _ in range(SCALE)] for row in seen(qr.draw(URI, colours)) for _ in range(SCALE)]
    png.from_array(rows, "L").save(tmp_path / "qr.png")
    read = subprocess.run(["zbarimg", "-q", "--raw", tmp_path / "qr.png"], capture_output=True, text=True, check=True)
    assert read.stdout.strip() == URI


def test_a_drawing_has_its_quiet_zone_and_fits_a_terminal() -> None:
    """Four light modules all around, in fewer than 80 columns; coloured lines end the colour."""
    lines = qr.draw(URI, colours=False)
    assert max(map(len, lines)) < 80
    assert lines[0] == lines[1] == "█" * len(lines[0])
    assert all(line.startswith("████") and line.endswith("████") for line in lines)
    assert all(line.endswith("\x1b[0m") for line in qr.draw(URI, colours=True))
