"""What browsers keep for the portal: a session, a login under way, the token of a trusted device.

The prefix `__Host-` lets a browser take such a cookie from this very host over TLS alone.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from starlette.responses import Response

SESSION = "__Host-session"
LOGIN = "__Host-login"
DEVICE = "__Host-device"


def put(response: Response, name: str, value: str, lifetime: float | None = None) -> None:
    """Let the browser keep this; without a `lifetime` (seconds) until it is closed."""
    age = None if lifetime is None else int(lifetime)
    # Lax for the session: a link in a notice is to find its reader signed in. No form is taken from another site.
    same_site = "lax" if name == SESSION else "strict"
    response.set_cookie(name, value, max_age=age, path="/", secure=True, httponly=True, samesite=same_site)  # type: ignore[arg-type]


def drop(response: Response, name: str) -> None:
    """Let the browser forget this."""
    response.delete_cookie(name, path="/", secure=True, httponly=True)


def octets(cookies: Mapping[str, str], name: str) -> bytes | None:
    """The octets of a cookie that `text` made; None for none, and for what is no such text."""
    try:
        return base64.urlsafe_b64decode(cookies[name].encode("ascii")) or None
    except (KeyError, ValueError, binascii.Error):
        return None


def text(octets: bytes) -> str:
    """Octets as a cookie can hold them."""
    return base64.urlsafe_b64encode(octets).decode("ascii")
