"""One flow at work, from its request to the octets that answer it."""

from __future__ import annotations

from collections.abc import Callable

from radius_mfa.auth.asks import Ask
from radius_mfa.auth.model import LoginRequest, Verdict
from radius_mfa.auth.verdicts import Flow
from radius_mfa.errors import RadiusMfaError


class Round:
    """When it comes back from Authenticator.advance(), either `verdict` and `reply` are set, or `failed` is.

    `reply` are the octets to send, as `render` made them; a failed round is not answered at all, and nothing of it
    was changed unless `failed` is AuditLost.
    """

    __slots__ = (
        "ask",
        "failed",
        "name",
        "promised",
        "render",
        "reply",
        "request",
        "running",
        "started",
        "tried",
        "verdict",
    )

    def __init__(
        self, request: LoginRequest, running: Flow, render: Callable[[Verdict], bytes], started: float
    ) -> None:
        self.request = request
        self.running = running
        self.render = render
        self.started = started
        self.name: str | None = None
        self.ask: Ask | None = None
        self.tried: tuple[str, object] | None = None
        self.promised: Verdict | None = None
        self.verdict: Verdict | None = None
        self.reply = b""
        self.failed: RadiusMfaError | None = None

    @property
    def ended(self) -> bool:
        return self.verdict is not None or self.failed is not None
