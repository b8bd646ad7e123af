"""Why a round ended as it did: one closed list for the audit, the log, the documentation and the tests."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The reason of a verdict, as the audit writes it. `docs/reasons.md` explains each to an admin."""

    OK = "ok"
    """An Accept with everything that was owed, or a Challenge after the right password."""
    REPEATED = "repeated"
    """The stored reply to this very datagram was sent again."""
    NOT_ENROLLED_ACCEPTED = "not-enrolled-accepted"
    """`mfa.not_enrolled: accept` let in an account that owes a code and has no token."""

    UNSUPPORTED_METHOD = "unsupported-method"
    """CHAP, MS-CHAP, EAP: nothing that could carry a code beside the password."""
    BAD_NAME = "bad-name"
    """The User-Name is missing, empty, not UTF-8 or has control characters."""
    NO_PASSWORD = "no-password"
    """The User-Password is missing, empty, or has a NUL inside."""
    UNKNOWN_ACCOUNT = "unknown-account"
    WRONG_PASSWORD = "wrong-password"
    DISABLED = "disabled"
    NOT_ALLOWED = "not-allowed"
    """The password is right; the client's `groups` do not admit this account."""

    NOT_ENROLLED = "not-enrolled"
    """The account owes a code and has no token yet."""
    TOKEN_DISABLED = "token-disabled"
    TOKEN_UNREADABLE = "token-unreadable"
    """The secret of the token is corrupt, or sealed under another key."""
    LOCKED = "locked"

    CODE_MISSING = "code-missing"
    """A right password alone, from a client whose dialogue has no second round."""
    NOT_A_CODE = "not-a-code"
    """The answer cannot be a code of this account: it is not counted."""
    WRONG_CODE = "wrong-code"
    """The answer could have been a code and is not: it is counted."""
    STALE_CODE = "stale-code"
    """The code was right at a step that has been used or left behind."""
    SKEWED_CODE = "skewed-code"
    """The code is right at a step outside the window: the clock of the phone or of this host is off."""
    USED_CODE = "used-code"
    """The recovery code has been used or has expired, or another login took the code a moment before."""

    STATE_INVALID = "state-invalid"
    """The State does not open for this client and address, or is not this account's."""
    STATE_EXPIRED = "state-expired"
    STATE_SPENT = "state-spent"
    STATE_OUTDATED = "state-outdated"
    """Password, MFA, groups or locks of the account changed after the challenge."""
    ACCOUNT_CHANGED = "account-changed"
    """The account was locked, disabled or changed while this round was at work."""

    UNAVAILABLE = "unavailable"
    """Store, audit or hash slots did not answer in time: nothing was changed. Over RADIUS there is no reply at all."""
    INTERNAL = "internal-error"
    """A fault of the program; the log has the trace."""
