"""Labels: what people call their devices and authenticators."""

from __future__ import annotations

from radius_mfa.errors import OperationFailed

LONGEST_LABEL = 64
"""Characters."""


def is_label(text: str) -> bool:
    """Whether lists and mails can show it; an empty one is none at all."""
    return len(text) <= LONGEST_LABEL and text.isprintable()


def check(text: str) -> None:
    """Raises OperationFailed for what is no label."""
    if not is_label(text):
        raise OperationFailed(f"{text!r} is no label", f"printable, and not longer than {LONGEST_LABEL} characters")
