"""What an account's owner is told by mail of a login."""

from __future__ import annotations

from typing import Any, TypeVar

from radius_mfa.auth import policy
from radius_mfa.auth.asks import Notice
from radius_mfa.auth.model import Account, LoginRequest
from radius_mfa.auth.policy import LONGEST_PLACE, Rules

News = TypeVar("News", bound=Notice)


def news(kind: type[News], request: LoginRequest, account: Account, rules: Rules, **facts: Any) -> tuple[News, ...]:  # noqa: ANN401
    """One notice of this kind, with its own `facts`; none where none can be sent."""
    if policy.mailed(account, rules) is None:
        return ()
    return (
        kind(
            account=account.name,
            language=account.language or "",
            at=request.at,
            client=request.client.shortname,
            address=policy.place(request)[:LONGEST_PLACE],
            **facts,
        ),
    )
